"""Whose calendars and address books a user may open: in his own home, and what programs are told of those of others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimails.model.account import Account, AccountState
from optimails.model.ids import AccountId
from optimails.model.rights import Answer, Entry, Identifier, Kind, Object, Offer, Right, Who

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
        if offer.answer is None and offer.reads:
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
    return await _grouped(directory, viewer, lambda one: one.of_domain or one.answer is Answer.ACCEPTED)


async def invited(directory: "Directory", viewer: Account) -> "list[tuple[Account, list[Offer]]]":
    """The same of what was offered by itself, and not answered. Raises ``Unavailable``."""
    return await _grouped(directory, viewer, is_open)


def is_open(offer: Offer) -> bool:
    """Whether the viewer is asked. Nobody is about what is a domain's, or about a whole account."""
    return offer.object is not None and offer.answer is None and not offer.of_domain


async def _grouped(
    directory: "Directory", viewer: Account, wanted: "Callable[[Offer], bool]"
) -> "list[tuple[Account, list[Offer]]]":
    """All offers of the owners of whose one is wanted."""
    offers: dict[AccountId, list[Offer]] = {}
    for offer in await directory.rights.offers(viewer.id, *KINDS):
        if offer.reads:
            offers.setdefault(offer.owner, []).append(offer)
    found: list[tuple[Account, list[Offer]]] = []
    for identity, theirs in offers.items():
        if any(map(wanted, theirs)):
            owner = await directory.account(identity)
            if owner is not None and owner.state is not AccountState.CLOSED:
                found.append((owner, theirs))
                if len(found) == MAX_OWNERS:
                    break
    return sorted(found, key=lambda one: one[0].address.key)


@dataclass(frozen=True, slots=True)
class Sharee:
    """Whom something is shared with by name: a person, or everybody behind an address."""

    identifier: Identifier
    address: str
    name: str
    rights: Right
    answer: Answer | None


async def sharees(directory: "Directory", owner: AccountId) -> dict[Object, list[Sharee]]:
    """Of each calendar, task list and address book of the account. Raises ``Unavailable``."""
    entries = (await directory.rights.sharing(owner)).entries
    found: dict[Object, list[Sharee]] = {}
    answers = await directory.rights.answers(owner) if entries else {}
    for on, lines in entries.items():
        named = [one for one in lines if named_reader(one)] if on.kind in KINDS else []
        for entry in named:
            who = entry.identifier
            person = await directory.account(AccountId(who.name)) if who.who is Who.USER else None
            if person is None and who.who is Who.USER:
                continue
            address = who.name if person is None else str(person.address)
            answer = answers.get((AccountId(who.name), on))
            found.setdefault(on, []).append(
                Sharee(who, address, person.name if person is not None else "", entry.rights, answer)
            )
    return found


def named_reader(entry: Entry) -> bool:
    """Whether the entry lets somebody who has an address read."""
    return entry.identifier.who in (Who.USER, Who.GROUP) and not entry.negative and Right.READ in entry.rights


def _writes(found: "list[Effective]") -> Iterator[bool]:
    return (one.may(Right.WRITE) or one.may(Right.INSERT) for one in found)
