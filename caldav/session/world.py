"""What the door needs of the service, and what a user sees of one collection."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from caldav.session.visits import Visits
from caldav.sharing import Sharee
from optimails.acl.decision import OWN, Effective
from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Changes, Collection, Item
from optimails.groupware.colleagues import Colleagues
from optimails.groupware.filters import CardFilter, CompFilter
from optimails.groupware.scheduling.scheduler import Scheduler
from optimails.groupware.scheduling.users import User
from optimails.groupware.service import LocalGroupware
from optimails.model import rights
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId


class People(Protocol):
    """The directory, asked from a thread."""

    def by_address(self, address: str) -> Account | None:
        """The account that receives mail for this address alone. Raises ``Unavailable``."""

    def effective(
        self, viewer: AccountId, owner: AccountId, objects: Iterable[rights.Object]
    ) -> dict[rights.Object, Effective]:
        """What the viewer may do. Raises ``Unavailable``."""

    def owners(self, viewer: Account) -> list[tuple[Account, bool]]:
        """Who lets the viewer read something, and whether he may write there, too. Raises ``Unavailable``."""

    def shared_with(self, viewer: Account) -> list[tuple[Account, list[rights.Offer]]]:
        """Whose collections may stand in the viewer's own home, and what those offer. Raises ``Unavailable``."""

    def invited(self, viewer: Account) -> list[tuple[Account, list[rights.Offer]]]:
        """The same of what waits for the viewer's answer. Raises ``Unavailable``."""

    def sharees(self, owner: AccountId) -> dict[rights.Object, list[Sharee]]:
        """With whom the account shares by name. Raises ``Unavailable``."""

    def identify(self, address: str, owner: Account) -> rights.Identifier | None:
        """The account or group with this address; None for nobody's. Raises ``Unavailable``."""

    def shown(self, names: Iterable[rights.Identifier]) -> dict[rights.Identifier, str]:
        """Identifiers as people write them. Raises ``Unavailable``."""

    def put_entries(self, owner: AccountId, on: rights.Object, entries: Iterable[rights.Entry]) -> None:
        """Set what each identifier may, all or nothing. Raises ``Refused(LIMIT)``, ``Unavailable``."""

    def set_delegations(self, given: list[rights.Delegation], gone: list[rights.Delegation]) -> None:
        """Take some away, give others: all or nothing. Raises ``Unavailable``."""

    def sharing(self, owner: AccountId) -> rights.Sharing:
        """Everything that the account shares. Raises ``Unavailable``."""

    def answer(self, viewer: AccountId, owner: AccountId, on: rights.Object, answer: rights.Answer | None) -> None:
        """What the viewer says to an offer; None: he is asked anew. Raises ``Unavailable``."""

    def busy_seen(
        self, viewer: AccountId, owner: AccountId, calendars: Iterable[rights.Object]
    ) -> frozenset[rights.Object]:
        """Those of which the viewer may know when they are busy. Raises ``Unavailable``."""

    def users(self, addresses: Iterable[str]) -> Mapping[str, User]:
        """Whose calendar is here, and who is elsewhere. Raises ``Unavailable``."""

    def may_book(self, sender: str, resource: Account) -> bool:
        """Whether who sends from this address may book a room or equipment. Raises ``Unavailable``."""

    def resources(self, domain: str) -> list[Account]:
        """The rooms and equipment of a domain. Raises ``Unavailable``."""

    def addresses(self, account: Account) -> list[EmailAddress]:
        """Its own first, then aliases that lead to it alone. Raises ``Unavailable``."""

    def send_right(self, viewer: AccountId, owner: AccountId) -> rights.SendRight:
        """In whose name the viewer may send what is the owner's. Raises ``Unavailable``."""

    def forget(self, owner: AccountId, on: rights.Object) -> None:
        """It was deleted: nobody has rights on it any more."""


class Company(Protocol):
    """Address books of domains."""

    def open(self, domain: str) -> AbstractContextManager[AccountGroupware | None]:
        """None for a domain without one. Raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class World:
    groupware: LocalGroupware
    people: People
    visits: Visits
    scheduler: Scheduler
    max_matches: int = 20_000  # items of one answer
    company: Company | None = None

    @property
    def colleagues(self) -> Colleagues:
        """When other people are busy."""
        return Colleagues(self.groupware, self.people)


_MOUNT = re.compile(r"shared-([0-9a-f]{32})$", re.ASCII)


def mount_name(object_id: str) -> str:
    """The segment under which another's collection stands in the viewer's home, whatever the owner calls it."""
    return f"shared-{object_id}"


def mounted(name: str) -> str:
    """The collection's object id; empty when the segment names none of another's."""
    found = _MOUNT.match(name)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Mount:
    """Whose collection it is that stands in somebody else's home, and what is kept of it there."""

    owner: Account
    kept: Mapping[str, str]
    original: Collection


class View:
    """One collection as a viewer may see it: private items may be hidden from others.

    ``mount``: it is another's, and stands in the viewer's own home; ``collection`` then is as he has it.
    """

    def __init__(
        self, account: AccountGroupware, collection: Collection, effective: Effective = OWN, mount: Mount | None = None
    ) -> None:
        self.account = account
        self.collection = collection
        self.effective = effective
        self.mount = mount
        self._hidden: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Its segment in addresses."""
        return self.collection.name if self.mount is None else mount_name(self.collection.object_id)

    def properties(self) -> dict[str, str]:
        """What clients keep there, by {namespace}name."""
        if self.mount is None:
            return self.account.properties(self.collection)
        return {name: value for name, value in self.mount.kept.items() if name.startswith("{")}

    @property
    def hidden(self) -> frozenset[str]:
        """Names of the items that are kept from the viewer."""
        if self._hidden is None:
            hides = self.effective.hide_private
            self._hidden = self.account.private(self.collection) if hides else frozenset()
        return self._hidden

    def etags(self) -> list[tuple[str, str]]:
        return [one for one in self.account.etags(self.collection) if not self.hidden or one[0] not in self.hidden]

    def items(self) -> list[Item]:
        return [one for one in self.account.items(self.collection) if one.name not in self.hidden]

    def read(self, name: str) -> tuple[Item, bytes] | None:
        return None if name in self.hidden else self.account.read(self.collection, name)

    def item(self, name: str) -> Item | None:
        return None if name in self.hidden else self.account.item(self.collection, name)

    def texts(self, names: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        return self.account.texts(self.collection, [name for name in names if name not in self.hidden])

    def find(self, wanted: CompFilter | CardFilter, zone: tzinfo | None, limit: int) -> list[tuple[str, str, bytes]]:
        found = self.account.find(self.collection, wanted, zone, limit=limit)
        return [one for one in found if one[0] not in self.hidden]

    def changes(self, since: int, limit: int) -> Changes:
        changes = self.account.changes(self.collection, since, limit)
        if not self.hidden:
            return changes
        kept = [one for one in changes.changed if one[0] not in self.hidden]
        # What was seen before and is private now is gone for the viewer.
        now_private = [name for name, _ in changes.changed if name in self.hidden] if since else []
        return Changes(changes.change, kept, changes.gone + now_private, changes.complete)
