"""What the sessions of IMAP and POP3 have in common: output that gathers, and an end that others may wish for.

Such a session pulls: it takes a command, carries it out, answers, and only then looks at what comes next. Answers
gather in a list and leave in one write when nothing more can be done without new input, or when much has gathered.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Generic, TypeVar

from optimails.delivery.stored.api import MailEvents
from optimails.door.login import Login
from optimails.door.peer import Disconnected, Peer
from optimails.door.sessions import Ending, Entry, Sessions
from optimails.mailbox.api import MailService

FLUSH_AT = 65_536  # bytes of answers that may gather before they are sent
FAREWELL_PATIENCE = 5.0  # seconds to hand the last answer to a client that does not read

S = TypeVar("S")  # the door's settings


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[S]):
    """What all sessions of a listener share."""

    settings: S
    mail: MailService
    login: Login
    sessions: Sessions
    events: MailEvents | None = None  # scripts that wait for what users do


class PullSession(Generic[S]):
    """State of one connection, whatever the protocol."""

    __slots__ = ("_out", "_out_size", "bad_commands", "entry", "farewell", "id", "peer", "surroundings")

    def __init__(self, surroundings: Surroundings[S], peer: Peer) -> None:
        self.surroundings = surroundings
        self.peer = peer
        self.id = secrets.token_hex(5)
        self.entry: Entry | None = None  # this session among those of its account
        self.farewell: Ending | None = None  # somebody wishes its end
        self.bad_commands = 0
        self._out: list[bytes] = []
        self._out_size = 0

    @property
    def settings(self) -> S:
        return self.surroundings.settings

    def write(self, data: bytes) -> None:
        """Queue bytes; they leave with the next ``flush``."""
        self._out.append(data)
        self._out_size += len(data)

    async def flush(self) -> None:
        """Send what is queued. Raises ``Disconnected``."""
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

    async def flush_last(self) -> None:
        """Flush, but not wait for ever, and not complain: the connection is over anyway."""
        with contextlib.suppress(Disconnected, TimeoutError):
            async with asyncio.timeout(FAREWELL_PATIENCE):
                await self.flush()

    def kick(self, why: Ending) -> None:
        """End the session as soon as no command is in progress."""
        if self.farewell in (None, Ending.GOING_DOWN):  # the others leave less time
            self.farewell = why
        self.peer.wake()

    def leave(self) -> None:
        """It is no longer one of its account's; what was not sent will not be."""
        self._out = []
        entry, self.entry = self.entry, None
        if entry is not None:
            entry.leave()
