"""The sessions that are logged in at this worker, and what becomes of them when their account changes.

A suspended or removed account loses its open sessions at once, and so do those that logged in before a new password
was set; other limits are good from the next command on. The directory tells by a notice on the bus, which only says
*that* something changed: the account is then asked for again. There is one subscription for all sessions, and one task
that asks for one account after the other, for a change of a plan concerns thousands. While the directory is away
nobody is ended; it is asked again until it answers.

An account may also change between the check of the password and here. So it is asked for once more when a session
enters: a change that was made before shows in the answer, and one made later brings a notice.
"""

import asyncio
import logging
from enum import Enum
from typing import Protocol

from optimails.directory.api import Directory
from optimails.door.connections import Connections, Held
from optimails.events.api import Bus, Kind, Notice, Subscription
from optimails.mailbox.api import MailService
from optimails.model.account import Account, AccountState
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

RETRY = 5.0  # seconds between two questions to a directory that is away


class Ending(Enum):
    """Why the service ends a session."""

    GOING_DOWN = "the worker ends; what the client is at may come to its end"
    NOT_ACTIVE = "the account is suspended or removed"
    NOT_SHARED = "the mailbox it has open is not shared with it any more"
    CREDENTIALS = "the password it logged in with is not the account's any more"


class Session(Protocol):
    def kick(self, why: Ending) -> None:
        """End as soon as no command is in progress. Must not raise."""


class Entry:
    """One session among those of its account, until ``leave``."""

    __slots__ = ("_held", "_sessions", "account", "session")

    def __init__(self, sessions: "Sessions", held: Held, account: Account, session: Session) -> None:
        self._sessions: Sessions | None = sessions
        self._held = held
        self.account = account  # as it logged in
        self.session = session

    def leave(self) -> None:
        """The session is over; calling this again does nothing."""
        sessions, self._sessions = self._sessions, None
        if sessions is not None:
            self._held.release()
            sessions._forget(self)  # noqa: SLF001 - the other half of the same thing


class Sessions:
    """One per worker; belongs to its event loop."""

    def __init__(self, connections: Connections, directory: Directory, mail: MailService, bus: Bus) -> None:
        self.connections = connections
        self._directory = directory
        self._mail = mail
        self._bus = bus
        self._entries: dict[AccountId, tuple[Entry, ...]] = {}
        self._subscription: Subscription | None = None
        self._due: dict[AccountId, None] = {}
        self._task: asyncio.Task[None] | None = None

    async def enter(self, account: Account, session: Session) -> Entry:
        """A session that has just logged in.

        Raises:
            Refused: LIMIT, the account has too many sessions on this host; AUTHENTICATION_FAILED, it has changed since.
            Unavailable: the directory is away.
        """
        if self._subscription is None:
            self._subscription = self._bus.subscribe(None, None, self._noticed)
        entry = Entry(self, self.connections.of_account(account.id), account, session)
        self._entries[account.id] = (*self._entries.get(account.id, ()), entry)
        good = False
        try:
            good = _ending(account, await self._directory.account(account.id)) is None
        finally:
            if not good:
                entry.leave()
        if not good:
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        return entry

    def close(self) -> None:
        """No more news of accounts."""
        if self._subscription is not None:
            self._subscription.cancel()
        if self._task is not None:
            self._task.cancel()

    def _forget(self, entry: Entry) -> None:
        identity = entry.account.id
        left = tuple(other for other in self._entries[identity] if other is not entry)
        if left:
            self._entries[identity] = left
        else:
            del self._entries[identity]

    def _noticed(self, notice: Notice) -> None:
        if notice.kind is Kind.ACCOUNT and notice.account in self._entries:
            self._due[notice.account] = None
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        while self._due:
            identity = next(iter(self._due))
            del self._due[identity]
            try:
                account = await self._directory.account(identity)
            except Unavailable:
                self._due[identity] = None
                await asyncio.sleep(RETRY)
            except Exception:
                log.exception("account_news_failed", extra={"fields": {"account": identity}})
            else:
                self._apply(identity, account)

    def _apply(self, identity: AccountId, account: Account | None) -> None:
        if account is not None:
            self._mail.changed(account)
        for entry in self._entries.get(identity, ()):
            why = _ending(entry.account, account)
            if why is not None:
                log.info("session_ended", extra={"fields": {"account": identity, "why": why.name.lower()}})
                entry.session.kick(why)


def _ending(then: Account, now: Account | None) -> Ending | None:
    """Whether who logged in with the account as it was may go on."""
    if now is None or now.state is not AccountState.ACTIVE:
        return Ending.NOT_ACTIVE
    return Ending.CREDENTIALS if now.stamp != then.stamp else None
