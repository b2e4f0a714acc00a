"""The state of one client's conversation, its input and its output."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from optimails.config.sieve import SieveSettings
from optimails.delivery.scripts import ScriptFiles
from optimails.door.peer import Peer
from optimails.door.session import PullSession, Surroundings
from optimails.door.sessions import Ending
from optimails.model.account import Account
from optimails.store.places import account_directory
from optimails.texts import text
from sieve.wire import responses
from sieve.wire.reader import Broken, Line, Reader
from sieve.wire.responses import Code

STRANGERS_LITERAL = 8_192  # bytes of a literal before log-in: names and responses


@dataclass(frozen=True, slots=True)
class Place:
    """Where the accounts are."""

    data: Path

    def files(self, account: Account, settings: SieveSettings) -> ScriptFiles:
        return ScriptFiles(account_directory(self.data, account.id), settings)


class Session(PullSession[SieveSettings]):
    """One connection. ``commands`` carries commands out."""

    __slots__ = ("_reader", "account", "files", "over", "place")

    def __init__(self, surroundings: Surroundings[SieveSettings], peer: Peer, place: Place) -> None:
        super().__init__(surroundings, peer)
        self.place = place
        self.account: Account | None = None
        self.files: ScriptFiles | None = None
        self.over = False
        self._reader = Reader(self.settings.max_line, STRANGERS_LITERAL)

    def enter(self, account: Account) -> None:
        """The client is who it says."""
        self.account = account
        self.files = self.place.files(account, self.settings)
        self._reader.max_literal = self.settings.max_script_size

    # -- output

    def ok(self, key: str = "", **values: object) -> None:
        self.write(responses.line(responses.OK, self.text(key, **values) if key else ""))

    def no(self, key: str, code: Code | None = None, **values: object) -> None:
        self.write(responses.line(responses.NO, self.text(key, **values), code))

    def bye(self, key: str, code: Code | None = None) -> None:
        self.write(responses.line(responses.BYE, self.text(key), code))

    def text(self, key: str, **values: object) -> str:
        """A text of ``[managesieve]``, in the language of the account once it is known."""
        language = self.account.language if self.account is not None else "en"
        return text(f"managesieve.{key}", language, **values)

    # -- input

    async def line(self) -> Line | Broken | None:
        """The next line, None when the session should end now. Raises ``TimedOut``, ``Disconnected``."""
        patience = self.settings.login_timeout if self.account is None else self.settings.idle_timeout
        until: float | None = None  # for the whole line: a byte now and then does not keep a session open
        while True:
            if self.farewell not in (None, Ending.GOING_DOWN):
                return None
            line = self._reader.next()
            if line is not None:
                return line
            data = self.peer.take()
            if data:
                self._reader.feed(data)
                continue
            if self.farewell is not None:
                return None
            await self.flush()
            now = asyncio.get_running_loop().time()
            until = now + patience if until is None else until
            await self.peer.wait(max(until - now, 0.0))

    async def start_tls(self) -> None:
        """What was sent in the clear behind STARTTLS is dropped, never obeyed."""
        await self.flush()
        await self.peer.start_tls()
        self._reader.discard()
