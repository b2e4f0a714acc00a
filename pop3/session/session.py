"""The state of one client's conversation, its input and its output.

A session pulls: it takes a line, carries the command out, answers, and only then looks at the next. Answers gather and
leave in one write when nothing more can be done without new input, or when much has gathered.
"""

import asyncio
import secrets
from dataclasses import dataclass
from enum import Enum, auto

from optimails.config.pop3 import Pop3Settings
from optimails.door.login import Login
from optimails.mailbox.api import AccountMail, MailService
from optimails.texts import text
from pop3.session.maildrop import Maildrop
from pop3.session.peer import Peer
from pop3.wire import replies
from pop3.wire.lines import Lines, TooLong
from pop3.wire.replies import Code

FLUSH_AT = 65_536  # bytes of answers that may gather before they are sent
DEFAULT_LANGUAGE = "en"  # RFC 6856 §3: i-default, English in ASCII, until the client chooses


class State(Enum):
    """RFC 1939 §3; UPDATE is the answer to QUIT."""

    AUTHORIZATION = auto()
    TRANSACTION = auto()
    OVER = auto()


class Count:
    """How many sessions each account has in this worker."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def enter(self, name: str, most: int) -> bool:
        """One more, unless there are ``most`` (0: any number)."""
        count = self._open.get(name, 0)
        if most and count >= most:
            return False
        self._open[name] = count + 1
        return True

    def leave(self, name: str) -> None:
        count = self._open.get(name, 0) - 1
        if count > 0:
            self._open[name] = count
        else:
            self._open.pop(name, None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sessions of a listener share."""

    settings: Pop3Settings
    mail: MailService
    login: Login
    sessions: Count  # of each account
    most_sessions: int  # of one account; 0 is any number


class Session:
    """One connection. The modules beside this one carry commands out; ``table`` binds them."""

    __slots__ = (
        "_account",
        "_language",
        "_lines",
        "_maildrop",
        "_out",
        "_out_size",
        "bad_commands",
        "farewell",
        "id",
        "over",
        "peer",
        "surroundings",
        "user",
    )

    def __init__(self, surroundings: Surroundings, peer: Peer) -> None:
        self.surroundings = surroundings
        self.peer = peer
        self.id = secrets.token_hex(5)
        self.user: str | None = None  # given by USER, waiting for PASS
        self.over = False
        self.farewell = False  # end as soon as nothing is lost by it
        self.bad_commands = 0
        self._language = DEFAULT_LANGUAGE
        self._account: AccountMail | None = None
        self._maildrop: Maildrop | None = None
        self._lines = Lines(surroundings.settings.max_line)
        self._out: list[bytes] = []
        self._out_size = 0

    @property
    def settings(self) -> Pop3Settings:
        return self.surroundings.settings

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

    def write(self, data: bytes) -> None:
        """Queue bytes; they leave with the next ``flush``."""
        self._out.append(data)
        self._out_size += len(data)

    def ok(self, key: str = "", **values: object) -> None:
        """``+OK`` with that text of ``[pop3]``, in the language the client chose."""
        self.write(replies.ok(self.text(key, **values) if key else ""))

    def error(self, key: str, code: Code | None = None, **values: object) -> None:
        self.write(replies.error(self.text(key, **values), code))

    def text(self, key: str, **values: object) -> str:
        return text(f"pop3.{key}", self._language, **values)

    def speak(self, language: str) -> None:
        self._language = language

    async def flush(self) -> None:
        if self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out = []
            self._out_size = 0
            await self.peer.send(data)

    async def relieve(self) -> None:
        """Flush when much has gathered: memory stays flat however long an answer is."""
        if self._out_size >= FLUSH_AT:
            await self.flush()
            await asyncio.sleep(0)  # others' turn: a client that reads fast would never make us wait

    # -- input

    async def line(self) -> bytes | TooLong | None:
        """The next line, None when the session should end now. Raises ``TimedOut``, ``Disconnected``."""
        patience = self.settings.login_timeout if self._maildrop is None else self.settings.idle_timeout
        until: float | None = None  # for the whole line: a byte now and then does not keep a session open
        while (line := self._lines.next()) is None:
            data = self.peer.take()
            if not data:
                if self.farewell and self._maildrop is None:
                    return None
                await self.flush()
                now = asyncio.get_running_loop().time()
                until = now + patience if until is None else until
                await self.peer.wait(max(until - now, 0.0))
                continue
            self._lines.feed(data)
        return line

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

    def kick(self) -> None:
        """The service goes down: a client that has not logged in goes at once, others may finish their work."""
        self.farewell = True
        self.peer.wake()

    async def end(self) -> None:
        """Let go of mailbox and account; nothing that is only marked is deleted."""
        self.over = True
        self._out = []
        maildrop, self._maildrop = self._maildrop, None
        account, self._account = self._account, None
        if account is not None:
            self.surroundings.sessions.leave(account.account.id)
            try:
                if maildrop is not None:
                    await maildrop.mailbox.close()
            finally:
                await account.close()
