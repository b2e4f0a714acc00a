"""How many connections one account and one client address hold, over all workers of a host.

Every worker counts in a row of its own in one shared memory-mapped file, so that counting takes no lock and no system
call; a limit is checked against the sum of the rows. A row belongs to whoever holds a lock on its byte of the file, and
the kernel drops that lock with the process: before anybody is refused, rows of dead workers are cleared. So a killed
worker leaves nothing behind that matters.

A row has no names in it, only counters: each key adds to one counter in each of two tables, at places that its hash
gives, and the smaller of the two counts (a count-min sketch). Strangers that meet in both tables can make a count
too high by a little, never too low.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import struct
from pathlib import Path
from typing import Self

from optimails.config.login import LoginSettings
from optimails.door.guard import network_of, normal_address
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

_ROWS = 64  # workers on one host
_WIDTH = 16_384  # counters in each of the two tables
_ROW = 2 * _WIDTH * 2  # bytes
_HEAD = mmap.PAGESIZE  # one byte for each row: whether it is in use; the same bytes carry the locks
_MAX = 0xFFFF
_FLOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


class Held:
    """A connection that counts until ``release``."""

    __slots__ = ("_connections", "_places")

    def __init__(self, connections: "Connections | None", places: tuple[int, int]) -> None:
        self._connections = connections
        self._places = places

    def release(self) -> None:
        """It is gone; calling this again does nothing."""
        if self._connections is not None:
            self._connections._leave(self._places)  # noqa: SLF001 - the other half of the same thing
            self._connections = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.release()


class Connections:
    """One per worker; belongs to its event loop."""

    def __init__(self, settings: LoginSettings, path: Path | None = None) -> None:
        """``path`` is the file shared by the host's workers; without one, each counts for itself."""
        self._settings = settings
        self._file = -1
        if path is None:
            self._map = mmap.mmap(-1, _HEAD + _ROWS * _ROW)
            self._row = 0
            self._map[0] = 1
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._file).st_size < _HEAD + _ROWS * _ROW:
            os.truncate(self._file, _HEAD + _ROWS * _ROW)
        self._map = mmap.mmap(self._file, _HEAD + _ROWS * _ROW)
        self._row = self._claim()

    def from_address(self, peer: str) -> Held:
        """A connection from this client. Raises ``Refused`` LIMIT when it has too many."""
        address = normal_address(peer)
        if address is None:
            return Held(None, (0, 0))
        # An IPv6 client has a whole network of addresses at hand.
        key = str(address) if address.version == 4 else network_of(address)
        return self._enter(f"address {key}", self._settings.connections_per_address)

    def of_account(self, account: AccountId) -> Held:
        """A connection that logged in as this account. Raises ``Refused`` LIMIT when it has too many."""
        return self._enter(f"account {account}", self._settings.connections_per_account)

    def close(self) -> None:
        """Give the row back."""
        if self._file >= 0:
            self._clear(self._row)
            self._map.close()
            os.close(self._file)
            self._file = -1

    def _enter(self, key: str, limit: int) -> Held:
        places = _places(key)
        if limit and self._count(places) >= limit:
            self._clear_dead()
            if self._count(places) >= limit:
                raise Refused(Reason.LIMIT, "Too many connections")
        for place in places:
            self._change(place, 1)
        return Held(self, places)

    def _leave(self, places: tuple[int, int]) -> None:
        for place in places:
            self._change(place, -1)

    def _count(self, places: tuple[int, int]) -> int:
        used = [row for row, flag in enumerate(self._map[:_ROWS]) if flag]
        return min(sum(self._read(row, place) for row in used) for place in places)

    def _read(self, row: int, place: int) -> int:
        return int.from_bytes(self._map[(start := _HEAD + row * _ROW + 2 * place) : start + 2], "little")

    def _change(self, place: int, by: int) -> None:
        start = _HEAD + self._row * _ROW + 2 * place
        count = min(max(int.from_bytes(self._map[start : start + 2], "little") + by, 0), _MAX)
        self._map[start : start + 2] = count.to_bytes(2, "little")

    def _claim(self) -> int:
        for row in range(_ROWS):
            if self._try_lock(row):
                self._clear(row)
                self._map[row] = 1
                return row
        raise RuntimeError(f"more than {_ROWS} workers on one host")

    def _clear_dead(self) -> None:
        for row in range(_ROWS):
            if row != self._row and self._map[row] and self._try_lock(row):
                self._clear(row)
                self._lock(row, fcntl.F_UNLCK)
                log.warning("connections_of_dead_worker_cleared", extra={"fields": {"row": row}})

    def _clear(self, row: int) -> None:
        start = _HEAD + row * _ROW
        self._map[start : start + _ROW] = bytes(_ROW)
        self._map[row] = 0

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


def _places(key: str) -> tuple[int, int]:
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    first, second = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
    return first % _WIDTH, _WIDTH + second % _WIDTH
