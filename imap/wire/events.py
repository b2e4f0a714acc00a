"""What the parser gives."""

from dataclasses import dataclass

from imap.wire.commands import Command
from optimails.model.errors import BadSyntax, Refused


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
    when there is a tag. The parser finds the start of the next command by itself: go on with ``next``.

    ``Refused`` has a reason of TOO_BIG (a message), BAD_CHARSET, USE_ATTR or LIMIT (too many messages).
    """

    tag: bytes | None
    error: BadSyntax | Refused


Event = Received | NeedContinuation | Line | Invalid
