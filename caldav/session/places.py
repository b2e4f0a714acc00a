"""What an address names: the root, a user's home (who is his own principal), a collection, an item.

/                           the root
/claire@example.org/        principal and home of both calendars and address books
/claire@example.org/work/   a collection
/claire@example.org/work/1  an item, whether it is there or not
/claire@example.org/shared-ID/  a collection that another shares with Claire, who accepted it
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from caldav.session.errors import Precondition
from caldav.session.exchange import Exchange
from caldav.session.privileges import needs
from caldav.session.visits import Visit
from caldav.session.world import Mount, View, World, mounted
from optimails.acl.decision import Effective, Through
from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Kind, as_object
from optimails.groupware.colleagues import ANY
from optimails.groupware.company import NAME as COMPANY
from optimails.groupware.scheduling.inbox import INBOX, inbox
from optimails.groupware.visited import as_shown, kept
from optimails.model.account import Account
from optimails.model.errors import Reason, Refused
from optimails.model.rights import Answer, Object, Offer, Right, Sharing, answer_to
from optimails.texts import text

SAFE = "@!$&'()*+,=:~-._"
NOTIFICATIONS = "notifications"
"""The segment of the collection of notifications (``caldav.session.notifications``) in addresses."""
ATTACHMENTS = "attachments"
PROXIES = ("calendar-proxy-read", "calendar-proxy-write")
OUTBOX = "schedule-outbox"
"""The same of the scheduling outbox (``caldav.session.outbox``)."""
READ_ONLY = Effective(Right.READ | Right.LOOKUP, Through.SHARE)


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a path; ``slash`` when it ends with one."""

    owner: str = ""
    collection: str = ""
    item: str = ""
    slash: bool = False

    @classmethod
    def parse(cls, path: str) -> "Address":
        """Raises ``Refused(NON_EXISTENT)`` for what is deeper."""
        parts = [part for part in path.split("/") if part]
        if len(parts) > 3:
            raise Refused(Reason.NON_EXISTENT)
        owner, collection, item = [*parts, "", "", ""][:3]
        return cls(owner.lower(), collection, item, path.endswith("/"))


class Place:
    """Where a request goes, with the rights of who asks."""

    def __init__(self, world: World, exchange: Exchange, address: Address, owner: Account | None) -> None:
        self.world = world
        self.exchange = exchange
        self.address = address
        self.user = exchange.user
        self.root = exchange.root
        self._owner = owner
        self._groupware: AccountGroupware | None = None
        self._open = ExitStack()
        self._company: View | None = None
        self.kind: Kind | None = None  # of the collection that was looked at
        self._sharing: Sharing | None = None

    @property
    def owner(self) -> Account:
        if self._owner is None:
            raise Refused(Reason.NON_EXISTENT)
        return self._owner

    @property
    def own(self) -> bool:
        return self._owner is not None and self._owner.id == self.user.id

    @contextmanager
    def opened(self) -> Iterator["Place"]:
        """With the owner's groupware at hand."""
        if self._owner is None:
            yield self
            return
        with self.world.groupware.open(self._owner) as groupware:
            self._groupware = groupware
            with self._open:
                try:
                    yield self
                finally:
                    self._company = None

    @property
    def groupware(self) -> AccountGroupware:
        """Raises ``Refused(NON_EXISTENT)`` for the root, which has none."""
        self.owner  # noqa: B018 - it raises
        assert self._groupware is not None
        return self._groupware

    def views(self) -> list[View]:
        """The collections of the home that the user may see."""
        found = self.groupware.collections()
        if self.own:
            company = None if any(one.name == COMPANY for one in found) else self.company()
            own = [View(self.groupware, one) for one in found]
            return [*own, *([company] if company is not None else []), *mounts_of(self)]
        effective = self.world.people.effective(self.user.id, self.owner.id, [as_object(one) for one in found])
        views = [View(self.groupware, one, effective.get(as_object(one), Effective())) for one in found]
        return [view for view in views if view.effective.may(Right.READ) or view.effective.may(Right.FREE_BUSY)]

    def view(self, *wanted: Right) -> View:
        """The collection, if the user has these rights. Raises ``Refused``: NON_EXISTENT for who may not know of it.

        When it is another's, the audit log has a line first.
        """
        view = self._find()
        self.kind = view.collection.kind
        self.visit(view)
        if not view.effective.may(Right.READ) and not view.effective.may(Right.FREE_BUSY):
            raise Refused(Reason.NON_EXISTENT)
        self.need(view, *wanted)
        return view

    def need(self, view: View, *wanted: Right) -> None:
        """Raises ``Precondition``, which names what is missing."""
        for right in wanted:
            if not view.effective.may(right):
                raise Precondition(403, "D:need-privileges", needs(self.base(), right))

    def _find(self) -> View:
        collection = self.groupware.collection(self.address.collection)
        if self.address.collection == INBOX:
            collection = self.inbox() or (collection if collection and collection.kind is not Kind.INBOX else None)
        if collection is not None and self.own:
            return View(self.groupware, collection)
        if collection is not None:
            on = as_object(collection)
            effective = self.world.people.effective(self.user.id, self.owner.id, [on]).get(on, Effective())
            return View(self.groupware, collection, effective)
        found = self.company() if self.address.collection == COMPANY else None
        if found is None and self.own and mounted(self.address.collection):
            found = next(iter(mounts_of(self, mounted(self.address.collection))), None)
        if found is None:
            raise Refused(Reason.NON_EXISTENT)
        return found

    def inbox(self) -> Collection | None:
        """The user's own scheduling inbox; nobody else looks into it."""
        return inbox(self.groupware) if self.own else None

    def visit(self, view: View) -> None:
        """The audit log has a line where somebody else's collection is looked at or changed. Raises ``Unavailable``."""
        whose = self.owner_of(view)
        if whose.id != self.user.id:
            what = view.mount.original if view.mount is not None else view.collection
            visit = Visit(self.user, whose, what, view.effective.rights)
            self.world.visits.note(visit, self.exchange.method, self.address.item)

    def owner_of(self, view: View) -> Account:
        """Whose the collection is: not that of the home in which a shared one stands."""
        return view.mount.owner if view.mount is not None else self.owner

    def sharing(self) -> Sharing:
        """What the owner of the home shares, asked once for a request. Raises ``Unavailable``."""
        if self._sharing is None:
            self._sharing = self.world.people.sharing(self.owner.id)
        return self._sharing

    def notifications(self) -> bool:
        """Whether the home has the collection of notifications: not where the user has one of his own of that name."""
        return self.own and self.groupware.collection(NOTIFICATIONS) is None

    def reserved(self, name: str) -> bool:
        """Whether the segment means something of ours in the user's home."""
        ours = (NOTIFICATIONS, ATTACHMENTS, OUTBOX, INBOX, *PROXIES)
        return bool(mounted(name)) or name in ours or (name == COMPANY and self.company() is not None)

    def outbox(self) -> bool:
        """Whether the user may plan meetings in the owner's name: as himself, or as a delegate who may write."""
        if self._owner is None or self.groupware.collection(OUTBOX) is not None:
            return False
        return self.own or self.world.people.effective(self.user.id, self.owner.id, [ANY])[ANY].may(Right.INSERT)

    def enter(self, owner: Account) -> AccountGroupware:
        """What another has, while this place is open. Raises ``Unavailable``."""
        return self._open.enter_context(self.world.groupware.open(owner))

    def company(self) -> View | None:
        """The address book of the user's domain, which stands in his own home; nobody writes to it."""
        if self._company is None and self.own and self.world.company is not None:
            book = self._open.enter_context(self.world.company.open(self.user.address.domain))
            collection = book.collection(COMPANY) if book is not None else None
            if book is not None and collection is not None:
                named = replace(collection, display_name=text("groupware.default.company", self.user.language))
                self._company = View(book, named, READ_ONLY)
        return self._company

    def home(self) -> str:
        return home_of(self.root, self.owner)

    def base(self, collection: str = "") -> str:
        """The address of a collection, with its slash."""
        return f"{self.home()}{self.segment(collection or self.address.collection)}/"

    @staticmethod
    def segment(name: str) -> str:
        """A name as a part of an address."""
        return quote(name, safe=SAFE)

    def item_path(self) -> str:
        return self.base() + quote(self.address.item, safe=SAFE)


def home_of(root: str, account: Account) -> str:
    """The address of an account's home and principal."""
    return f"{root}/{quote(str(account.address).lower(), safe=SAFE)}/"


def place_of(world: World, exchange: Exchange, path: str) -> Place:
    """Raises ``Refused(NON_EXISTENT)``, also for people that the user has nothing to do with."""
    address = Address.parse(path)
    if not address.owner:
        return Place(world, exchange, address, None)
    if address.owner == str(exchange.user.address).lower():
        return Place(world, exchange, address, exchange.user)
    owner = world.people.by_address(address.owner)
    if owner is None or owner.address.domain != exchange.user.address.domain:
        raise Refused(Reason.NON_EXISTENT)
    return Place(world, exchange, address, owner)


# -- what others share, in one's own home ------------------------------------------------------------------------------


def mounts_of(place: Place, object_id: str = "") -> Iterator[View]:
    """What the user accepted of others' collections and may read now, or that one of them.

    What is a domain's needs no accepting; it is there until he takes it away.
    """
    values = kept(place.groupware)
    for owner, offers in place.world.people.shared_with(place.user):
        if object_id and not any(one.object is None or one.object.id == object_id for one in offers):
            continue
        groupware = place.enter(owner)
        found = {as_object(one): one for one in groupware.collections() if object_id in ("", one.object_id)}
        wanted = {on: one for on, one in found.items() if _stands(on, offers)}
        effective = place.world.people.effective(place.user.id, owner.id, wanted)
        for on, one in wanted.items():
            if effective[on].may(Right.READ):
                yield _mount(groupware, owner, one, effective[on], values.get(one.object_id, {}))


def _stands(on: Object, offers: list[Offer]) -> bool:
    if any(one.of_domain and one.object == on for one in offers):
        return answer_to(on, offers) is not Answer.REFUSED
    return answer_to(on, offers) is Answer.ACCEPTED


def _mount(
    groupware: AccountGroupware, owner: Account, original: Collection, effective: Effective, own: dict[str, str]
) -> View:
    shown = as_shown(original, own)
    if "display_name" not in own and not owner.domain_folders:  # everybody has a "Calendar"
        shown = replace(shown, display_name=named_by(original, owner))
    return View(groupware, shown, effective, Mount(owner, own, original))


def named_by(collection: Collection, owner: Account) -> str:
    """Its name with that of its owner, for others."""
    return f"{collection.display_name} ({owner.name or owner.address})".strip()
