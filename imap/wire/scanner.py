"""Tokens of a complete command (RFC 9051 §9): one compiled pattern per class, matched at a position.

The text of a command is contiguous: a literal is its header line followed by its bytes, as they came. All patterns
are linear: no two alternatives or repetitions can match the same bytes in two ways.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from imap.wire.commands import SAVED_RESULT
from imap.wire.limits import Limits
from imap.wire.names import decode_mailbox
from optimails.model.errors import BadSyntax
from optimails.model.flags import SYSTEM_FLAGS, Flag, flag, flag_set
from optimails.model.mailbox_name import MailboxName, canonical
from optimails.model.number_set import STAR, NumberSet

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_PATTERN_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
_WORD = re.compile(rb"[A-Za-z0-9.\-=+_]+")
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_ESCAPE = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"~?\{([0-9]{1,18})\+?\}\r?\n")
_NIL = re.compile(rb"[Nn][Ii][Ll](?=[ )\r\n])")
_NUMBER = re.compile(rb"[0-9]{1,19}")
_SET = re.compile(rb"[0-9*:,]+")
_RANGE = re.compile(rb"(?:([1-9][0-9]{0,9})|\*)(?::(?:([1-9][0-9]{0,9})|(\*)))?")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_END = re.compile(rb" *\r?\n?\Z")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"([ 0-9]?[0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_T = TypeVar("_T")
MAX_NUMBER = 2**32 - 1
MAX_NUMBER64 = 2**63 - 1


class LiteralMissing(BadSyntax):
    """The text ends with the header of a literal that is needed here and has not come yet."""


class Scanner:
    """A position in the text of one command; every method raises ``BadSyntax`` when its token does not stand there."""

    __slots__ = ("limits", "position", "text", "utf8")

    def __init__(self, text: bytes, limits: Limits, *, utf8: bool = False, position: int = 0) -> None:
        self.text = text
        self.position = position
        self.utf8 = utf8
        self.limits = limits

    # -- punctuation

    def at(self, byte: bytes) -> bool:
        """Whether these bytes come next."""
        return self.text.startswith(byte, self.position)

    def skip(self, byte: bytes) -> bool:
        """Step over these bytes when they come next."""
        if self.text.startswith(byte, self.position):
            self.position += len(byte)
            return True
        return False

    def follows(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether this comes next."""
        return pattern.match(self.text, self.position) is not None

    def expect(self, byte: bytes) -> None:
        if not self.skip(byte):
            raise BadSyntax(f"Expected {byte.decode('ascii')!r}")

    def space(self) -> None:
        if not self.text.startswith(b" ", self.position):
            raise BadSyntax("Expected a space")
        self.position += 1

    def end(self) -> None:
        """The command ends here; spaces before its end are forgiven."""
        if not _END.match(self.text, self.position):
            raise BadSyntax("Too many arguments")

    def at_end(self) -> bool:
        return _END.match(self.text, self.position) is not None

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise BadSyntax(f"Expected {what}")
        self.position = found.end()
        return found

    # -- strings

    def word(self) -> str:
        """A keyword of the protocol, in upper case."""
        return self._match(_WORD, "a word")[0].decode("ascii").upper()

    def atom(self) -> str:
        return self._match(_ATOM, "an atom")[0].decode("ascii")

    def _string(self, *, binary: bool = False) -> bytes | None:
        """``binary``: in a literal8 (RFC 3516 §4.4), NUL is allowed."""
        if self.at(b'"'):
            found = self._match(_QUOTED, "a closing quote")
            inside = found[1]
            return _ESCAPE.sub(rb"\1", inside) if b"\\" in inside else inside
        if self.at(b"{") or self.at(b"~{"):
            found = self._match(_LITERAL, "a literal")
            start, size = found.end(), int(found[1])
            if len(self.text) < start + size:
                raise LiteralMissing("A literal is missing")
            self.position = start + size
            data = self.text[start : self.position]
            if b"\x00" in data and not (binary and found[0].startswith(b"~")):
                raise BadSyntax("A literal must not hold NUL")
            return data
        return None

    def string(self) -> bytes:
        data = self._string()
        if data is None:
            raise BadSyntax("Expected a string")
        return data

    def nstring(self) -> bytes | None:
        if found := _NIL.match(self.text, self.position):
            self.position = found.end()
            return None
        return self.string()

    def nstring8(self) -> bytes | None:
        """NIL, a string, or a literal8 with any bytes."""
        if self.at(b"~"):
            return self._string(binary=True)
        return self.nstring()

    def astring(self) -> bytes:
        found = _ASTRING_ATOM.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
            return found[0]
        return self.string()

    def text_astring(self, what: str) -> str:
        """An astring in UTF-8."""
        try:
            return self.astring().decode("utf-8")
        except UnicodeDecodeError as wrong:
            raise BadSyntax(f"{what} is not valid UTF-8") from wrong

    def mailbox(self) -> MailboxName:
        """A mailbox name, decoded, with INBOX in upper case."""
        return canonical(decode_mailbox(self.astring(), utf8=self.utf8))

    def reference(self) -> str:
        """The reference of LIST: as a mailbox, but it is only a prefix."""
        return decode_mailbox(self.astring(), utf8=self.utf8)

    def pattern(self) -> str:
        """A mailbox name with wildcards."""
        found = _PATTERN_ATOM.match(self.text, self.position)
        if found is None:
            return decode_mailbox(self.string(), utf8=self.utf8)
        self.position = found.end()
        return decode_mailbox(found[0], utf8=self.utf8)

    # -- numbers

    def number(self, *, least: int = 0, most: int = MAX_NUMBER) -> int:
        number = int(self._match(_NUMBER, "a number")[0])
        if not least <= number <= most:
            raise BadSyntax("Number is out of range")
        return number

    def number64(self, *, least: int = 0) -> int:
        """A size, or a mod-sequence (63 bits: RFC 9051 §9, RFC 7162 §7)."""
        return self.number(least=least, most=MAX_NUMBER64)

    def message_set(self) -> NumberSet:
        """A sequence set, or ``SAVED_RESULT`` for ``$``."""
        if self.skip(b"$"):
            return SAVED_RESULT
        parts = self._match(_SET, "a message set")[0].split(b",")
        if len(parts) > self.limits.elements:
            raise BadSyntax("Message set is too long")
        ranges: list[tuple[int, int]] = []
        for part in parts:
            found = _RANGE.fullmatch(part)
            if found is None:
                raise BadSyntax("Message set is not valid")
            first = int(found[1]) if found[1] else STAR
            last = int(found[2]) if found[2] else STAR if found[3] else first
            if first > MAX_NUMBER or last > MAX_NUMBER:
                raise BadSyntax("Message number is out of range")
            ranges.append((first, last))
        return NumberSet(tuple(ranges))

    def known_set(self) -> NumberSet:
        """A sequence set without ``*`` and ``$``."""
        numbers = self.message_set()
        if numbers == SAVED_RESULT or any(STAR in bounds for bounds in numbers.ranges):
            raise BadSyntax("This message set must not hold * or $")
        return numbers

    # -- flags, dates

    def flag(self) -> Flag:
        return flag(self._match(_FLAG, "a flag")[0].decode("ascii"))

    def keyword(self) -> Flag:
        return Flag(self.atom())

    def flag_list(self) -> frozenset[Flag]:
        """``(…)``; ``\\Recent`` is dropped: nobody can set it."""
        return chosen_flags(self.list_of(self.flag, empty=True))

    def date(self) -> date:
        found = self._match(_DATE, "a date")
        try:
            return date(int(found[4]), _MONTHS[found[3].lower()], int(found[2]))
        except (KeyError, ValueError) as wrong:
            raise BadSyntax("That date does not exist") from wrong

    def date_time(self) -> datetime:
        """With its zone."""
        found = self._match(_DATE_TIME, "a date and time")
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        try:
            zone = timezone(-offset if sign == b"-" else offset) if offset else UTC
            # A leap second is the last second of its minute to us.
            at = datetime(
                int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone
            )
            at.astimezone(UTC)  # year 1 and 9999 can fall off the calendar there
        except (KeyError, ValueError, OverflowError) as wrong:
            raise BadSyntax("That date does not exist") from wrong
        return at

    # -- lists

    def list_of(self, item: Callable[[], _T], *, empty: bool = False) -> list[_T]:
        """Items in parentheses, separated by a space."""
        self.expect(b"(")
        items: list[_T] = []
        if empty and self.skip(b")"):
            return items
        while True:
            items.append(item())
            if self.skip(b")"):
                return items
            if len(items) >= self.limits.elements:
                raise BadSyntax("List is too long")
            self.space()


def chosen_flags(flags: Iterable[Flag]) -> frozenset[Flag]:
    """Flags a client may set: each once in any case, without ``\\Recent``."""
    chosen = flag_set(flags)
    odd = {name for name in chosen if name.startswith("\\") and name not in SYSTEM_FLAGS}
    if any(name.lower() != "\\recent" for name in odd):
        raise BadSyntax("There is no such system flag")
    return chosen - odd
