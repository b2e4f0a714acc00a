"""The milter protocol, version 6, as Sendmail's and Postfix's servers speak it: packets ⇄ values. Pure.

A packet is a length of four bytes (big endian, of what follows), one byte that says what it is, and data. Texts end
with NUL. There is no standard; what counts is the header ``libmilter/mfdef.h`` of Sendmail.

What a filter sends is not trusted: ``PacketReader`` holds no more than ``MAX_PACKET``, and ``answer`` gives a value or
raises ``Nonsense``, whatever the bytes.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

VERSION = 6
OLDEST = 2
MAX_PACKET = 1_048_576  # bytes that we take of a filter in one piece
MAX_CHUNK = 65_535  # bytes of the body in one packet (MILTER_CHUNK_SIZE)
_MAX_TEXT = 65_536
_LENGTH = struct.Struct("!I")
_OPTIONS = struct.Struct("!III")


class Nonsense(Exception):
    """The filter does not speak the protocol."""


class Does(IntFlag):
    """What a filter may do to a message (SMFIF_*)."""

    ADD_HEADERS = 0x1
    CHANGE_BODY = 0x2
    ADD_RECIPIENTS = 0x4
    DELETE_RECIPIENTS = 0x8
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80
    CHOOSE_MACROS = 0x100


class Steps(IntFlag):
    """What is left out (SMFIP_NO*), what is not answered (SMFIP_NR_*), and how it is said (SMFIP_*)."""

    NO_CONNECT = 0x1
    NO_HELO = 0x2
    NO_MAIL = 0x4
    NO_RCPT = 0x8
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_EOH = 0x40
    SILENT_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    MAY_SKIP = 0x400
    REFUSED_RCPT = 0x800
    SILENT_CONNECT = 0x1000
    SILENT_HELO = 0x2000
    SILENT_MAIL = 0x4000
    SILENT_RCPT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_EOH = 0x40000
    SILENT_BODY = 0x80000
    LEADING_SPACE = 0x100000


class Stage(IntEnum):
    """Where macros are sent, with its number in a filter's own list of macros (SMFIM_*)."""

    CONNECT = 0
    HELO = 1
    MAIL = 2
    RCPT = 3
    DATA = 4
    END = 5
    EOH = 6


OFFERED_DOES = Does(0x1FF)
# Refused recipients are not shown, and commands that nobody understands are no filter's business.
OFFERED_STEPS = Steps(0x1FFFFF) & ~Steps.REFUSED_RCPT


# -- what we say -------------------------------------------------------------------------------------------------------


def packet(kind: bytes, data: bytes = b"") -> bytes:
    """``kind`` is one byte."""
    return _LENGTH.pack(len(data) + 1) + kind + data


def _texts(*texts: bytes) -> bytes:
    return b"".join(text.replace(b"\0", b"") + b"\0" for text in texts)


def offer() -> bytes:
    """The first packet: what we can do."""
    return packet(b"O", _OPTIONS.pack(VERSION, OFFERED_DOES, OFFERED_STEPS))


def macros(command: bytes, values: Mapping[str, str]) -> bytes:
    """Facts that belong to the command that follows."""
    return packet(b"D", command + _texts(*(part.encode() for pair in values.items() for part in pair)))


def connect(name: str, address: str, port: int) -> bytes:
    """Who is connected; an empty address is a Unix socket."""
    if not address:
        return packet(b"C", _texts(name.encode()) + b"L" + struct.pack("!H", 0) + _texts(b"localhost"))
    family = b"6" if ":" in address else b"4"
    return packet(b"C", _texts(name.encode()) + family + struct.pack("!H", port) + _texts(address.encode()))


def helo(name: str) -> bytes:
    return packet(b"H", _texts(name.encode()))


def mail(address: str, parameters: Iterable[str] = ()) -> bytes:
    """``address`` stands in angle brackets, as SMTP has it."""
    return packet(b"M", _texts(address.encode(), *(one.encode() for one in parameters)))


def rcpt(address: str, parameters: Iterable[str] = ()) -> bytes:
    return packet(b"R", _texts(address.encode(), *(one.encode() for one in parameters)))


def header(name: bytes, value: bytes) -> bytes:
    return packet(b"L", _texts(name, value))


def body(chunk: bytes) -> bytes:
    """At most ``MAX_CHUNK`` bytes."""
    return packet(b"B", chunk)


DATA = packet(b"T")
END_OF_HEADER = packet(b"N")
END = packet(b"E")
ABORT = packet(b"A")
QUIT = packet(b"Q")


# -- what the filter says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agreed:
    """The filter's answer to the offer."""

    version: int
    does: Does
    steps: Steps
    macros: Mapping[Stage, tuple[str, ...]] = field(default_factory=dict)  # where it wants others than the usual


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Nothing more of this needs to be asked."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Pretend to deliver it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse it for ever."""


@dataclass(frozen=True, slots=True)
class Tempfail:
    """Refuse it for now."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the client's connection."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Enough of the body seen."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Still at work."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Refuse in these words: the reply as SMTP has it, perhaps of several lines."""

    text: str


@dataclass(frozen=True, slots=True)
class AddHeader:
    """At the end of the header."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class InsertHeader:
    """``index`` fields stand before it."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """The ``index``-th field of that name, from 1; without a value it is removed."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeSender:
    address: str
    parameters: str


@dataclass(frozen=True, slots=True)
class AddRecipient:
    address: str
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    address: str


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """The next piece of the new body."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class Quarantine:
    reason: str


Change = (
    AddHeader | InsertHeader | ChangeHeader | ChangeSender | AddRecipient | DeleteRecipient | ReplaceBody | Quarantine
)
Final = Continue | Accept | Discard | Reject | Tempfail | HangUp | Reply
Answer = Agreed | Final | Skip | Progress | Change

_BARE: Mapping[bytes, Answer] = {
    b"c": Continue(),
    b"a": Accept(),
    b"d": Discard(),
    b"r": Reject(),
    b"t": Tempfail(),
    b"s": Skip(),
    b"p": Progress(),
    b"f": HangUp(),
    b"4": HangUp(),
}


def answer(data: bytes) -> Answer:
    """The value of one packet, without its length.

    Raises:
        Nonsense: there is no such packet.
    """
    kind, rest = data[:1], data[1:]
    bare = _BARE.get(kind)
    if bare is not None:
        return bare
    reader = _READERS.get(kind)
    if reader is None:
        raise Nonsense(f"an unknown packet {kind!r}")
    return reader(rest)


def _added(rest: bytes) -> Answer:
    return AddHeader(*_split(rest, 2))


def _placed(kind: type[InsertHeader] | type[ChangeHeader]) -> Callable[[bytes], Answer]:
    def reader(rest: bytes) -> Answer:
        if len(rest) < _LENGTH.size:
            raise Nonsense("a header without an index")
        name, value = _split(rest[_LENGTH.size :], 2)
        return kind(_LENGTH.unpack_from(rest)[0], name, value)

    return reader


def _addressed(kind: type[ChangeSender] | type[AddRecipient]) -> Callable[[bytes], Answer]:
    def reader(rest: bytes) -> Answer:
        address, parameters = _split(rest, 2, least=1)
        return kind(_shown(address), _shown(parameters))

    return reader


def _single(kind: type[Reply] | type[DeleteRecipient] | type[Quarantine]) -> Callable[[bytes], Answer]:
    return lambda rest: kind(_shown(_split(rest, 1)[0]))


def _agreed(rest: bytes) -> Agreed:
    if len(rest) < _OPTIONS.size:
        raise Nonsense("too short an answer to the offer")
    version, does, steps = _OPTIONS.unpack_from(rest)
    chosen: dict[Stage, tuple[str, ...]] = {}
    at = _OPTIONS.size
    while at < len(rest):
        end = rest.find(b"\0", at + 4)
        if end < 0:
            raise Nonsense("a list of macros without end")
        number = _LENGTH.unpack_from(rest, at)[0]
        if number in tuple(Stage):
            chosen[Stage(number)] = tuple(_shown(rest[at + 4 : end]).replace(",", " ").split())
        at = end + 1
    return Agreed(version, Does(does & 0x1FF), Steps(steps & 0xFFFFFFF), chosen)


def _split(rest: bytes, count: int, *, least: int | None = None) -> list[bytes]:
    """The texts of a packet; the last one may lack its NUL."""
    parts = rest.removesuffix(b"\0").split(b"\0", count)
    if len(parts) > count or len(parts) < (count if least is None else least) or len(rest) > _MAX_TEXT:
        raise Nonsense("a packet with other texts than it should have")
    return parts + [b""] * (count - len(parts))


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")


_READERS: Mapping[bytes, Callable[[bytes], Answer]] = {
    b"O": _agreed,
    b"y": _single(Reply),
    b"h": _added,
    b"i": _placed(InsertHeader),
    b"m": _placed(ChangeHeader),
    b"e": _addressed(ChangeSender),
    b"+": _addressed(AddRecipient),
    b"2": _addressed(AddRecipient),
    b"-": _single(DeleteRecipient),
    b"b": ReplaceBody,
    b"q": _single(Quarantine),
}


class PacketReader:
    """Bytes in any pieces into packets."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that are complete now, each without its length. Raises ``Nonsense``."""
        buffer = self._buffer + data
        found: list[bytes] = []
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            length = _LENGTH.unpack_from(buffer, at)[0]
            if not 1 <= length <= MAX_PACKET:
                raise Nonsense(f"a packet of {length} bytes")
            if len(buffer) - at < _LENGTH.size + length:
                break
            found.append(buffer[at + _LENGTH.size : at + _LENGTH.size + length])
            at += _LENGTH.size + length
        self._buffer = buffer[at:]
        return found
