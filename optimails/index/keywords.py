"""Keywords of an account: which bit of a flag mask stands for which name.

Masks are signed 64-bit integers in the database: 5 system flags and 58 keywords. When all are taken, a keyword that no
message carries any more gives up its bit; if there is none, a new keyword is refused (``LIMIT``).
"""

import sqlite3
from collections.abc import Iterable

from optimails.index.database import Database
from optimails.model.errors import Reason, Refused
from optimails.model.flags import BIT, SYSTEM_FLAGS, Flag

FIRST_BIT = len(SYSTEM_FLAGS)
LAST_BIT = 62
MAX_NAME = 128  # bytes
_SYSTEM = {**BIT}


class KeywordTable:
    """Masks into names and back; knows what other processes added as soon as it meets their bits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: dict[int, Flag] = {}  # by mask of one bit
        self._bits: dict[str, int] = {}  # by name in lower case
        self._rendered: dict[int, bytes] = {}
        self.reload()

    def reload(self, connection: sqlite3.Connection | None = None) -> None:
        """Read the table again."""
        query = "SELECT bit, name FROM keyword ORDER BY bit"
        if connection is None:
            with self._database.read() as reader:
                rows = reader.execute(query).fetchall()
        else:
            rows = connection.execute(query).fetchall()
        self._names = {1 << bit: Flag(name) for bit, name in rows}
        self._bits = {name.lower(): 1 << bit for bit, name in rows}
        self._rendered = {}

    def render(self, mask: int) -> bytes:
        try:
            return self._rendered[mask]
        except KeyError:
            text = " ".join(self.names(mask)).encode("utf-8")
            self._rendered[mask] = text
            return text

    @property
    def rendered(self) -> dict[int, bytes]:
        """The memo of ``render``: valid for the masks it was called with since the last reload."""
        return self._rendered

    def names(self, mask: int) -> list[Flag]:
        unknown = mask >> FIRST_BIT << FIRST_BIT & ~sum(self._names)
        if unknown:
            self.reload()
        found = [flag for flag, bit in _SYSTEM.items() if mask & bit]
        return found + [name for bit, name in self._names.items() if mask & bit]

    def known(self) -> list[Flag]:
        return list(self._names.values())

    def full(self) -> bool:
        """Whether every bit has a name (some may be free again, which only ``masks_for`` finds out)."""
        return len(self._names) > LAST_BIT - FIRST_BIT

    def mask(self, flags: Iterable[Flag]) -> tuple[int, bool]:
        """The mask of those flags that are known, and whether all were."""
        mask, complete = 0, True
        for flag in flags:
            bit = BIT.get(flag) or self._bits.get(flag.lower())
            mask |= bit or 0
            complete = complete and bit is not None
        return mask, complete

    def assign(self, connection: sqlite3.Connection, flags: Iterable[Flag]) -> int:
        """The mask of the flags, giving bits to new keywords inside the caller's write transaction.

        Raises:
            Refused: ``LIMIT``, when no bit is free; ``CANNOT``, for a name too long.
        """
        wanted = frozenset(flags)
        mask, complete = self.mask(wanted)
        if complete:
            return mask
        self.reload(connection)
        for flag in sorted(wanted):
            if flag not in BIT and flag.lower() not in self._bits:
                if len(flag.encode()) > MAX_NAME:
                    raise Refused(Reason.CANNOT, "Keyword is too long")
                bit = self._free_bit(connection)
                connection.execute("INSERT INTO keyword (bit, name) VALUES (?, ?)", (bit, flag))
                self.reload(connection)
        return self.mask(wanted)[0]

    def _free_bit(self, connection: sqlite3.Connection) -> int:
        taken = {bit.bit_length() - 1 for bit in self._names}
        for bit in range(FIRST_BIT, LAST_BIT + 1):
            if bit not in taken:
                return bit
        used = 0
        for table in ("message", "expunged"):
            for (flags,) in connection.execute(f"SELECT DISTINCT flags FROM {table}"):  # noqa: S608 - our two tables
                used |= flags
        for bit in range(FIRST_BIT, LAST_BIT + 1):
            if not used >> bit & 1:
                connection.execute("DELETE FROM keyword WHERE bit = ?", (bit,))
                return bit
        raise Refused(Reason.LIMIT, "Too many different keywords in this account")
