"""Whether the disk can still be believed, until the next boot.

When the kernel could not write something, it says so once, to the call that waits for it; the next one succeeds,
whether or not the data ever reached the disk. So after such an error nothing that is settled by asking for everything
at once counts as settled in this boot: journals keep what they have, and the next boot puts back what is missing.
"""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

_NAME = "doubt"  # holds the name of the boot in which it happened


class Doubt:
    """Shared by all processes that use the journals of one folder."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._path = folder / _NAME
        self._boot = boot
        self._ours = False

    def __bool__(self) -> bool:
        if not self._ours:
            try:
                self._ours = self._path.read_text("utf-8") == self._boot
            except FileNotFoundError:
                return False
        return self._ours

    def begin(self, error: OSError) -> None:
        """The kernel has told of a failed write."""
        self._ours = True
        log.critical("disk_not_trusted", extra={"fields": {"error": error.strerror or str(error)}})
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, self._boot.encode())
        finally:
            os.close(descriptor)
