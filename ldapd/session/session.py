"""The state of one client's conversation, its input and its output."""

import asyncio

from ldapd.session.books import Books
from ldapd.session.tree import Node
from ldapd.wire import responses
from ldapd.wire.frames import Broken, Frames
from ldapd.wire.responses import Code
from optimails.config.ldapd import LdapdSettings
from optimails.door.peer import Peer
from optimails.door.session import PullSession, Surroundings
from optimails.door.sessions import Ending
from optimails.model.account import Account
from optimails.texts import text

STRANGERS_MESSAGE = 8_192  # bytes of a request before log-in
MAX_PAGED = 3  # searches whose further pages a session keeps


class Session(PullSession[LdapdSettings]):
    """One connection. The modules beside this one carry requests out."""

    __slots__ = ("_frames", "account", "books", "over", "paged")

    def __init__(self, surroundings: Surroundings[LdapdSettings], peer: Peer, books: Books) -> None:
        super().__init__(surroundings, peer)
        self.books = books
        self.account: Account | None = None
        self.over = False
        self.paged: dict[bytes, tuple[Node, ...]] = {}  # what is left of searches that are answered by pages
        self._frames = Frames(STRANGERS_MESSAGE)

    # -- who it is

    def enter(self, account: Account) -> None:
        """The client is who it says."""
        self.account = account
        self._frames.max_size = self.settings.max_message

    def forget(self) -> None:
        """Nobody is logged in any more: each bind begins anew (RFC 4511 §4.2.1)."""
        entry, self.entry = self.entry, None
        if entry is not None:
            entry.leave()
        self.account = None
        self.paged.clear()
        self._frames.max_size = STRANGERS_MESSAGE

    # -- output

    def done(self, message: int, tag: int, code: Code, key: str = "", **values: object) -> None:
        """The end of a request, with that text of ``[ldap]``."""
        self.write(responses.result(message, tag, code, self.text(key, **values) if key else ""))

    def notice(self, code: Code, key: str) -> None:
        """The last word."""
        self.over = True
        self.write(responses.notice(code, self.text(key)))

    def text(self, key: str, **values: object) -> str:
        """In the language of the account once it is known."""
        language = self.account.language if self.account is not None else "en"
        return text(f"ldap.{key}", language, **values)

    # -- input

    async def message(self) -> bytes | Broken | None:
        """The next message's contents, None when the session should end. Raises ``TimedOut``, ``Disconnected``."""
        patience = self.settings.login_timeout if self.account is None else self.settings.idle_timeout
        until: float | None = None  # for the whole message: a byte now and then does not keep a session open
        while True:
            if self.farewell not in (None, Ending.GOING_DOWN):
                return None
            content = self._frames.next()
            if content is not None:
                return content
            data = self.peer.take()
            if data:
                self._frames.feed(data)
                continue
            if self.farewell is not None:
                return None
            await self.flush()
            now = asyncio.get_running_loop().time()
            until = now + patience if until is None else until
            await self.peer.wait(max(until - now, 0.0))

    async def start_tls(self) -> None:
        """What was sent in the clear behind StartTLS is dropped, never obeyed, and who logged in before did not."""
        self.forget()
        await self.flush()
        await self.peer.start_tls()
        self._frames.discard()
