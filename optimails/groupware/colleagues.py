"""When other people are busy: one function over principals, for every door, with who asks and what he may know.

What is told is periods and their kind, never more: a private appointment is busy time like any other. All calendars of
the owner count that are not set apart (transparent) and of which the viewer may know; then the owner's working hours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from typing import Protocol

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, as_object
from optimails.groupware.api import Kind as CollectionKind
from optimails.groupware.availability import closed
from optimails.groupware.filters import TimeRange
from optimails.groupware.freebusy import Period, Person, joined
from optimails.groupware.hours import hours_of
from optimails.groupware.service import LocalGroupware
from optimails.groupware.zones import zone_of
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import Kind, Object

MAX_ASKED = 200  # people of one question
MAX_WINDOW = 366 * 86_400  # seconds
ANY = Object(Kind.CALENDAR, "")
"""Nothing has this id: what is true of it is true of the account as a whole."""


class Known(Protocol):
    """What is asked of the directory, from a thread."""

    def by_address(self, address: str) -> Account | None:
        """The account that receives mail for this address alone. Raises ``Unavailable``."""

    def busy_seen(self, viewer: AccountId, owner: AccountId, calendars: Iterable[Object]) -> frozenset[Object]:
        """Those of which the viewer may know when they are busy. Raises ``Unavailable``."""

    def addresses(self, account: Account) -> list[EmailAddress]:
        """As which it is invited, its own first. Raises ``Unavailable``."""


class No(Enum):
    """Why somebody's time is not told."""

    UNKNOWN = "unknown"  # nobody of the viewer's domain
    STRANGER = "stranger"  # of another domain, whether here or elsewhere
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Told:
    """Of one address: when its owner is busy, or why that is not told."""

    address: str
    owner: Account | None = None
    periods: Sequence[Period] = ()
    no: No | None = None


class Colleagues:
    """Thread-safe, blocking."""

    def __init__(self, groupware: LocalGroupware, known: Known | None = None) -> None:
        """Who asks for no viewer, by account, needs nobody to be known."""
        self._groupware = groupware
        self._known = known

    def told(self, viewer: Account | None, address: str, asked: TimeRange, masked: Iterable[str] = ()) -> Told:
        """One address, whoever has it. Raises ``Unavailable``."""
        assert self._known is not None
        owner = self._known.by_address(address)
        own = viewer is None or address.rpartition("@")[2].lower() == viewer.address.domain
        if owner is None:
            return Told(address, no=No.UNKNOWN if own else No.STRANGER)
        try:
            return Told(address, owner, self.busy(viewer, owner, asked, masked))
        except Refused:  # of another domain nobody is told who is here
            return Told(address, owner, no=No.FORBIDDEN) if own else Told(address, no=No.STRANGER)

    def busy(
        self, viewer: Account | None, owner: Account, asked: TimeRange, masked: Iterable[str] = ()
    ) -> list[Period]:
        """The owner's time. ``masked`` are UIDs that do not count: what is being planned anew.

        Without a viewer everything counts: for administrators, and for what the owner publishes himself. Raises
        ``Refused(NO_PERMISSION)``, ``Unavailable``.
        """
        if not self._groupware.exists(owner.id):  # nothing is made for who never used it
            if viewer is not None and not self._seen(viewer, owner, []):
                raise Refused(Reason.NO_PERMISSION)
            return []
        with self._groupware.open(owner) as account:
            calendars = [
                one for one in account.collections() if one.kind is CollectionKind.CALENDAR and not one.transparent
            ]
            if viewer is not None:
                seen = self._seen(viewer, owner, calendars)
                if not seen:
                    raise Refused(Reason.NO_PERMISSION)
                calendars = [one for one in calendars if as_object(one) in seen]
            known = self._known.addresses(owner) if self._known is not None else [owner.address]
            return busy_of(account, calendars, asked, Person(users_of(known), frozenset(masked)))

    def _seen(self, viewer: Account, owner: Account, calendars: Sequence[Collection]) -> frozenset[Object]:
        assert self._known is not None
        return self._known.busy_seen(viewer.id, owner.id, [ANY, *map(as_object, calendars)])


def busy_of(  # noqa: PLR0913 - what, when, and whose
    account: AccountGroupware,
    calendars: Sequence[Collection],
    asked: TimeRange,
    person: Person,
    *,
    zone: tzinfo | None = None,
    own: bool = True,
) -> list[Period]:
    """These calendars of one account, and the hours that they, and with ``own`` the account, say.

    Times without a zone are in ``zone``, else in that of their calendar.
    """
    periods: list[Period] = []
    by_zone: dict[str, list[Collection]] = {}
    for one in calendars:
        by_zone.setdefault(one.time_zone, []).append(one)
    for text, some in by_zone.items():
        periods += account.busy(some, asked, zone or _zone(text), person)
    texts = hours_of(account, calendars, own=own)
    if texts:
        periods += closed(texts, asked, zone or _zone(next(iter(by_zone), "")))
    return joined(periods)


def users_of(addresses: Iterable[EmailAddress]) -> frozenset[str]:
    """As ``Person`` has them."""
    return frozenset(f"mailto:{one}".casefold() for one in addresses)


def _zone(text: str) -> tzinfo | None:
    """Of a calendar's floating times."""
    try:
        return zone_of(text) if text else None
    except BadSyntax:
        return None
