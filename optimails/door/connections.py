"""How many connections one account and one client address hold, over all workers of a host.

Every worker counts in a row of its own (``optimails.door.shared_rows``); a limit is checked against the sum of the
rows. Before anybody is refused, rows of dead workers are cleared. So a killed worker leaves nothing that matters.

A row has no names in it, only counters: each key adds to one counter in each of two tables, at places that its hash
gives, and the smaller of the two counts (a count-min sketch).
"""

import logging
from pathlib import Path
from typing import Self

from optimails.config.login import LoginSettings
from optimails.door.guard import network_of, normal_address
from optimails.door.shared_rows import WIDTH, SharedRows, places
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

_ROW = 2 * WIDTH * 2  # bytes
_MAX = 0xFFFF


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
        self._rows = SharedRows(_ROW, path)
        self._rows.empty()  # what stands there is of a worker that died: its connections died with it

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
        self._rows.close()

    def _enter(self, key: str, limit: int) -> Held:
        where = places(key)
        if limit and self._count(where) >= limit:
            for row in self._rows.clear_dead():
                log.warning("connections_of_dead_worker_cleared", extra={"fields": {"row": row}})
            if self._count(where) >= limit:
                raise Refused(Reason.LIMIT, "Too many connections")
        for place in where:
            self._change(place, 1)
        return Held(self, where)

    def _leave(self, where: tuple[int, int]) -> None:
        for place in where:
            self._change(place, -1)

    def _count(self, where: tuple[int, int]) -> int:
        used = self._rows.used()
        return min(sum(self._read(row, place) for row in used) for place in where)

    def _read(self, row: int, place: int) -> int:
        start = self._rows.start(row) + 2 * place
        return int.from_bytes(self._rows.map[start : start + 2], "little")

    def _change(self, place: int, by: int) -> None:
        start = self._rows.start(self._rows.row) + 2 * place
        count = min(max(int.from_bytes(self._rows.map[start : start + 2], "little") + by, 0), _MAX)
        self._rows.map[start : start + 2] = count.to_bytes(2, "little")
