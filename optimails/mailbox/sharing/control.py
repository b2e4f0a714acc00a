"""Access lists of mailboxes: showing and changing them (RFC 4314 §3), for the owner and for who may administer."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from optimails.events.api import Kind as News
from optimails.mailbox.api import AclLine, StoreMode
from optimails.model.account import Account, Feature
from optimails.model.errors import Reason, Refused
from optimails.model.rights import NOTHING, STANDARD, Entry, Identifier, Object, Right, Who, letters

if TYPE_CHECKING:
    from optimails.directory.api import Rights
    from optimails.mailbox.engine import Publisher

Note = Callable[[str, str], Awaitable[None]]
"""Writes the act (its name, its words) into the audit log."""


class Control:
    """The access list of one mailbox, in the hands of somebody who may administer it."""

    def __init__(self, rights: "Rights", bus: "Publisher", owner: Account, on: Object) -> None:
        self._rights = rights
        self._bus = bus
        self._owner = owner
        self._on = on

    async def lines(self) -> list[AclLine]:
        """The owner first: he has every right, and no list can say otherwise."""
        entries = (await self._rights.sharing(self._owner.id)).entries.get(self._on, ())
        shown = await self._rights.shown([entry.identifier for entry in entries])
        lines = [AclLine(shown[entry.identifier], entry.rights, entry.negative) for entry in entries]
        if self._owner.domain_folders:
            return lines
        return [AclLine(str(self._owner.address), STANDARD, negative=False), *lines]

    async def always(self, text: str) -> Right:
        """What the identifier has, whatever the list says."""
        identifier = await self._rights.identify(text, self._owner)
        return STANDARD if self._is_owner(identifier) else NOTHING

    async def change(self, text: str, *, negative: bool, mode: StoreMode, rights: Right, note: Note) -> None:
        """Noted before it is done; then everybody's sessions are told."""
        identifier = await self._rights.identify(text, self._owner)
        if self._is_owner(identifier):
            if not negative and mode is not StoreMode.REMOVE:  # what he has already
                return
            raise Refused(Reason.CANNOT, "The owner's rights cannot be taken away")
        if rights and mode is not StoreMode.REMOVE and not self._may_share():
            raise Refused(Reason.NO_PERMISSION, "The owner's plan does not allow sharing")
        sign = {StoreMode.REPLACE: "", StoreMode.ADD: "+", StoreMode.REMOVE: "-"}[mode]
        await note("mailbox acl", f"{'-' if negative else ''}{text} {sign}{letters(rights)}")
        if mode is StoreMode.REPLACE:
            await self._rights.put_entry(self._owner.id, self._on, Entry(identifier, rights, negative))
        else:
            add, remove = (rights, NOTHING) if mode is StoreMode.ADD else (NOTHING, rights)
            await self._rights.change_entry(
                self._owner.id, self._on, identifier, negative=negative, add=add, remove=remove
            )
        self._bus.publish_account(self._owner.id, News.RIGHTS)

    def _may_share(self) -> bool:
        return self._owner.domain_folders or Feature.SHARING in self._owner.entitlements.features

    def _is_owner(self, identifier: Identifier) -> bool:
        return identifier.who is Who.OWNER or identifier == Identifier(Who.USER, self._owner.id)
