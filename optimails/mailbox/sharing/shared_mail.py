"""A user's own account and what others share with him, as one (``optimails.mailbox.api.SharedMail``).

Each call looks at the name first: the user's own mailboxes go straight to his account, those of others through a
``Visit``, which asks for the right. A mailbox of his own that has had a name like ``Other Users/…`` since before stays
his and stays reachable; new ones cannot be made there.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from optimails.acl.decision import OWN
from optimails.index import mailboxes
from optimails.index.database import storage_errors
from optimails.index.messages import Ranges
from optimails.mailbox.account import LocalAccountMail, status_of
from optimails.mailbox.api import (
    AclLine,
    Annotations,
    Appended,
    Copied,
    Incoming,
    Keywords,
    MailboxInfo,
    MailboxStatus,
    NewMessage,
    SelectedMailbox,
    StoreMode,
)
from optimails.mailbox.sharing import filing
from optimails.mailbox.sharing.control import Control
from optimails.mailbox.sharing.guarded import GuardedMailbox
from optimails.mailbox.sharing.neighbours import Neighbours, object_of
from optimails.mailbox.sharing.notes import SharedAnnotations
from optimails.mailbox.sharing.places import OTHER_USERS, SHARED_FOLDERS, Place, place_of, root_of
from optimails.mailbox.sharing.visit import Visit, Visitor, no_such_mailbox
from optimails.model.account import Account, Feature
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.mailbox_name import SEPARATOR, MailboxName, canonical, parents
from optimails.model.rights import STANDARD, Answer, Object, Right
from optimails.model.special_use import SpecialUse
from quota.usage import Usage

if TYPE_CHECKING:
    from optimails.directory.api import Directory
    from optimails.events.api import Bus
    from optimails.index.mailboxes import MailboxRow
    from optimails.mailbox.selected import LocalSelectedMailbox

log = logging.getLogger(__name__)

T = TypeVar("T")

_SHOWING = (Right.LOOKUP, Right.READ, Right.INSERT, Right.CREATE, Right.DELETE, Right.ADMINISTER)
"""Who has one of these may ask which rights he has (RFC 4314 §4, MYRIGHTS)."""


class LocalSharedMail:
    """One session's; closing it closes the account."""

    def __init__(
        self,
        own: LocalAccountMail,
        visitor: Visitor,
        directory: "Directory",
        opener: "Callable[[Account], Awaitable[LocalAccountMail]]",
    ) -> None:
        self._own = own
        self._visitor = visitor
        self._rights = visitor.rights
        self._directory = directory
        self._others = Neighbours(visitor, directory, opener)
        self.account = own.account
        self.keywords: Keywords = own.keywords
        self.annotations: Annotations = SharedAnnotations(own, self._others, self._place)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._own.close()

    def _place(self, name: str) -> Place | None:
        """Where a name of others lies; None for the user's own."""
        place = place_of(name)
        if place is not None and _own_row(self._own, name) is not None:
            return None
        return place

    # -- looking -------------------------------------------------------------------------------------------------------

    async def mailboxes(self) -> list[MailboxInfo]:
        own = await self._own.mailboxes()
        if not await self._others.owners():
            return own
        names = {info.name for info in own}
        others = await self._others.mailboxes(await self._own.subscriptions())
        return own + [info for info in others if info.name not in names]

    async def subscriptions(self) -> list[MailboxName]:
        return await self._own.subscriptions()

    async def status(self, name: MailboxName) -> MailboxStatus:
        place = self._place(name)
        if place is None:
            return await self._own.status(name)
        async with self._others.at(place) as visit:
            await visit.expect(Right.READ)
            row = visit.mail.engine.mailbox(place.name)
            return await filing.seen_by(visit, row, await visit.mail.status(place.name))

    async def statuses(self) -> dict[MailboxName, MailboxStatus]:
        found = await self._own.statuses()

        async def one(visit: Visit, row: "MailboxRow") -> MailboxStatus:
            return await filing.seen_by(visit, row, status_of(row))

        return {status.name: status for status in await self._others.statuses(one)} | found

    async def usage(self, mailbox: MailboxName | None = None) -> Usage:
        place = self._place(mailbox) if mailbox is not None else None
        if place is None:
            return await self._own.usage()
        async with self._others.at(place) as visit:
            await visit.expect(Right.INSERT)
            return await visit.mail.usage()

    async def quota_of(self, name: MailboxName) -> tuple[str, Usage]:
        place = self._place(name)
        if place is None:
            return "", await self._own.usage()
        async with self._others.at(place) as visit:
            await visit.expect(Right.READ)  # RFC 4314 §4
            return root_of(visit.owner), await visit.mail.usage()

    async def owner_of(self, name: MailboxName) -> tuple[Account, MailboxName]:
        place = self._place(name)
        if place is None:
            return self.account, name
        owner = await self._others.owner_at(place)
        if owner is None:
            raise no_such_mailbox()
        return owner, place.name

    async def usage_of_root(self, root: str) -> Usage:
        if not root:
            return await self._own.usage()
        for info in await self._others.mailboxes(()):
            place = place_of(info.name)
            if place is not None and info.exists and f"{place.namespace}{SEPARATOR}{place.owner}" == root:
                async with self._others.at(place) as visit:
                    if (await visit.ask()).may(Right.READ):
                        return await visit.mail.usage()
        raise Refused(Reason.NON_EXISTENT, "No such quota root")

    async def namespaces(self) -> tuple[list[MailboxName], list[MailboxName]]:
        features = self.account.entitlements.features
        others = {Feature.SHARING, Feature.DELEGATION} & features
        return ([OTHER_USERS] if others else []), ([SHARED_FOLDERS] if Feature.SHARED_FOLDERS in features else [])

    # -- mailboxes -----------------------------------------------------------------------------------------------------

    async def create(self, name: str, special_use: SpecialUse | None = None) -> MailboxStatus:
        place = place_of(name)
        if place is None:
            made = await self._own.create(name, special_use)
            await self._inherit(self._own, self.account, made.name)
            return made
        _expect_ordinary(place)
        visit = await self._others.visit_above(place)
        try:
            await visit.expect(Right.CREATE)
            if special_use is not None:
                raise Refused(Reason.USE_ATTR, "Only the owner gives a mailbox a special use")
            await self._visitor.note("mailbox create", visit.owner, mailbox=place.name)
            made = await visit.mail.create(place.name)
            await self._inherit(visit.mail, visit.owner, made.name)
            return filing.renamed(visit, made)
        finally:
            await visit.mail.close()

    async def _inherit(self, mail: LocalAccountMail, owner: Account, name: MailboxName) -> None:
        """A new mailbox begins with the rights of the one above it; it is there, so it is no matter if it cannot."""
        above = next((row for parent in reversed(parents(name)) if (row := _own_row(mail, parent)) is not None), None)
        new = _own_row(mail, name)
        if above is None or new is None:
            return
        try:
            await self._rights.copy_entries(owner.id, object_of(above), object_of(new))
        except Unavailable as away:
            log.warning("rights_unknown", extra={"fields": {"account": owner.id, "error": str(away)}})

    async def _forget(self, owner: Account, on: Object) -> None:
        """A mailbox is deleted. Its id comes again when a level with inferiors is made a mailbox once more: whoever
        might read the former one has no right to what the owner keeps there then."""
        try:
            await self._rights.forget_object(owner.id, on)
        except Unavailable as away:
            log.warning("rights_unknown", extra={"fields": {"account": owner.id, "error": str(away)}})

    async def delete(self, name: MailboxName) -> None:
        place = self._place(name)
        if place is None:
            row = _own_row(self._own, name)
            await self._own.delete(name)
            if row is not None and _gone(self._own, name):
                await self._forget(self.account, object_of(row))
            return
        async with self._others.at(place) as visit:
            await visit.expect(Right.DELETE)
            await self._visitor.note("mailbox delete", visit.owner, mailbox=place.name)
            await visit.mail.delete(place.name)
            if _gone(visit.mail, place.name):
                await self._forget(visit.owner, visit.on)

    async def rename(self, old: MailboxName, new: str) -> None:
        source, target = self._place(old), place_of(new)
        if source is None and target is None:
            await self._own.rename(old, new)
            return
        if source is None or target is None or source.owner != target.owner or source.namespace != target.namespace:
            raise Refused(Reason.CANNOT, "A mailbox stays in its account")
        if source.name == "INBOX":
            raise Refused(Reason.CANNOT, "This mailbox cannot be renamed")
        _expect_ordinary(target)
        async with self._others.at(source) as visit:
            await visit.expect(Right.DELETE)
            above = await self._others.visit_above(target)
            try:
                await above.expect(Right.CREATE)
            finally:
                await above.mail.close()
            await self._visitor.note("mailbox rename", visit.owner, mailbox=source.name, to=target.name)
            await visit.mail.rename(source.name, target.name)

    async def subscribe(self, name: MailboxName, *, subscribed: bool) -> None:
        """To subscribe to what somebody shares is to accept it."""
        await self._own.subscribe(name, subscribed=subscribed)
        place = self._place(name)
        owner = await self._others.owner_at(place) if place is not None and subscribed else None
        if place is None or owner is None:
            return
        offers = (await self._others.owners()).get(owner.id, [])
        answers = {offer.object: offer.answer for offer in offers}
        async with self._others.at(place) as visit:
            if not (await visit.ask()).rights:
                return
            on: Object | None = visit.on if visit.on in answers else None
            if answers.get(on) is not Answer.ACCEPTED:
                await self._rights.answer(self.account.id, owner.id, on, Answer.ACCEPTED)

    # -- messages ------------------------------------------------------------------------------------------------------

    async def select(self, name: MailboxName, *, read_only: bool = False, quiet: bool = False) -> SelectedMailbox:
        place = self._place(name)
        if place is None:
            own = await self._own.select(name, read_only=read_only, quiet=quiet)
            own.carrier = self._carry
            return own
        visit = await self._others.visit(place)
        try:
            await visit.open(Right.READ)
            viewer = await visit.viewer()
            inner = await visit.mail.select(place.name, read_only=read_only, guest=True, viewer=viewer)
        except BaseException:
            await visit.mail.close()
            raise
        inner.carrier = self._carry
        bus: Bus = visit.mail.engine.bus  # type: ignore[assignment]  # the whole bus, where sessions are
        return GuardedMailbox(inner, visit, bus)

    def incoming(self) -> Incoming:
        return self._own.incoming()

    async def expect_append(self, name: MailboxName) -> None:
        place = self._place(name)
        if place is None:
            self._own.engine.mailbox(name)
            return
        async with self._others.at(place) as visit:
            await visit.expect(Right.INSERT)
            visit.mail.engine.mailbox(place.name)

    async def append(self, name: MailboxName, messages: Sequence[NewMessage], *, exempt: bool = False) -> Appended:
        place = self._place(name)
        if place is None:
            return await self._own.append(name, messages, exempt=exempt)
        async with self._others.at(place) as visit:
            return await filing.append(visit, messages)

    async def _carry(self, source: "LocalSelectedMailbox", ranges: Ranges, to: MailboxName, *, move: bool) -> Copied:
        """COPY and MOVE where another account is on either side."""
        place = self._place(to)
        if place is None:
            own = self._own.engine
            return await filing.carry_home(own, own.mailbox(to), source, ranges, move=move)
        async with self._others.at(place) as visit:
            return await filing.carry_to(visit, source, ranges, move=move)

    # -- rights --------------------------------------------------------------------------------------------------------

    async def my_rights(self, name: MailboxName) -> Right:
        place = self._place(name)
        if place is None:
            self._own_object(name)
            return OWN.rights & STANDARD
        async with self._others.at(place) as visit:
            effective = await visit.ask()
            if not any(map(effective.may, _SHOWING)):
                raise no_such_mailbox()
            return effective.rights & STANDARD

    async def acl(self, name: MailboxName) -> list[AclLine]:
        async def lines(control: Control, _visit: Visit | None) -> list[AclLine]:
            return await control.lines()

        return await self._controlled(name, lines)

    async def change_acl(
        self, name: MailboxName, identifier: str, *, negative: bool, mode: StoreMode, rights: Right
    ) -> None:
        async def change(control: Control, visit: Visit | None) -> None:
            owner = visit.owner if visit is not None else self.account
            mailbox = visit.name if visit is not None else name

            async def note(act: str, words: str) -> None:
                await self._visitor.note(act, owner, mailbox=mailbox, change=words)

            await control.change(identifier, negative=negative, mode=mode, rights=rights, note=note)

        await self._controlled(name, change)

    async def always_rights(self, name: MailboxName, identifier: str) -> Right:
        async def always(control: Control, _visit: Visit | None) -> Right:
            return await control.always(identifier)

        return await self._controlled(name, always)

    async def _controlled(self, name: MailboxName, work: "Callable[[Control, Visit | None], Awaitable[T]]") -> "T":
        place = self._place(name)
        bus = self._own.engine.bus
        if place is None:
            return await work(Control(self._rights, bus, self.account, self._own_object(name)), None)
        async with self._others.at(place) as visit:
            await visit.expect(Right.ADMINISTER)
            return await work(Control(self._rights, bus, visit.owner, visit.on), visit)

    def _own_object(self, name: MailboxName) -> Object:
        row = _own_row(self._own, name)
        if row is None:
            raise no_such_mailbox()
        return object_of(row)


def _expect_ordinary(place: Place) -> None:
    """Nobody makes a mailbox for somebody else that hides from him what a third one shares with him."""
    if not place.name or place_of(place.name) is not None:
        raise Refused(Reason.CANNOT, "This name belongs to the mailboxes of others")


def _gone(mail: LocalAccountMail, name: MailboxName) -> bool:
    row = _own_row(mail, name)
    return row is None or not row.selectable


@storage_errors
def _own_row(mail: LocalAccountMail, name: str) -> "MailboxRow | None":
    with mail.engine.database.read() as connection:
        return mailboxes.by_name(connection, canonical(name))
