"""Whose calendars and address books a user may open: what programs are told of the homes of others."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimails.model.account import Account
from optimails.model.ids import AccountId
from optimails.model.rights import Answer, Kind, Object, Right

if TYPE_CHECKING:
    from optimails.acl.decision import Effective
    from optimails.directory.api import Directory

KINDS = (Kind.CALENDAR, Kind.TASKS, Kind.ADDRESS_BOOK)
MAX_OWNERS = 200  # that a program is told of; each means more questions of it
_ANY = Object(Kind.CALENDAR, "")
"""Nothing has this id: what one may do there, a delegation says alone."""


async def owners(directory: "Directory", viewer: Account) -> list[tuple[Account, bool]]:
    """Who lets the viewer read something, by address, and whether he may write there, too.

    What the viewer refused does not count, nor does who shows no more than when he is busy. Raises ``Unavailable``.
    """
    wanted: dict[AccountId, set[Object]] = {}
    for offer in await directory.rights.offers(viewer.id, *KINDS):
        if offer.answer is not Answer.REFUSED:
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


def _writes(found: "list[Effective]") -> Iterator[bool]:
    return (one.may(Right.WRITE) or one.may(Right.INSERT) for one in found)
