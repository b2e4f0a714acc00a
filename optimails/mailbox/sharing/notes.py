"""Annotations (RFC 5464) of one's own mailboxes and of those of others.

Reading needs the right to read, and so does a note of one's own; what all see needs the right to write.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from optimails.mailbox.annotations import LocalAnnotations
from optimails.mailbox.api import AnnotationLimits, AnnotationNews
from optimails.mailbox.sharing.places import Place, name_for_others
from optimails.model.ids import ModSeq
from optimails.model.mailbox_name import MailboxName
from optimails.model.rights import Right

if TYPE_CHECKING:
    from optimails.mailbox.account import LocalAccountMail
    from optimails.mailbox.sharing.neighbours import Neighbours

_SHARED = "/shared/"


class SharedAnnotations:
    """See ``optimails.mailbox.api.Annotations``. News are those of one's own account; ``everywhere`` has others' where
    it is asked for certain entries."""

    def __init__(self, own: "LocalAccountMail", others: "Neighbours", place: Callable[[str], Place | None]) -> None:
        self._own = own
        self._others = others
        self._place = place

    async def get(self, mailbox: MailboxName | None) -> dict[str, bytes]:
        place = self._place(mailbox) if mailbox else None
        if place is None:
            return await self._own.annotations.get(mailbox)
        async with self._others.at(place) as visit:
            await visit.open(Right.READ)
            return await LocalAnnotations(visit.mail.engine, self._own.account.id).get(place.name)

    async def everywhere(self, entries: Collection[str] | None = None) -> dict[MailboxName | None, dict[str, bytes]]:
        found = await self._own.annotations.everywhere(entries)
        if entries is not None:
            async for mail, visits in self._others.readable():
                theirs = await LocalAnnotations(mail.engine, self._own.account.id).everywhere(entries)
                for name, values in theirs.items():
                    if name in visits and values:
                        await visits[name].enter()
                        found[name_for_others(visits[name].owner, MailboxName(visits[name].name))] = values
        return found

    async def set(
        self, mailbox: MailboxName | None, values: Mapping[str, bytes | None], limits: AnnotationLimits
    ) -> ModSeq:
        place = self._place(mailbox) if mailbox else None
        if place is None:
            return await self._own.annotations.set(mailbox, values, limits)
        async with self._others.at(place) as visit:
            await visit.open(Right.READ)
            if any(entry.startswith(_SHARED) for entry in values):
                await visit.expect(Right.WRITE)
                await visit.visitor.note("mailbox annotate", visit.owner, mailbox=place.name)
            return await LocalAnnotations(visit.mail.engine, self._own.account.id).set(place.name, values, limits)

    async def news(self, since: ModSeq) -> AnnotationNews:
        return await self._own.annotations.news(since)

    async def now(self) -> ModSeq:
        return await self._own.annotations.now()

    def watch(self, callback: Callable[[], None] | None) -> None:
        self._own.annotations.watch(callback)
