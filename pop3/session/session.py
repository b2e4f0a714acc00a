"""The state of one client's conversation, its input and its output.

A session pulls (``optimails.door.session``): it takes a line, carries the command out, answers, and only then looks at
the next.
"""

import asyncio
from enum import Enum, auto

from optimails.config.pop3 import Pop3Settings
from optimails.door.peer import Peer
from optimails.door.session import PullSession, Surroundings
from optimails.door.sessions import Ending
from optimails.mailbox.api import AccountMail
from optimails.texts import text
from pop3.session.maildrop import Maildrop
from pop3.wire import replies
from pop3.wire.lines import Lines, TooLong
from pop3.wire.replies import Code

DEFAULT_LANGUAGE = "en"  # RFC 6856 §3: i-default, English in ASCII, until the client chooses


class State(Enum):
    """RFC 1939 §3; UPDATE is the answer to QUIT."""

    AUTHORIZATION = auto()
    TRANSACTION = auto()
    OVER = auto()


class Session(PullSession[Pop3Settings]):
    """One connection. The modules beside this one carry commands out; ``table`` binds them."""

    __slots__ = ("_account", "_language", "_lines", "_maildrop", "over", "user")

    def __init__(self, surroundings: Surroundings[Pop3Settings], peer: Peer) -> None:
        super().__init__(surroundings, peer)
        self.user: str | None = None  # given by USER, waiting for PASS
        self.over = False
        self._language = DEFAULT_LANGUAGE
        self._account: AccountMail | None = None
        self._maildrop: Maildrop | None = None
        self._lines = Lines(surroundings.settings.max_line)

    @property
    def state(self) -> State:
        if self.over:
            return State.OVER
        return State.AUTHORIZATION if self._maildrop is None else State.TRANSACTION

    @property
    def maildrop(self) -> Maildrop:
        """There in the TRANSACTION state, which ``table`` has checked."""
        assert self._maildrop is not None
        return self._maildrop

    # -- output

    def ok(self, key: str = "", **values: object) -> None:
        """``+OK`` with that text of ``[pop3]``, in the language the client chose."""
        self.write(replies.ok(self.text(key, **values) if key else ""))

    def error(self, key: str, code: Code | None = None, **values: object) -> None:
        self.write(replies.error(self.text(key, **values), code))

    def text(self, key: str, **values: object) -> str:
        return text(f"pop3.{key}", self._language, **values)

    def speak(self, language: str) -> None:
        self._language = language

    # -- input

    async def line(self) -> bytes | TooLong | None:
        """The next line, None when the session should end now. Raises ``TimedOut``, ``Disconnected``."""
        patience = self.settings.login_timeout if self._maildrop is None else self.settings.idle_timeout
        until: float | None = None  # for the whole line: a byte now and then does not keep a session open
        if self.farewell not in (None, Ending.GOING_DOWN):
            return None
        while (line := self._lines.next()) is None:
            data = self.peer.take()
            if not data:
                if self._must_go:
                    return None
                await self.flush()
                now = asyncio.get_running_loop().time()
                until = now + patience if until is None else until
                await self.peer.wait(max(until - now, 0.0))
                continue
            self._lines.feed(data)
        return line

    @property
    def _must_go(self) -> bool:
        """When the service goes down, a client that has not logged in goes at once, others may finish their work."""
        return self.farewell is not None and (self._maildrop is None or self.farewell is not Ending.GOING_DOWN)

    async def start_tls(self) -> None:
        """What was sent in the clear behind STLS is dropped, never obeyed, and what was said is forgotten."""
        await self.flush()
        self.user = None
        await self.peer.start_tls()
        self._lines.discard()

    # -- life

    def enter(self, account: AccountMail, maildrop: Maildrop) -> None:
        self._account = account
        self._maildrop = maildrop
        self.user = None

    async def end(self) -> None:
        """Let go of mailbox and account; nothing that is only marked is deleted."""
        self.over = True
        self.leave()
        maildrop, self._maildrop = self._maildrop, None
        account, self._account = self._account, None
        if account is not None:
            try:
                if maildrop is not None:
                    await maildrop.mailbox.close()
            finally:
                await account.close()
