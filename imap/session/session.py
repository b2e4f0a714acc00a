"""The state of one client's conversation, its input and its output.

A session pulls (``optimails.door.session``): it takes a value from the parser, carries the command out, answers, and
only then looks at what comes next. So pipelined commands keep their order, a command's effect on the grammar (ENABLE,
IDLE, STARTTLS, COMPRESS) applies to exactly what follows it, and a client that sends ahead fills the connection's
buffer and is then no longer read from.
"""

import asyncio

from imap.session.peer import ImapPeer
from imap.session.state import Done, State
from imap.wire import codes, responses
from imap.wire.codes import Code
from imap.wire.commands import SAVED_RESULT
from imap.wire.parser import Event, Limits, Parser
from imap.wire.responses import Condition
from optimails.config.imap import ImapSettings
from optimails.door.session import FLUSH_AT, PullSession, Surroundings
from optimails.door.sessions import Ending
from optimails.mailbox.api import MessageSet, SelectedMailbox, SharedMail
from optimails.mime import Part
from optimails.model.errors import BadSyntax, Refused
from optimails.model.flags import Flag
from optimails.model.ids import ModSeq
from optimails.model.number_set import NumberSet

LINE_BEFORE_LOGIN = 8_192  # bytes of a line from somebody we do not know yet


_FAREWELLS = {
    Ending.NOT_SHARED: (None, "The selected mailbox is not shared with you any more"),
    Ending.GOING_DOWN: (None, "Server is going down, please connect again"),
    Ending.NOT_ACTIVE: (codes.UNAVAILABLE, "This account is not available"),
    Ending.CREDENTIALS: (codes.UNAVAILABLE, "The password has changed, please log in again"),
}


class Session(PullSession[ImapSettings]):
    """State of one connection. Handlers in the modules beside this one do the work; ``table`` binds them."""

    __slots__ = (
        "account",
        "annotations_told",
        "compressed",
        "condstore",
        "keywords_told",
        "logged_out",
        "own_annotations",
        "parsed",
        "parser",
        "recents",
        "rev2",
        "saved",
        "selected",
        "tag",
        "utf8",
    )

    peer: ImapPeer

    def __init__(self, surroundings: Surroundings[ImapSettings], peer: ImapPeer) -> None:
        super().__init__(surroundings, peer)
        settings = surroundings.settings
        self.tag = b""  # of the command in progress
        self.parser = Parser(Limits(line=LINE_BEFORE_LOGIN, literal=LINE_BEFORE_LOGIN, message=settings.max_append))
        self.account: SharedMail | None = None
        self.selected: SelectedMailbox | None = None
        self.rev2 = False  # ENABLE IMAP4rev2
        self.utf8 = False  # mailbox names go out in UTF-8
        self.condstore = False  # MODSEQ in every FETCH answer (RFC 7162 §3.1)
        self.compressed = False
        self.recents = False  # the view has \Recent messages that a client of RFC 3501 wants to see
        self.keywords_told: list[Flag] | None = None  # the names in the last FLAGS response
        self.saved = NumberSet(())  # UIDs behind $ (RFC 9051 §6.4.4.1)
        self.parsed: tuple[int, Part] | None = None  # UID and parts of the large message that is read piece by piece
        self.annotations_told: ModSeq | None = None  # ENABLE METADATA: up to where its news were told
        self.own_annotations: set[ModSeq] = set()  # changes made here, which the client knows of
        self.logged_out = False

    @property
    def state(self) -> State:
        if self.logged_out:
            return State.LOGOUT
        if self.selected is not None:
            return State.SELECTED
        return State.AUTHENTICATED if self.account is not None else State.NOT_AUTHENTICATED

    # -- what is certain once the table has checked the state

    @property
    def mail(self) -> SharedMail:
        assert self.account is not None
        return self.account

    @property
    def mailbox(self) -> SelectedMailbox:
        assert self.selected is not None
        return self.selected

    def write_lines(self, lines: list[bytes]) -> None:
        self.write(b"".join(lines))

    # -- input

    async def event(self, seconds: float, *, between_commands: bool = False) -> Event:
        """The parser's next value. Raises ``TimedOut``, ``Disconnected``."""
        while True:
            event = await self.event_or_wake(seconds, between_commands=between_commands)
            if event is not None:
                return event

    async def event_or_wake(self, seconds: float, *, between_commands: bool = False) -> Event | None:
        """The parser's next value, or None after something else woke the connection."""
        swallowed = 0
        if between_commands and self.farewell is not None:
            raise Farewell.of(self.farewell)
        while (event := self.parser.next()) is None:
            data = self.peer.take()
            if not data:
                await self.flush()
                await self.peer.wait(seconds)
                data = self.peer.take()
            if not data:
                return None
            self.parser.feed(data)
            swallowed += len(data)
            if swallowed > self._most_swallowed:
                raise Farewell("Too much data without a command")
            if swallowed > FLUSH_AT:
                await asyncio.sleep(0)  # others' turn: compressed input can unpack for very long
        return event

    @property
    def _most_swallowed(self) -> int:
        """Bytes that may pass without making sense: the largest thing that is refused while it comes."""
        limits = self.parser.limits
        return limits.message + limits.command + limits.line

    # -- life

    async def end(self) -> None:
        """Let go of mailbox and account; the connection is over."""
        self.logged_out = True
        self.leave()
        try:
            await self.unselect()
        finally:
            account, self.account = self.account, None
            if account is not None:
                await account.close()

    # -- shared by handlers

    def logged_in(self) -> None:
        """A known client may send more."""
        settings = self.settings
        self.parser.limits = Limits(
            line=settings.max_line, literal=settings.max_literal, command=settings.max_line + settings.max_literal * 4,
            message=settings.max_append,
        )  # fmt: skip

    async def unselect(self) -> None:
        """Leave the selected mailbox, if any."""
        selected, self.selected = self.selected, None
        self.saved = NumberSet(())
        self.recents = False
        self.parsed = None
        if selected is not None:
            await selected.close()

    def message_set(self, numbers: NumberSet, *, by_uid: bool) -> MessageSet:
        """What the client named; ``$`` are UIDs whatever the command (RFC 9051 §6.4.4.1)."""
        if numbers == SAVED_RESULT:
            return MessageSet(self.saved, by_uid=True)
        return MessageSet(numbers, by_uid)

    def finish(self, tag: bytes, done: Done) -> None:
        self.write(responses.tagged(tag, done.condition, done.text, done.code))

    def invalid(self, tag: bytes | None, error: BadSyntax | Refused) -> None:
        """Answer what could not be understood; a client that sends nothing else is shown the door."""
        if isinstance(error, Refused):
            condition, code = Condition.NO, codes.of_reason(error.reason)
        else:
            condition, code = Condition.BAD, None
            self.bad_commands += 1
        if tag is None:
            self.write(responses.untagged(condition, str(error), code))
        else:
            self.write(responses.tagged(tag, condition, str(error), code))
        if self.bad_commands >= self.settings.max_bad_commands:
            raise Farewell("Too many invalid commands")

    def need_continuation(self) -> None:
        """The client may send the literal it announced."""
        self.write(responses.continuation("Ready for literal data"))

    def ok(self, text: str, code: Code | None = None) -> None:
        self.write(responses.untagged(Condition.OK, text, code))


class Farewell(Exception):
    """The session ends with BYE, this text and perhaps a code."""

    def __init__(self, text: str, code: Code | None = None) -> None:
        super().__init__(text)
        self.code = code

    @classmethod
    def of(cls, why: Ending) -> "Farewell":
        code, text = _FAREWELLS[why]
        return cls(text, code)
