"""One connection: bytes in, replies out, and a coroutine that works off what has come.

The owner of a ``Session`` gives it bytes with ``receive``, awaits ``advance`` whenever it has input, and then writes
``take_output()`` in one go: all replies to what came in one read leave in one write. There is no task, timer or socket
here, and between two reads nothing is kept running. Commands have a function each, in the modules beside this one.

Input is read in one of several ways, by what is expected next: a command line, a line of an authentication exchange,
or the content of a message. A line that is too long is swallowed to its end and answered once.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

from optimails.config import Protocol
from optimails.door import incident
from optimails.door.sasl import MAX_LINE, Mechanism
from optimails.door.sessions import Ending, Entry
from optimails.model.account import Account
from optimails.model.errors import MailError
from smtp.milter.macros import Tls
from smtp.milter.wire import Final
from smtp.session import answers, authentication, content, envelope, hello, neighbours
from smtp.session.door import Door, Peer
from smtp.session.states import ALLOWED, State
from smtp.session.transaction import Transaction
from smtp.wire import commands as c
from smtp.wire import replies
from smtp.wire.parse import parse

log = logging.getLogger(__name__)

_FAIR = 200  # commands after which other sessions get their turn

Handler = Callable[["Session", "c.Command"], Awaitable[None]]


class Session:
    """The state of one connection."""

    __slots__ = (
        "_at",
        "_buffer",
        "_long",
        "_out",
        "account",
        "bad_commands",
        "begun_messages",
        "closing",
        "direct",
        "door",
        "entry",
        "exchange",
        "farewell",
        "filtered",
        "forwarded",
        "greeting",
        "hello",
        "id",
        "mechanism",
        "moved",
        "peer",
        "progress",
        "refused_recipients",
        "secured",
        "skip",
        "skip_reply",
        "state",
        "tls",
        "transaction",
        "wake",
        "wants_tls",
    )

    def __init__(self, door: Door, peer: Peer, *, tls: bool = False) -> None:
        self.door = door
        self.peer = peer  # whom we serve; a trusted server in front of us may say who that is
        self.direct = peer.address  # who is connected: what it is trusted with does not change
        self.forwarded: Peer | None = None  # where that server says the next message came from
        self.moved: Callable[[], bytes | None] | None = None  # ``peer`` is another: gives why it is not served
        self.filtered: dict[str, Final] = {}  # what filters said of this client, whatever it sends
        self.tls = tls
        self.secured: Callable[[], Tls | None] = lambda: None  # how TLS protects it, once somebody asks
        self.id = secrets.token_hex(4)
        self.state = State.START
        self.greeting: c.Greeting | None = None
        self.hello = ""  # the client's name, as it gave it
        self.account: Account | None = None
        self.mechanism = ""  # by which it logged in
        self.entry: Entry | None = None  # this session among those of its account
        self.farewell: Ending | None = None  # somebody wishes its end
        self.wake: Callable[[], None] | None = None  # tells the owner that ``part`` may have something to say
        self.exchange: Mechanism | None = None
        self.transaction: Transaction | None = None
        self.skip = 0  # bytes of a refused chunk that are still to come
        self.skip_reply = b""  # what is said about it then
        self.bad_commands = 0
        self.refused_recipients = 0
        self.begun_messages = 0
        self.progress = 0  # counts finished lines and messages: what a timeout waits for
        self.closing = False  # write the output, then close
        self.wants_tls = False  # write the output, start TLS, call ``tls_started``
        self._buffer = b""
        self._at = 0  # how much of the buffer is worked off
        self._long = False  # in the middle of a line that is too long
        self._out: list[bytes] = []

    # -- for the owner -------------------------------------------------------------------------------------------------

    def welcome(self) -> None:
        """The first line of all."""
        kind = "LMTP" if self.door.lmtp else "ESMTP"
        self.answer(replies.plain(220, f"{self.door.hostname} {kind} {self.door.settings.greeting}".rstrip()))

    def receive(self, data: bytes) -> None:
        """Bytes from the client."""
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0

    @property
    def waiting(self) -> int:
        """Bytes that are not worked off."""
        return len(self._buffer) - self._at

    @property
    def in_content(self) -> bool:
        """Whether the client is in the middle of a message."""
        return self.transaction is not None and self.transaction.reader is not None

    @property
    def in_transaction(self) -> bool:
        """Whether a message was begun, or an exchange that leads to one."""
        return self.transaction is not None or self.exchange is not None or self.skip > 0

    @property
    def timeout(self) -> float:
        """Seconds the client may take for what is expected next."""
        settings = self.door.settings
        return settings.data_timeout if self.in_content or self.skip else settings.command_timeout

    def take_output(self) -> bytes:
        """The replies since the last time."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def tls_started(self) -> None:
        """TLS protects the connection now; what was said before does not count (RFC 3207 §4.2)."""
        self.tls = True
        self.wants_tls = False
        self._drop()
        self._long = False
        self.restart()

    def close(self) -> None:
        """The connection is gone: give back what a message in mid-air holds."""
        self.closing = True
        self.wake = self.moved = None
        self._drop()
        self._leave_account()
        self.reset()

    def kick(self, why: Ending) -> None:
        """End the session once no message is in progress."""
        if self.farewell in (None, Ending.GOING_DOWN):
            self.farewell = why
        if self.wake is not None:
            self.wake()

    def part(self) -> None:
        """Say the last word, if somebody wishes it and no message is in progress."""
        if self.farewell is not None and not self.in_transaction and not self.closing:
            self.hang_up(answers.FAREWELLS[self.farewell])

    async def advance(self) -> None:
        """Work off the input, as far as it goes. Never raises for anything the client sent."""
        handled = 0
        while self._at < len(self._buffer) and not self.closing and not self.wants_tls:
            if self.farewell is not None and not self.in_transaction:
                break
            if self.skip:
                self._skip_chunk()
            elif self.in_content:
                await self._read_content()
            else:
                line = self._line()
                if line is None:
                    break
                self.progress += 1
                await self._handle(line)
                handled += 1
                if handled % _FAIR == 0:
                    await asyncio.sleep(0)
            if self.bad_commands >= self.door.settings.max_bad_commands and not self.closing:
                self.hang_up(replies.TOO_MANY_ERRORS)
        if not self.wants_tls:
            self.part()
        if self.closing or self.wants_tls:
            # What was pipelined after STARTTLS came in the clear: it must never be taken for what TLS protects
            # (RFC 3207 §6, command injection).
            self._drop()

    # -- for the commands ----------------------------------------------------------------------------------------------

    def answer(self, reply: bytes) -> None:
        """Send a reply."""
        self._out.append(reply)

    def refuse(self, reply: bytes) -> None:
        """Send a reply to something a well-behaved client does not do."""
        self.bad_commands += 1
        self._out.append(reply)

    def hang_up(self, reply: bytes) -> None:
        """The last reply."""
        self._out.append(reply)
        self.closing = True

    def reset(self, state: State = State.READY) -> None:
        """Forget the transaction."""
        if self.transaction is not None:
            self.transaction.close()
            self.transaction = None
        self.forwarded = None
        self.exchange = None
        self.state = state

    def restart(self) -> None:
        """As if the client had just come."""
        self._leave_account()
        self.filtered = {}
        self.greeting = None
        self.hello = ""
        self.reset(State.START)

    @property
    def origin(self) -> Peer:
        """Where the message comes from, for checks and filters; ``hello`` is what that machine called itself."""
        return self.forwarded or replace(self.peer, hello=self.hello)

    def _leave_account(self) -> None:
        self.account = None
        self.mechanism = ""
        entry, self.entry = self.entry, None
        if entry is not None:
            entry.leave()

    # -- input ---------------------------------------------------------------------------------------------------------

    def _line(self) -> bytes | None:
        """The next complete line; None when it has not come yet."""
        limit = MAX_LINE if self.exchange is not None else self.door.settings.max_line
        while True:
            buffer, start = self._buffer, self._at
            end = buffer.find(b"\r\n", start)
            if end < 0:
                if len(buffer) - start > limit or self._long:
                    self._long = True
                    start = len(buffer) - buffer.endswith(b"\r")
                self._buffer, self._at = buffer[start:], 0
                return None
            self._at = end + 2
            if not self._long and end - start <= limit:
                return buffer[start:end]
            self._long = False
            self.exchange = None
            self.refuse(replies.LINE_TOO_LONG)

    def _drop(self) -> None:
        self._buffer, self._at = b"", 0

    def _take(self) -> bytes:
        """All the input there is."""
        taken = self._buffer[self._at :] if self._at else self._buffer
        self._drop()
        return taken

    def _skip_chunk(self) -> None:
        taken = min(self.skip, self.waiting)
        self.skip -= taken
        self._at += taken
        self.progress += 1
        if not self.skip:
            self.refuse(self.skip_reply)

    async def _read_content(self) -> None:
        transaction = self.transaction
        assert transaction is not None
        assert transaction.reader is not None
        piece, rest = transaction.reader.feed(self._take())
        transaction.write(piece)
        self.progress += 1
        if rest is not None:
            self._buffer = rest
            await self._guarded(content.complete(self, transaction))
        elif transaction.size > 2 * transaction.limit:
            # It was told the limit by SIZE, and goes on all the same: enough patience.
            self.hang_up(content.TOO_BIG)

    async def _handle(self, line: bytes) -> None:
        if self.exchange is not None:
            await self._guarded(authentication.response(self, line))
            return
        try:
            command = parse(line)
        except MailError as error:
            self.refuse(answers.of_error(error))
            return
        if self.state not in ALLOWED[type(command)] and not self._may_skip_hello(command):
            self._out_of_order(command)
            return
        await self._guarded(_HANDLERS[type(command)](self, command))

    def _may_skip_hello(self, command: c.Command) -> bool:
        return isinstance(command, c.Mail) and self.state is State.START and not self.door.settings.helo_required

    def _out_of_order(self, command: c.Command) -> None:
        if self.state is State.START:
            reply = replies.HELLO_FIRST
        elif self.state is State.SENDER and isinstance(command, c.Data | c.Bdat):
            reply = content.NO_RECIPIENTS  # RFC 2033 §4.2, and what pipelining leads to (RFC 2920 §3.1)
        else:
            reply = replies.BAD_SEQUENCE
        if isinstance(command, c.Bdat):
            content.skip(self, command.size, reply)  # the chunk follows in any case (RFC 3030 §2)
        else:
            self.refuse(reply)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except MailError as error:
            self.answer(answers.of_error(error))
        except Exception as error:  # noqa: BLE001 - noted with its trace
            self.answer(answers.of_bug(incident.note(error, session=self.id, protocol=self.door.protocol.value)))


async def _reset(session: Session, _: c.Rset) -> None:
    if session.state is not State.START:
        session.reset()
    session.answer(replies.OK)


async def _etrn(session: Session, command: c.Etrn) -> None:
    """RFC 1985 §5: for the networks that a relay domain names. The mail goes to the target, not to the asker."""
    delivery = session.door.delivery
    if session.door.protocol is not Protocol.SMTP or not delivery.may_ask_for(session.peer.address, command.domain):
        session.refuse(replies.NOT_FOR_YOU)
        return
    count = await delivery.hurry(command.domain)
    log.info("etrn", extra={"fields": {"session": session.id, "peer": session.peer.address, "domain": command.domain,
                                       "recipients": count}})  # fmt: skip
    session.answer(replies.plain(253, f"{count} pending messages started") if count else replies.NOTHING_WAITS)


async def _quit(session: Session, _: c.Quit) -> None:
    session.hang_up(replies.BYE)


def _fixed(reply: bytes) -> Callable[[Session, c.Command], Awaitable[None]]:
    async def handler(session: Session, _: c.Command) -> None:
        session.answer(reply)

    return handler


_HANDLERS: dict[type[c.Command], Callable[..., Awaitable[None]]] = {
    c.Hello: hello.hello,
    c.StartTls: hello.start_tls,
    c.Auth: authentication.begin,
    c.Mail: envelope.mail,
    c.Rcpt: envelope.rcpt,
    c.Data: content.data,
    c.Bdat: content.bdat,
    c.Rset: _reset,
    c.Quit: _quit,
    c.Noop: _fixed(replies.OK),
    c.Vrfy: _fixed(replies.CANNOT_VERIFY),
    c.Etrn: _etrn,
    c.Expn: _fixed(replies.NO_EXPANSION),
    c.Help: _fixed(replies.HELP),
    c.XClient: neighbours.xclient,
    c.XForward: neighbours.xforward,
}
