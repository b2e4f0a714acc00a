"""Bytes into commands.

**Framing comes first, grammar second.** A command is a line, or lines joined by literals; where it ends can be told
without understanding it. So the parser collects one whole command in one contiguous buffer (a literal is its header
followed by its bytes), and only then reads its arguments. After a mistake it always knows where the next command
starts, and input that comes byte by byte gives the same values as input that comes at once.

**A message of APPEND is the exception**: it is never collected. When a line of APPEND ends with a literal's header and
its mailbox is known, the literal is the message, and its bytes go out as they come.

**Memory** is bounded by ``Limits`` (line, literal, command) plus what was fed and not taken: a literal that is too
long is refused before it is sent when it is synchronizing, otherwise thrown away as it comes; so is a line.
"""

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import ClassVar

from imap.wire.commands import AppendData, AppendEnd, AppendStart
from imap.wire.events import Event, Invalid, Line, NeedContinuation, Received
from imap.wire.grammar import append
from imap.wire.grammar.table import COMMANDS, UID_COMMANDS
from imap.wire.limits import Limits
from imap.wire.scanner import LiteralMissing, Scanner
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.mailbox_name import MailboxName

__all__ = ["Event", "Invalid", "Limits", "Line", "NeedContinuation", "Parser", "Received"]

_HEAD = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) (?:([Uu][Ii][Dd]) )?([A-Za-z][A-Za-z0-9\-]*)")
_TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,200})(?=[ \r\n])")
_LITERAL_HEADER = re.compile(rb"~?\{([0-9]{1,18})(\+?)\}\r?\n\Z")
LONGEST_HEADER = 30  # bytes of a literal's header: what is kept of a line that is thrown away


class _State(Enum):
    COMMAND = auto()  # collecting lines
    LITERAL = auto()  # collecting a literal of the command
    MESSAGE = auto()  # passing on a message of APPEND
    AFTER_MESSAGE = auto()  # collecting the line behind it
    SKIP_BYTES = auto()  # throwing away a literal, then the rest of its command
    SKIP_LINE = auto()


class _Step(Enum):
    AGAIN = auto()  # nothing to give yet, but the state has changed: look again


class Parser:
    """An incremental parser of one connection's input: ``feed`` bytes, then take values with ``next`` until it gives
    None. Values are taken one at a time, so a command's effect on the parser (``utf8``, ``expect_line``, ``discard``)
    applies to what follows it, however much was pipelined.

    ``utf8``: mailbox names are UTF-8 instead of modified UTF-7; set after ENABLE of UTF8=ACCEPT or IMAP4rev2.
    ``limits`` may be replaced between commands.
    """

    __slots__ = (
        "_append",
        "_buffer",
        "_continuation",
        "_expected",
        "_fragment",
        "_remaining",
        "_scanned",
        "_state",
        "limits",
        "utf8",
    )

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.utf8 = False
        self._buffer = bytearray()
        self._state = _State.COMMAND
        self._fragment = 0  # where the current line of the command starts
        self._scanned = 0  # no newline between the fragment's start and here
        self._remaining = 0  # bytes of a literal still to come
        self._expected = False
        self._continuation: NeedContinuation | None = None
        self._append: tuple[bytes, MailboxName, int, bool] | None = None  # tag, mailbox, number, UTF8

    # -- for the session

    def feed(self, data: bytes) -> None:
        """More input. Cheap: nothing is parsed yet."""
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes held: stop reading from the client when it is beyond a limit and commands are still waiting."""
        return len(self._buffer)

    def expect_line(self) -> None:
        """The next value is a ``Line`` (or ``Invalid`` without a tag, when it is too long): SASL, DONE."""
        self._expected = True

    def refuse(self) -> None:
        """Drop the APPEND of which the last ``AppendStart`` was given; an unsent literal is not waited for."""
        if self._append is None:
            return
        if self._continuation is not None:  # never asked for, so never sent
            self._continuation = None
            self._next_command(0)
        elif self._state is _State.MESSAGE:
            self._skip(self._remaining)
        else:
            self._skip(0)

    def discard(self) -> None:
        """Forget everything buffered (STARTTLS: nothing sent in the clear may count as sent under TLS)."""
        self._expected = False
        self._next_command(len(self._buffer))

    def take_rest(self) -> bytes:
        """Give back everything buffered and forget it (COMPRESS: it is compressed already)."""
        rest = bytes(self._buffer)
        self.discard()
        return rest

    def next(self) -> Event | None:
        """The next value, or None when more input is needed. Raises nothing."""
        if self._continuation is not None:
            event, self._continuation = self._continuation, None
            return event
        while True:
            step = self._STEPS[self._state](self)
            if step is not _Step.AGAIN:
                return step

    # -- framing: each step gives a value, None for more input, or AGAIN when the state has changed

    def _next_command(self, consumed: int) -> None:
        del self._buffer[:consumed]
        self._fragment = self._scanned = self._remaining = 0
        self._state = _State.COMMAND
        self._append = None
        self._continuation = None

    def _skip(self, size: int) -> None:
        """Throw away ``size`` bytes at the start of the buffer and the rest of the command behind them."""
        self._fragment = self._scanned = 0
        self._remaining = size
        self._state = _State.SKIP_BYTES
        self._append = None
        self._continuation = None

    def _newline(self) -> int:
        """The index behind the current line, 0 when it is not complete."""
        buffer = self._buffer
        found = buffer.find(b"\n", max(self._scanned, self._fragment))
        if found < 0:
            self._scanned = len(buffer)
            return 0
        self._scanned = found + 1
        return found + 1

    def _line_too_long(self, end: int) -> bool:
        return (end or len(self._buffer)) - self._fragment > self.limits.line

    def _command_line(self) -> "Event | _Step | None":
        buffer = self._buffer
        end = self._newline()
        if self._line_too_long(end):
            return self._drop_line()
        if not end:
            return None
        if self._expected:
            self._expected = False
            text = bytes(buffer[:end]).rstrip(b"\r\n")
            self._next_command(end)
            return Line(text)
        if end <= 2 and not buffer[:end].strip(b"\r\n"):
            self._next_command(end)  # an empty line: some clients send one behind a literal
            return _Step.AGAIN
        if buffer.find(b"}", max(end - 3, 0), end) >= 0:
            header = _LITERAL_HEADER.search(bytes(buffer[max(self._fragment, end - LONGEST_HEADER) : end]))
            if header is not None:
                return self._literal(end, int(header[1]), synchronizing=not header[2])
        text = bytes(buffer[:end])
        self._next_command(end)
        return self._parsed(text)

    def _literal_bytes(self) -> "_Step | None":
        if len(self._buffer) < self._fragment:
            return None
        self._state = _State.COMMAND
        return _Step.AGAIN

    def _drop_line(self) -> Invalid:
        """A line beyond the limit: say so, then throw away what comes of it."""
        expected, self._expected = self._expected, False
        tag = None if expected else self._tag()
        del self._buffer[: self._fragment]  # what is complete of this command must not be read as commands
        self._skip(0)
        return Invalid(tag, BadSyntax("Line is too long"))

    def _skip_bytes(self) -> "_Step | None":
        skipped = min(self._remaining, len(self._buffer))
        del self._buffer[:skipped]
        self._remaining -= skipped
        if self._remaining:
            return None
        self._state = _State.SKIP_LINE
        return _Step.AGAIN

    def _skip_line(self) -> "_Step | None":
        end = self._newline()
        if not end:
            del self._buffer[:-LONGEST_HEADER]
            self._scanned = len(self._buffer)
            return None
        header = _LITERAL_HEADER.search(bytes(self._buffer[max(0, end - LONGEST_HEADER) : end]))
        if header is not None and header[2]:
            del self._buffer[:end]
            self._skip(int(header[1]))
        else:  # a client that asks leave for a literal takes our answer for a no, and its command has ended
            self._next_command(end)
        return _Step.AGAIN

    def _tag(self) -> bytes | None:
        found = _TAG.match(self._buffer)
        return found[1] if found else None

    # -- literals

    def _literal(self, end: int, size: int, *, synchronizing: bool) -> "Event | _Step":
        started = self._append_started(end)
        if started is not None:
            return started
        limits = self.limits
        problem = self._non_synchronizing_problem(size, synchronizing=synchronizing)
        if problem is None and (size > limits.literal or end + size > limits.command):
            problem = BadSyntax("Literal is too long")
        if problem is not None:
            return self._refuse_literal(self._tag(), problem, end, size, synchronizing=synchronizing)
        self._fragment = self._scanned = end + size
        self._state = _State.LITERAL
        return NeedContinuation(size) if synchronizing else _Step.AGAIN

    def _non_synchronizing_problem(self, size: int, *, synchronizing: bool) -> BadSyntax | None:
        most = self.limits.non_synchronizing
        if synchronizing or most is None or size <= most:
            return None
        return BadSyntax(f"A non-synchronizing literal has at most {most} bytes")  # RFC 7888 §5

    def _refuse_literal(
        self, tag: bytes | None, error: BadSyntax | Refused, end: int, size: int, *, synchronizing: bool
    ) -> Invalid:
        if synchronizing:
            self._next_command(end)
        else:
            del self._buffer[:end]
            self._skip(size)
        return Invalid(tag, error)

    # -- APPEND

    def _append_started(self, end: int) -> Event | None:
        """None when this is no APPEND, or its literal is the mailbox's name."""
        head = append.APPEND.match(self._buffer)
        if head is None:
            return None
        text = bytes(self._buffer[:end])
        scan = Scanner(text, self.limits, utf8=self.utf8, position=head.end())
        try:
            mailbox = append.mailbox(scan)
        except LiteralMissing:
            return None
        except BadSyntax as error:
            return self._append_failed(head[1], error, end)
        return self._announced(scan, head[1], mailbox, 0, end)

    def _append_failed(self, tag: bytes, error: BadSyntax | Refused, end: int) -> Invalid:
        header = _LITERAL_HEADER.search(bytes(self._buffer[max(0, end - LONGEST_HEADER) : end]))
        if header is None:
            self._next_command(end)
            return Invalid(tag, error)
        return self._refuse_literal(tag, error, end, int(header[1]), synchronizing=not header[2])

    def _announced(self, scan: Scanner, tag: bytes, mailbox: MailboxName, number: int, end: int) -> Event:
        try:
            message = append.announced(scan)
        except BadSyntax as error:
            return self._append_failed(tag, error, end)
        problem: BadSyntax | Refused | None = self._non_synchronizing_problem(
            message.size, synchronizing=message.synchronizing
        )
        if problem is None and message.size > self.limits.message:
            problem = Refused(Reason.TOO_BIG, "The message is too big")  # RFC 7889 §4
        elif problem is None and number >= self.limits.messages:
            problem = Refused(Reason.LIMIT, "Too many messages in one APPEND")
        elif problem is None and not message.size:
            problem = BadSyntax("An empty message cancels APPEND")  # RFC 3502 §6.3.11
        if problem is not None:
            return self._append_failed(tag, problem, end)
        del self._buffer[:end]
        self._fragment = self._scanned = 0
        self._remaining = message.size
        self._state = _State.MESSAGE
        self._append = (tag, mailbox, number, message.utf8)
        if message.synchronizing:
            self._continuation = NeedContinuation(message.size)
        start = AppendStart(
            mailbox,
            message.flags,
            message.date,
            message.size,
            message.synchronizing,
            number,
            message.utf8,
            message.binary,
        )
        return Received(tag, start)

    def _message_bytes(self) -> "Received | _Step | None":
        if not self._remaining:
            self._state = _State.AFTER_MESSAGE
            return _Step.AGAIN
        size = min(len(self._buffer), self._remaining, self.limits.chunk)
        if not size:
            return None
        assert self._append is not None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._remaining -= size
        return Received(self._append[0], AppendData(data))

    def _after_message(self) -> Event | None:
        assert self._append is not None
        tag, mailbox, number, utf8 = self._append
        end = self._newline()
        if self._line_too_long(end):
            self._skip(0)
            return Invalid(tag, BadSyntax("Line is too long"))
        if not end:
            return None
        scan = Scanner(bytes(self._buffer[:end]), self.limits, utf8=self.utf8)
        if utf8 and not scan.skip(b")"):
            return self._append_failed(tag, BadSyntax("Expected ')'"), end)
        if scan.at_end():
            self._next_command(end)
            return Received(tag, AppendEnd())
        return self._announced(scan, tag, mailbox, number + 1, end)

    # -- grammar

    def _parsed(self, text: bytes) -> Received | Invalid:
        head = _HEAD.match(text)
        if head is None:
            found = _TAG.match(text)
            return Invalid(found[1] if found else None, BadSyntax("Expected a tag and a command"))
        tag, uid, name = head.groups()
        grammar = (UID_COMMANDS if uid else COMMANDS).get(name.upper())
        if grammar is None:
            if append.APPEND.match(text):
                return Invalid(tag, BadSyntax("Expected a message"))
            return Invalid(tag, BadSyntax("Unknown command"))
        scan = Scanner(text, self.limits, utf8=self.utf8, position=head.end())
        try:
            command = grammar(scan)
            scan.end()
        except (BadSyntax, Refused) as error:
            return Invalid(tag, error)
        return Received(tag, command)

    _STEPS: ClassVar[dict[_State, Callable[["Parser"], Event | _Step | None]]] = {
        _State.COMMAND: _command_line,
        _State.LITERAL: _literal_bytes,
        _State.MESSAGE: _message_bytes,
        _State.AFTER_MESSAGE: _after_message,
        _State.SKIP_BYTES: _skip_bytes,
        _State.SKIP_LINE: _skip_line,
    }
