"""Messages of clients into values (RFC 4511 §4)."""

from dataclasses import dataclass
from enum import IntEnum

from ldapd.wire import filters
from ldapd.wire.ber import BOOLEAN, ENUMERATED, OCTETS, Reader
from ldapd.wire.filters import Filter
from optimails.model.errors import BadSyntax, Refused

START_TLS = "1.3.6.1.4.1.1466.20037"  # RFC 4511 §4.14
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"  # RFC 3296: there are no references to follow
LARGEST = 2**31 - 1
MAX_CONTROLS = 20
MAX_ATTRIBUTES = 500
_CONTROLS = 0xA0
# The requests that are answered, and the tag of the answer.
ANSWERS = {0x60: 0x61, 0x63: 0x65, 0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, 0x6E: 0x6F, 0x77: 0x78}
_UNBIND, _ABANDON = 0x42, 0x50


class Scope(IntEnum):
    BASE = 0
    ONE = 1  # one level below
    SUB = 2  # the whole subtree


@dataclass(frozen=True, slots=True)
class Bind:
    version: int
    name: str
    password: bytes | None  # None: by a SASL mechanism


@dataclass(frozen=True, slots=True)
class Unbind:
    pass


@dataclass(frozen=True, slots=True)
class Abandon:
    message: int


@dataclass(frozen=True, slots=True)
class Search:
    base: str
    scope: Scope
    size_limit: int  # 0: none
    time_limit: int  # seconds; 0: none
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extended:
    name: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Other:
    """A request that changes or compares something."""


Request = Bind | Unbind | Abandon | Search | Extended | Other


@dataclass(frozen=True, slots=True)
class Control:
    """RFC 4511 §4.1.11."""

    name: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    answer: int  # tag of the response that ends the request; 0: it has none
    request: Request
    controls: tuple[Control, ...] = ()


class Unfit(Exception):
    """The message can be answered, its request cannot be read; the reason is the cause."""

    def __init__(self, message: int, answer: int, why: BadSyntax | Refused) -> None:
        super().__init__(str(why))
        self.message = message
        self.answer = answer
        self.why = why


def parse(content: bytes) -> Message:
    """The message with these contents.

    Raises:
        BadSyntax: its frame cannot be understood, so nothing can be answered (RFC 4511 §4.1.1).
        Unfit: the frame can, the request cannot.
    """
    reader = Reader(content)
    number = reader.integer()
    if not 0 <= number <= LARGEST:
        raise BadSyntax("The number of a message is out of range")
    tag, body = reader.any()
    answer = ANSWERS.get(tag, 0)
    if not answer and tag not in (_UNBIND, _ABANDON):
        raise BadSyntax("There is no such request")
    try:
        controls = _controls(reader)
        return Message(number, answer, _request(tag, body), controls)
    except (BadSyntax, Refused) as wrong:
        if not answer:
            raise BadSyntax(str(wrong)) from wrong
        raise Unfit(number, answer, wrong) from wrong


def _request(tag: int, body: bytes) -> Request:
    reader = Reader(body)
    match tag:
        case 0x60:
            return _bind(reader)
        case 0x63:
            return _search(reader)
        case 0x77:
            name = reader.text(0x80)
            value = reader.octets(0x81) if reader else None
            return Extended(name, value)
        case 0x42:
            return Unbind()
        case 0x50:
            return Abandon(int.from_bytes(body[:8], "big", signed=True))
        case _:
            return Other()


def _bind(reader: Reader) -> Bind:
    version, name = reader.integer(), reader.text()
    tag, credentials = reader.any()
    return Bind(version, name, credentials if tag == 0x80 else None)


def _search(reader: Reader) -> Search:
    base = reader.text()
    try:
        scope = Scope(reader.integer(ENUMERATED))
    except ValueError as wrong:
        raise BadSyntax("There is no such scope") from wrong
    reader.integer(ENUMERATED)  # aliases of other entries: there are none to follow
    size, seconds = reader.integer(), reader.integer()
    if not (0 <= size <= LARGEST and 0 <= seconds <= LARGEST):
        raise BadSyntax("A limit is out of range")
    types_only = reader.boolean()
    wanted = filters.read(reader)
    names, attributes = reader.inside(), []
    while names:
        attributes.append(names.text(OCTETS))
        if len(attributes) > MAX_ATTRIBUTES:
            raise BadSyntax("Too many attributes")
    return Search(base, scope, size, seconds, types_only, wanted, tuple(attributes))


def _controls(reader: Reader) -> tuple[Control, ...]:
    if reader.peek() != _CONTROLS:
        return ()
    listed, found = reader.inside(_CONTROLS), []
    while listed:
        one = listed.inside()
        name = one.text()
        critical = one.boolean() if one.peek() == BOOLEAN else False
        found.append(Control(name, critical, one.octets() if one else b""))
        if len(found) > MAX_CONTROLS:
            raise BadSyntax("Too many controls")
    return tuple(found)
