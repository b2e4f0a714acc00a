"""Whom one can write to within a domain: what its address book shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """A person, a distribution list, or an alias of several."""

    id: str  # stays the same as long as the entry is there
    name: str
    addresses: tuple[str, ...]  # the first one is its own, then aliases that lead to it alone
    note: str = ""
