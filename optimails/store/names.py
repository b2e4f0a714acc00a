"""Names of message files and folders.

A message is ``<seconds>.M<microseconds>P<pid>Q<serial>.<host>``, unique on this machine as Maildir asks, without flags
(they live in the index). The process id lets recovery tell a message that a dead process left half-way from one that a
living one is just storing.

A folder is named at its creation after the mailbox, for people who look into the tree, and keeps that name for ever: a
mailbox is renamed in the index and in the folder's label only, so that no rename on disk can be half done and no
writer's path goes stale.
"""

import hashlib
import itertools
import os
import re
import socket
import time
import urllib.parse

INBOX_FOLDER = ""
"""The INBOX is the Maildir itself."""

_OURS = re.compile(r"(\d+)\.M\d+P(\d+)Q\d+\.[^/:,]+(?:,S=(\d+))?")
_serial = itertools.count(1)
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40] or "localhost"
SETTLED = 600.0  # seconds after which a message is on disk, the journal's interval and more than all delays
_MAX_FOLDER = 160  # characters, well below what file systems allow


def new_name(size: int | None = None) -> str:
    """A name that was never given before on this machine.

    With ``size`` (bytes) it tells what belongs in the file, for one that is not synced: so a torn one is found out.
    """
    now = time.time_ns()
    name = f"{now // 10**9}.M{now // 1000 % 10**6:06d}P{os.getpid()}Q{next(_serial)}.{_HOST}"
    return name if size is None else f"{name},S={size}"


def writer(name: str) -> int | None:
    """The process id in a name of ours, None for other programs' names."""
    found = _OURS.fullmatch(name)
    return int(found[2]) if found else None


def promised_size(name: str) -> int | None:
    """What a name of ours says of the file's size in bytes; None when it was synced under that name."""
    found = _OURS.fullmatch(name)
    return int(found[3]) if found and found[3] else None


def unsettled(name: str) -> bool:
    """Whether the content may not be on disk yet, but for the journal: it came without a sync, and not long ago."""
    return ",S=" in name and time.time() - int(name.partition(".")[0]) < SETTLED and promised_size(name) is not None


def folder_name(mailbox: str, taken: frozenset[str]) -> str:
    """A Maildir++ folder name for a mailbox: readable, safe on any file system, not among ``taken``."""
    parts = [urllib.parse.quote(part, safe=" &()+,=@_-").replace(".", "%2E") for part in mailbox.split("/")]
    name = "." + ".".join(parts)
    if len(name) > _MAX_FOLDER:
        digest = hashlib.blake2b(mailbox.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        name = f"{name[:_MAX_FOLDER]}~{digest}"
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}~{number}"
    return candidate
