"""A message on its way to disk: small ones wait in memory, larger ones go to a temporary file as they come.

A door may discard it when its client goes away, while a thread is just storing it. So every step holds a lock, and a
step after ``discard`` fails: otherwise it would store a part of the message, or write to a descriptor that somebody
else has been given.
"""

import mmap
import os
import threading
from pathlib import Path

from optimails.model.errors import Unavailable
from optimails.store.names import new_name

IN_MEMORY = 256 * 1024  # bytes


class StagedFile:
    """What a door writes into while it receives; ``settle`` makes it durable under its temporary name."""

    def __init__(self, tmp: Path) -> None:
        self._tmp = tmp
        self._chunks: list[bytes] = []
        self._descriptor = -1
        self._path: Path | None = None
        self._map: mmap.mmap | None = None
        self._lock = threading.RLock()
        self._discarded = False
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises ``Unavailable`` when the disk is full."""
        with self._lock:
            self._expect_kept()
            self.size += len(data)
            try:
                if self._descriptor >= 0:
                    write_all(self._descriptor, data)
                    return
                self._chunks.append(data)
                if self.size > IN_MEMORY:
                    self._spill()
            except OSError as wrong:
                raise Unavailable("Mail storage is temporarily unavailable") from wrong

    def _expect_kept(self) -> None:
        if self._discarded:
            raise Unavailable("The message was given up")

    def _spill(self) -> None:
        self._path = self._tmp / new_name()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        write_all(self._descriptor, b"".join(self._chunks))
        self._chunks = []

    def view(self) -> bytes:
        with self._lock:
            self._expect_kept()
            if self._descriptor < 0:
                if len(self._chunks) > 1:
                    self._chunks = [b"".join(self._chunks)]
                return self._chunks[0] if self._chunks else b""
            if self._map is None:
                self._map = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)
            return self._map  # type: ignore[return-value]  # a map reads as bytes do: slices, find, regular expressions

    def settle(self) -> Path:
        """The temporary file with all of it, synced; the caller renames it."""
        with self._lock:
            self.view()
            if self._descriptor < 0:
                self._spill()
            assert self._path is not None
            descriptor = os.dup(self._descriptor)  # our own: the sync takes long, and ``discard`` must not wait for it
            path = self._path
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with self._lock:
            self._expect_kept()
            self._close()
        return path

    def placed(self) -> None:
        """The temporary file now has another name: nothing is left to discard."""
        self._path = None

    def discard(self) -> None:
        with self._lock:
            self._discarded = True
            self._close()
            self._chunks = []
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                self._path = None

    def _close(self) -> None:
        self._map = None  # closed when the last slice of it is gone
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.discard()


def write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
