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
_SYSTEM_FLAGS = frozenset(SYSTEM_FLAGS)
MEMO = 10_000  # masks that are kept rendered


class KeywordTable:
    """Masks into names and back, as last committed: ``refresh`` after a commit, and when others have changed messages.

    Other processes add keywords, and give the bits of unused ones to new names. So a name or bit that is not known is
    looked up once more, and whatever is written is checked inside the transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: dict[int, Flag] = {}  # by mask of one bit
        self._bits: dict[str, int] = {}  # by name in lower case
        self._rendered: dict[int, bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the table again: at most 58 rows."""
        with self._database.read() as reader:
            names, bits = _read(reader)
        if names != self._names:
            self._names, self._bits, self._rendered = names, bits, {}

    def render(self, mask: int) -> bytes:
        try:
            return self._rendered[mask]
        except KeyError:
            if len(self._rendered) >= MEMO:
                self._rendered = {}
            text = " ".join(self.names(mask)).encode("utf-8")
            self._rendered[mask] = text
            return text

    def names(self, mask: int) -> list[Flag]:
        unknown = mask >> FIRST_BIT << FIRST_BIT & ~sum(self._names)
        if unknown:
            self.refresh()
        found = [flag for flag, bit in BIT.items() if mask & bit]
        return found + [name for bit, name in self._names.items() if mask & bit]

    def known(self) -> list[Flag]:
        return list(self._names.values())

    def full(self) -> bool:
        """Whether every bit has a name (some may be free again, which only ``masks_for`` finds out)."""
        return len(self._names) > LAST_BIT - FIRST_BIT

    def mask(self, flags: Iterable[Flag]) -> int:
        """The mask of those flags that are known."""
        wanted = frozenset(flags)
        if not all(flag in BIT or flag.lower() in self._bits for flag in wanted):
            self.refresh()
        return _mask(wanted, self._bits)

    def assign(self, connection: sqlite3.Connection, flags: Iterable[Flag]) -> int:
        """The mask of the flags, giving bits to new keywords inside the caller's write transaction.

        What it gives is known here only after ``refresh``: the transaction may come to nothing.

        Raises:
            Refused: ``LIMIT``, when no bit is free; ``CANNOT``, for a name too long.
        """
        wanted = frozenset(flags)
        if wanted <= _SYSTEM_FLAGS:
            return _mask(wanted, {})
        _, bits = _read(connection)
        for flag in sorted(wanted - _SYSTEM_FLAGS):
            if flag.lower() not in bits:
                if len(flag.encode()) > MAX_NAME:
                    raise Refused(Reason.CANNOT, "Keyword is too long")
                wanted_bits = _mask(wanted, bits) >> FIRST_BIT << FIRST_BIT
                bit = _free_bit(connection, set(bits.values()), wanted_bits)
                connection.execute("INSERT INTO keyword (bit, name) VALUES (?, ?)", (bit, flag))
                _, bits = _read(connection)
        return _mask(wanted, bits)


def _read(connection: sqlite3.Connection) -> tuple[dict[int, Flag], dict[str, int]]:
    """Names by mask of one bit, and these by name in lower case."""
    rows = connection.execute("SELECT bit, name FROM keyword ORDER BY bit").fetchall()
    return {1 << bit: Flag(name) for bit, name in rows}, {name.lower(): 1 << bit for bit, name in rows}


def _mask(flags: Iterable[Flag], bits: dict[str, int]) -> int:
    mask = 0
    for flag in flags:
        mask |= BIT.get(flag) or bits.get(flag.lower(), 0)
    return mask


def _free_bit(connection: sqlite3.Connection, taken: set[int], wanted: int) -> int:
    """A bit without a name, or that of a name no message has; never one of those ``wanted`` by the same change."""
    for bit in range(FIRST_BIT, LAST_BIT + 1):
        if 1 << bit not in taken:
            return bit
    used = wanted
    for table in ("message", "expunged"):
        for (flags,) in connection.execute(f"SELECT DISTINCT flags FROM {table}"):  # noqa: S608 - our two tables
            used |= flags
    for bit in range(FIRST_BIT, LAST_BIT + 1):
        if not used >> bit & 1:
            connection.execute("DELETE FROM keyword WHERE bit = ?", (bit,))
            return bit
    raise Refused(Reason.LIMIT, "Too many different keywords in this account")
