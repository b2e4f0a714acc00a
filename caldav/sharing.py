"""Whose calendars and address books a user may open: in his own home, and what programs are told of those of others."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimails.model.account import Account, AccountState
from optimails.model.ids import AccountId
from optimails.model.rights import Answer, Kind, Object, Offer, Right

if TYPE_CHECKING:
    from optimails.acl.decision import Effective
    from optimails.directory.api import Directory

KINDS = (Kind.CALENDAR, Kind.TASKS, Kind.ADDRESS_BOOK)
MAX_OWNERS = 200  # that a program is told of; each means more questions of it
_ANY = Object(Kind.CALENDAR, "")
"""Nothing has this id: what one may do there, a delegation says alone."""


async def owners(directory: "Directory", viewer: Account) -> list[tuple[Account, bool]]:
    """Who lets the viewer read something, by address, and whether he may write there, too.

    What the viewer refused does not count, nor what he accepted, which stands in his own home; nor who shows no more
    than when he is busy. Raises ``Unavailable``.
    """
    wanted: dict[AccountId, set[Object]] = {}
    for offer in await directory.rights.offers(viewer.id, *KINDS):
        if offer.answer is None:
            wanted.setdefault(offer.owner, set()).add(offer.object or _ANY)
    found: list[tuple[Account, bool]] = []
    for identity, objects in wanted.items():
        effective = await directory.rights.effective_on(viewer.id, identity, objects)
        readable = [one for one in effective.values() if one.may(Right.READ)]
        owner = await directory.account(identity) if readable else None
        if owner is not None and not owner.domain_folders and owner.address.domain == viewer.address.domain:
            found.append((owner, any(_writes(readable))))
            if len(found) == MAX_OWNERS:
                break
    return sorted(found, key=lambda one: one[0].address.key)


async def shared_with(directory: "Directory", viewer: Account) -> "list[tuple[Account, list[Offer]]]":
    """Owners of what the viewer accepted, and of what is a domain's, with all their offers; by address.

    Whether he may still see it is for the rights to say. Raises ``Unavailable``.
    """
    offers: dict[AccountId, list[Offer]] = {}
    for offer in await directory.rights.offers(viewer.id, *KINDS):
        offers.setdefault(offer.owner, []).append(offer)
    found: list[tuple[Account, list[Offer]]] = []
    for identity, theirs in offers.items():
        if any(one.of_domain or one.answer is Answer.ACCEPTED for one in theirs):
            owner = await directory.account(identity)
            if owner is not None and owner.state is not AccountState.CLOSED:
                found.append((owner, theirs))
                if len(found) == MAX_OWNERS:
                    break
    return sorted(found, key=lambda one: one[0].address.key)


def _writes(found: "list[Effective]") -> Iterator[bool]:
    return (one.may(Right.WRITE) or one.may(Right.INSERT) for one in found)
