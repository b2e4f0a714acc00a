"""Rights and limits of the process: becoming another user, open files, dying with the parent."""

import ctypes
import grp
import os
import pwd
import resource
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class NoSuchUser(ValueError):
    """The configured user or group does not exist."""


def drop(user: str, group: str) -> bool:
    """Become ``user`` for good; gives False when we are not root, who alone can.

    Raises:
        NoSuchUser: user or group is not known here.
    """
    if not user or os.geteuid() != 0:
        return False
    try:
        entry = pwd.getpwnam(user)
        gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError as wrong:
        raise NoSuchUser(f"no such user or group: {user}{':' if group else ''}{group}") from wrong
    os.initgroups(user, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    return True


def raise_open_files() -> int:
    """Allow as many open files as the system grants us; gives that number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def die_with_parent() -> None:
    """Have the kernel kill us when the supervisor dies, even while we are stuck. Linux; elsewhere the pipe must do."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (AttributeError, OSError):
        return
