"""Bytes into commands: signatures, the grammar follows."""

from dataclasses import dataclass

from imap.wire.commands import Command
from optimails.model.errors import BadSyntax, Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send. Sizes in bytes."""

    line: int = 65_536  # one line, literals apart
    literal: int = 65_536  # any literal but a message
    command: int = 262_144  # one command with its literals, a message apart
    message: int = 52_428_800  # a message of APPEND
    messages: int = 100  # messages in one APPEND
    non_synchronizing: int | None = None  # 4096 when LITERAL- is announced instead of LITERAL+ (RFC 7888 §5)
    depth: int = 20  # nesting in SEARCH
    terms: int = 2_000  # search keys in one SEARCH
    elements: int = 20_000  # elements of a list or ranges of a set
    chunk: int = 65_536  # the largest AppendData


@dataclass(frozen=True, slots=True)
class Received:
    """A complete command, or a step of an APPEND."""

    tag: bytes
    command: Command


@dataclass(frozen=True, slots=True)
class NeedContinuation:
    """The client waits for ``+`` before it sends a literal of this size: send one (``responses.continuation``)."""

    size: int


@dataclass(frozen=True, slots=True)
class Line:
    """The line asked for by ``Parser.expect_line``, without CRLF."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Invalid:
    """Something that is no command, or one beyond the limits: answer BAD (``BadSyntax``) or NO (``Refused``), tagged
    when there is a tag. The parser has found the start of the next command by itself, or will: go on with ``next``.

    ``Refused`` reasons: TOO_BIG (a message), BAD_CHARSET, USE_ATTR, UNKNOWN_CTE never.
    """

    tag: bytes | None
    error: BadSyntax | Refused


Event = Received | NeedContinuation | Line | Invalid


class Parser:
    """An incremental parser of one connection's input: ``feed`` bytes, then take values with ``next`` until it gives
    None. Values are taken one at a time, so a command's effect on the parser (``utf8``, ``expect_line``, ``discard``)
    applies to what follows it, however much was pipelined."""

    utf8: bool  # mailbox names are UTF-8 instead of modified UTF-7: set after ENABLE UTF8=ACCEPT or IMAP4rev2
    limits: Limits  # may be replaced between commands (smaller ones before login)

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.utf8 = False

    def feed(self, data: bytes) -> None:
        """More input. Cheap: nothing is parsed yet."""
        raise NotImplementedError

    def next(self) -> Event | None:
        """The next value, or None when more input is needed. Raises nothing."""
        raise NotImplementedError

    @property
    def buffered(self) -> int:
        """Bytes held: stop reading from the client when it is beyond a limit and commands are still waiting."""
        raise NotImplementedError

    def expect_line(self) -> None:
        """The next value is a ``Line`` (or ``Invalid`` without a tag, when it is too long): SASL, DONE."""
        raise NotImplementedError

    def refuse(self) -> None:
        """Drop the APPEND of which the last ``AppendStart`` was given; unsent literals are not waited for."""
        raise NotImplementedError

    def discard(self) -> None:
        """Forget everything buffered (STARTTLS: nothing sent in the clear may count as sent under TLS)."""
        raise NotImplementedError

    def take_rest(self) -> bytes:
        """Give back everything buffered and forget it (COMPRESS: it is compressed already)."""
        raise NotImplementedError
