"""Whom one can write to within a domain: what its address book shows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from optimails.model.contact import UNKNOWN, Contact


class EntryKind(StrEnum):
    PERSON = "person"
    LIST = "list"  # a distribution list
    ALIAS = "alias"  # of several, or of somebody elsewhere
    ROOM = "room"
    EQUIPMENT = "equipment"


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """A person, a room or equipment, a distribution list, or an alias of several."""

    id: str  # stays the same as long as the entry is there
    name: str
    addresses: tuple[str, ...]  # the first one is its own, then aliases that lead to it alone
    note: str = ""
    kind: EntryKind = EntryKind.PERSON
    contact: Contact = UNKNOWN
    photo: str = ""  # digest of the picture, which the directory gives by the entry's id; empty: none
    capacity: int | None = None  # of a room, in people


def shown(entries: Iterable[CompanyEntry], hidden: frozenset[str]) -> list[CompanyEntry]:
    """The entries without these addresses (in lower case); who is hidden by the first of his is left out."""
    found = []
    for entry in entries:
        addresses = tuple(one for one in entry.addresses if one.lower() not in hidden)
        if addresses and addresses[0] == entry.addresses[0]:
            found.append(entry if addresses == entry.addresses else replace(entry, addresses=addresses))
    return found
