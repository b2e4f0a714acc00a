"""What an address names: the root, a user's home (who is his own principal), a collection, an item.

/                           the root
/claire@example.org/        principal and home of both calendars and address books
/claire@example.org/work/   a collection
/claire@example.org/work/1  an item, whether it is there or not
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from caldav.session.exchange import Exchange
from caldav.session.world import View, World, as_object
from optimails.acl.decision import OWN, Effective, Through
from optimails.groupware.account import AccountGroupware
from optimails.groupware.company import NAME as COMPANY
from optimails.model.account import Account
from optimails.model.errors import Reason, Refused
from optimails.model.rights import Right
from optimails.texts import text

SAFE = "@!$&'()*+,=:~-._"
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
        assert self._groupware is not None
        return self._groupware

    def views(self) -> list[View]:
        """The collections of the home that the user may see."""
        found = self.groupware.collections()
        if self.own:
            company = None if any(one.name == COMPANY for one in found) else self.company()
            return [*(View(self.groupware, one) for one in found), *([company] if company is not None else [])]
        effective = self.world.people.effective(self.user.id, self.owner.id, [as_object(one) for one in found])
        views = [View(self.groupware, one, effective.get(as_object(one), Effective())) for one in found]
        return [view for view in views if view.effective.may(Right.READ) or view.effective.may(Right.FREE_BUSY)]

    def view(self, *wanted: Right) -> View:
        """The collection, if the user has these rights. Raises ``Refused``: NON_EXISTENT for who may not know of it."""
        collection = self.groupware.collection(self.address.collection)
        if collection is None:
            company = self.company() if self.address.collection == COMPANY else None
            if company is None:
                raise Refused(Reason.NON_EXISTENT)
            if not company.effective.may(*wanted):
                raise Refused(Reason.NO_PERMISSION)
            return company
        effective = OWN
        if not self.own:
            on = as_object(collection)
            effective = self.world.people.effective(self.user.id, self.owner.id, [on]).get(on, Effective())
        if not effective.may(Right.READ) and not effective.may(Right.FREE_BUSY):
            raise Refused(Reason.NON_EXISTENT)
        if not effective.may(*wanted):
            raise Refused(Reason.NO_PERMISSION)
        return View(self.groupware, collection, effective)

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
        return f"{self.home()}{quote(collection or self.address.collection, safe=SAFE)}/"

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
