"""Search filters (RFC 4511 §4.5.1.7), bounded in depth and number."""

from dataclasses import dataclass

from ldapd.wire.ber import OCTETS, Reader
from optimails.model.errors import BadSyntax, Reason, Refused

MAX_DEPTH = 16
MAX_ITEMS = 200
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Filter", ...]  # none: true (RFC 4526)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Filter", ...]  # none: false


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


@dataclass(frozen=True, slots=True)
class Present:
    attribute: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Also what is only alike (``~=``)."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Compared:
    attribute: str
    value: str
    least: bool  # ``>=``; else ``<=``


@dataclass(frozen=True, slots=True)
class Substrings:
    attribute: str
    initial: str
    inner: tuple[str, ...]
    final: str


@dataclass(frozen=True, slots=True)
class Extensible:
    """By a rule that the client names; we know none, so it is undefined (RFC 4511 §4.5.1.7.7)."""


Filter = And | Or | Not | Present | Equal | Compared | Substrings | Extensible


def read(reader: Reader) -> Filter:
    """The next element as a filter. Raises ``BadSyntax``; ``Refused`` TOO_BIG when it is too deep or too long."""
    return _read(reader, MAX_DEPTH, [MAX_ITEMS])


def _read(reader: Reader, depth: int, left: list[int]) -> Filter:
    left[0] -= 1
    if depth == 0 or left[0] < 0:
        raise Refused(Reason.TOO_BIG, "The filter is too deep or too long")
    tag, value = reader.any()
    inside = Reader(value)
    match tag:
        case 0xA0 | 0xA1:  # and, or
            parts = []
            while inside:
                parts.append(_read(inside, depth - 1, left))
            return And(tuple(parts)) if tag == 0xA0 else Or(tuple(parts))
        case 0xA2:  # not
            part = _read(inside, depth - 1, left)
            inside.end()
            return Not(part)
        case 0x87:  # present
            return Present(_name(value))
        case 0xA3 | 0xA8 | 0xA5 | 0xA6:  # equal, alike, at least, at most
            attribute, asserted = _name(inside.octets()), _shown(inside.octets())
            inside.end()
            if tag in (0xA3, 0xA8):
                return Equal(attribute, asserted)
            return Compared(attribute, asserted, least=tag == 0xA5)
        case 0xA4:  # substrings
            return _substrings(inside)
        case 0xA9:  # extensible
            return Extensible()
        case _:
            raise BadSyntax("There is no such filter")


def _substrings(reader: Reader) -> Substrings:
    attribute, pieces = _name(reader.octets(OCTETS)), reader.inside()
    reader.end()
    initial, final, inner = "", "", []
    first = True
    while pieces:
        tag, value = pieces.any()
        if tag == _INITIAL and first:
            initial = _shown(value)
        elif tag == _FINAL and not pieces:
            final = _shown(value)
        elif tag == _ANY:
            inner.append(_shown(value))
        else:
            raise BadSyntax("The pieces of a substring filter are out of order")
        first = False
    if first:
        raise BadSyntax("A substring filter has a piece")
    return Substrings(attribute, initial, tuple(inner), final)


def _name(value: bytes) -> str:
    try:
        return value.decode("ascii").lower()
    except UnicodeDecodeError as wrong:
        raise BadSyntax("The name of an attribute is ASCII") from wrong


def _shown(value: bytes) -> str:
    """A value that is no text fits nothing."""
    return value.decode("utf-8", "replace")
