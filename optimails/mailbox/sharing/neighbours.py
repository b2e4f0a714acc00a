"""The mailboxes of others that one user may see: finding them by name, and all of them at once.

Where nobody shares anything with the user, this costs a look into a cache. Accounts of owners are opened only while
something is asked of them; the service keeps the last used ones.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from optimails.acl.decision import Effective
from optimails.index import mailboxes
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.mailbox.api import MailboxInfo, MailboxStatus
from optimails.mailbox.sharing.places import Place, name_for_others, root_of
from optimails.mailbox.sharing.visit import ACCOUNT, Visit, Visitor, no_such_mailbox
from optimails.model.account import Account, AccountState
from optimails.model.errors import Unavailable
from optimails.model.ids import AccountId
from optimails.model.mailbox_name import MailboxName, parents
from optimails.model.rights import NOTHING, STANDARD, Answer, Kind, Object, Offer, Right, answer_to

if TYPE_CHECKING:
    from optimails.directory.api import Directory
    from optimails.mailbox.account import LocalAccountMail

from optimails.events.api import NO_MAILBOX

Opener = Callable[[Account], Awaitable["LocalAccountMail"]]


class Shown(NamedTuple):
    """A mailbox of somebody else that the user may look up."""

    owner: Account
    row: MailboxRow
    effective: Effective


class Neighbours:
    def __init__(self, visitor: Visitor, directory: "Directory", opener: Opener) -> None:
        self._visitor = visitor
        self._directory = directory
        self._open = opener
        self._any: bool | None = None  # whether anybody offered something, when last asked

    async def owners(self) -> dict[AccountId, list[Offer]]:
        """Who offers something to the user, and what.

        While the directory is away, who had nothing of others before goes on with his own; for anybody else mailboxes
        would seem to be gone, and mail programs forget what they know of those. Raises ``Unavailable``.
        """
        found: dict[AccountId, list[Offer]] = {}
        try:
            offers = await self._visitor.rights.offers(self._visitor.account.id, Kind.MAILBOX)
        except Unavailable:
            if self._any is not False:
                raise
            return found
        for offer in offers:
            found.setdefault(offer.owner, []).append(offer)
        self._any = bool(found)
        return found

    async def owner_at(self, place: Place) -> Account | None:
        """Whom the place belongs to, among those who offer something; nobody else can be told from nobody."""
        for identity in await self.owners():
            account = await self._account(identity)
            if account is not None and root_of(account).casefold() == f"{place.namespace}/{place.owner}".casefold():
                return account
        return None

    async def _account(self, identity: AccountId) -> Account | None:
        account = await self._directory.account(identity)
        return None if account is None or account.state is AccountState.CLOSED else account

    @asynccontextmanager
    async def at(self, place: Place) -> AsyncIterator[Visit]:
        """The mailbox there, selectable or not, while it is needed. Raises ``Refused(NON_EXISTENT)``."""
        visit = await self.visit(place)
        try:
            yield visit
        finally:
            await visit.leave()
            await visit.mail.close()

    async def visit(self, place: Place) -> Visit:
        """As ``at``; the caller closes the visit's ``mail``."""
        owner = await self.owner_at(place)
        if owner is None:
            raise no_such_mailbox()
        mail = await self._open(owner)
        try:
            row = await asyncio.get_running_loop().run_in_executor(None, _row, mail, place.name)
        except BaseException:
            await mail.close()
            raise
        if row is None:
            await mail.close()
            raise no_such_mailbox()
        return Visit(self._visitor, owner, object_of(row), row.name, mail)

    async def visit_above(self, place: Place) -> Visit:
        """The nearest level above the place that exists, for creating something there; else the account as a whole."""
        owner = await self.owner_at(place)
        if owner is None:
            raise no_such_mailbox()
        mail = await self._open(owner)
        try:
            for parent in reversed(parents(place.name)):
                row = await asyncio.get_running_loop().run_in_executor(None, _row, mail, parent)
                if row is not None:
                    return Visit(self._visitor, owner, object_of(row), row.name, mail)
        except BaseException:
            await mail.close()
            raise
        return Visit(self._visitor, owner, ACCOUNT, "", mail)

    # -- all of them ---------------------------------------------------------------------------------------------------

    async def mailboxes(self, subscribed: Iterable[MailboxName]) -> list[MailboxInfo]:
        """What LIST shows of others, with the levels above it."""
        known = set(subscribed)
        found: dict[MailboxName, MailboxInfo] = {}
        async for owner, _, shown in self._everybody():
            for _, row, effective in shown:
                name, rights = name_for_others(owner, row.name), effective.rights & STANDARD
                found[name] = MailboxInfo(name, row.id, bool(row.selectable), name in known, None, rights=rights)
        levels = {parent for name in found for parent in parents(name) if parent not in found}
        return [
            *found.values(),
            *(_level(name, subscribed=name in known) for name in levels),
        ]

    async def statuses(self, status: "Callable[[Visit, MailboxRow], Awaitable[MailboxStatus]]") -> list[MailboxStatus]:
        """Of those that may be read."""
        found = []
        async for owner, mail, shown in self._everybody():
            for _, row, effective in shown:
                if row.selectable and effective.may(Right.READ):
                    visit = Visit(self._visitor, owner, object_of(row), row.name, mail)
                    visit.now = effective
                    found.append(await status(visit, row))
        return found

    async def readable(self) -> "AsyncIterator[tuple[LocalAccountMail, dict[MailboxName | None, Visit]]]":
        """Each owner's account, open meanwhile, and visits of the mailboxes that may be read, by their names there."""
        async for owner, mail, shown in self._everybody():
            visits: dict[MailboxName | None, Visit] = {}
            for _, row, effective in shown:
                if effective.may(Right.READ):
                    visits[row.name] = Visit(self._visitor, owner, object_of(row), row.name, mail)
                    visits[row.name].now = effective
            yield mail, visits

    async def _everybody(self) -> "AsyncIterator[tuple[Account, LocalAccountMail, list[Shown]]]":
        """Each owner with his account, open meanwhile, and what the user may look up there and has not refused."""
        for identity, offers in (await self.owners()).items():
            owner = await self._account(identity)
            if owner is None:
                continue
            mail = await self._open(owner)
            try:
                rows = await asyncio.get_running_loop().run_in_executor(None, rows_of, mail)
                wanted = {
                    object_of(row): row for row in rows if answer_to(object_of(row), offers) is not Answer.REFUSED
                }
                effective = await self._visitor.rights.effective_on(self._visitor.account.id, identity, wanted)
                shown = [Shown(owner, row, effective[on]) for on, row in wanted.items()]
                yield owner, mail, [one for one in shown if one.effective.may(Right.LOOKUP)]
            finally:
                await mail.close()


def _level(name: MailboxName, *, subscribed: bool) -> MailboxInfo:
    """A name above mailboxes, where the user sees none."""
    return MailboxInfo(name, NO_MAILBOX, False, subscribed, None, exists=False, rights=NOTHING)


def object_of(row: MailboxRow) -> Object:
    return Object(Kind.MAILBOX, row.object_id)


@storage_errors
def _row(mail: "LocalAccountMail", name: str) -> MailboxRow | None:
    with mail.engine.database.read() as connection:
        return mailboxes.by_name(connection, name) if name else None


@storage_errors
def rows_of(mail: "LocalAccountMail") -> list[MailboxRow]:
    """All mailboxes of the account. Blocking."""
    with mail.engine.database.read() as connection:
        return mailboxes.every(connection)
