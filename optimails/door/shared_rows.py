"""One memory-mapped file for the workers of a host, in which each worker writes a row of its own and reads all.

Reading and writing take no lock and no system call. A row belongs to whoever holds a lock on its byte of the file, and
the kernel drops that lock with the process, however it ends.
"""

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

ROWS = 64  # workers on one host
HEAD = mmap.PAGESIZE  # one byte for each row: whether it is in use; the same bytes carry the locks
WIDTH = 16_384  # counters in each of the two tables of a sketch
_FLOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


class SharedRows:
    """``map`` is the whole file, ``row`` the number of our own row; its bytes begin at ``start(row)``."""

    def __init__(self, size: int, path: Path | None = None) -> None:
        """``size`` is that of a row in bytes. Without a ``path`` there is one row, in memory of our own."""
        self.size = size
        self._file = -1
        self.row = 0
        if path is None:
            self.map = mmap.mmap(-1, HEAD + ROWS * size)
            self.map[0] = 1
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._file).st_size < HEAD + ROWS * size:
            os.truncate(self._file, HEAD + ROWS * size)
        self.map = mmap.mmap(self._file, HEAD + ROWS * size)
        self.row = self._claim()

    def start(self, row: int) -> int:
        """Where a row begins in ``map``."""
        return HEAD + row * self.size

    def used(self) -> list[int]:
        """Rows that belong to somebody, or did until lately."""
        return [row for row, flag in enumerate(self.map[:ROWS]) if flag]

    def empty(self) -> None:
        """Begin our own row anew."""
        self.map[self.start(self.row) : self.start(self.row) + self.size] = bytes(self.size)

    def clear_dead(self) -> Iterator[int]:
        """Clear rows whose workers are gone; gives their numbers."""
        for row in range(ROWS):
            if row != self.row and self.map[row] and self._try_lock(row):
                self._clear(row)
                self._lock(row, fcntl.F_UNLCK)
                yield row

    def close(self, *, clear: bool = True) -> None:
        """Give the row back, emptied unless what stands there counts for a while longer."""
        if self._file >= 0:
            if clear:
                self._clear(self.row)
            self.map.close()
            os.close(self._file)
            self._file = -1

    def _claim(self) -> int:
        for row in range(ROWS):
            if self._try_lock(row):
                self.map[row] = 1
                return row
        raise RuntimeError(f"more than {ROWS} workers on one host")

    def _clear(self, row: int) -> None:
        self.map[self.start(row) : self.start(row) + self.size] = bytes(self.size)
        self.map[row] = 0

    def _try_lock(self, row: int) -> bool:
        if self._file < 0:
            return False
        try:
            self._lock(row, fcntl.F_WRLCK)
        except OSError:
            return False
        return True

    def _lock(self, row: int, kind: int) -> None:
        # An open-file-description lock: it belongs to this open file, not to whatever else the process has open.
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, row, 1, 0))


def places(key: str) -> tuple[int, int]:
    """Where a key counts in the two tables of a count-min sketch, which stand one behind the other.

    The smaller of the two counts is right, or too high by a little when strangers meet in both; never too low.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    first, second = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
    return first % WIDTH, WIDTH + second % WIDTH
