"""The data folder as the supervisor finds it: there, ours, and nobody else's."""

import contextlib
import fcntl
import os
from pathlib import Path

from optimails.supervisor.settings import CannotStart

LOCK = "supervisor.lock"


class DataFolder:
    """Its ``run`` folder holds what a running service needs and a stopped one does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run"
        self.events = self.run / "events"
        self.metrics = self.run / "metrics"
        self._lock: int | None = None

    def lock(self) -> None:
        """Make sure that we are its only supervisor; the lock goes with our process.

        Raises:
            CannotStart: the folder is missing, not ours, or served by somebody else.
        """
        if not self.path.is_dir():
            raise CannotStart(f"the data folder {self.path} does not exist; optimails init makes one")
        try:
            self.run.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.run / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.geteuid() == 0:  # we may be about to become the folder's owner
                owner = self.path.stat()
                os.chown(self.run, owner.st_uid, owner.st_gid)
                os.chown(descriptor, owner.st_uid, owner.st_gid)
        except OSError as wrong:
            raise CannotStart(f"the data folder {self.path} cannot be used: {wrong.strerror}") from wrong
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as wrong:
            other = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise CannotStart(f"process {other} serves the data folder {self.path} already") from wrong
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def prepare(self) -> None:
        """Make what a run needs, and clear what the last one left."""
        for folder in (self.events, self.metrics):
            folder.mkdir(mode=0o700, exist_ok=True)
        for stale in self.events.glob("*.sock"):
            with contextlib.suppress(OSError):
                stale.unlink()
