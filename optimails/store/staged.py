"""A message on its way to disk: small ones wait in memory, larger ones go to a temporary file as they come."""

import mmap
import os
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
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises ``Unavailable`` when the disk is full."""
        self.size += len(data)
        try:
            if self._descriptor >= 0:
                _write_all(self._descriptor, data)
                return
            self._chunks.append(data)
            if self.size > IN_MEMORY:
                self._spill()
        except OSError as wrong:
            raise Unavailable("Mail storage is temporarily unavailable") from wrong

    def _spill(self) -> None:
        self._path = self._tmp / new_name()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        _write_all(self._descriptor, b"".join(self._chunks))
        self._chunks = []

    def view(self) -> bytes:
        if self._descriptor < 0:
            if len(self._chunks) > 1:
                self._chunks = [b"".join(self._chunks)]
            return self._chunks[0] if self._chunks else b""
        if self._map is None:
            self._map = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)
        return self._map  # type: ignore[return-value]  # a map reads as bytes do: slices, find, regular expressions

    def settle(self) -> Path:
        """The temporary file with all of it, synced; the caller renames it."""
        self.view()
        if self._descriptor < 0:
            self._spill()
        assert self._path is not None
        os.fsync(self._descriptor)
        self._close()
        return self._path

    def placed(self) -> None:
        """The temporary file now has another name: nothing is left to discard."""
        self._path = None

    def discard(self) -> None:
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


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
