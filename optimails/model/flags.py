"""Message flags: the five system flags as bits, keywords as names (RFC 9051 §2.3.2)."""

from collections.abc import Iterable
from typing import NewType

Flag = NewType("Flag", str)
"""A system flag in its canonical case (``\\Seen``) or a keyword as its first user wrote it (``$Forwarded``)."""

ANSWERED = Flag("\\Answered")
FLAGGED = Flag("\\Flagged")
DELETED = Flag("\\Deleted")
SEEN = Flag("\\Seen")
DRAFT = Flag("\\Draft")
SYSTEM_FLAGS = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)
"""In the order of their bits in a flag mask: bit 0 is ``\\Answered``, bit 4 ``\\Draft``; keywords follow."""

BIT = {flag: 1 << position for position, flag in enumerate(SYSTEM_FLAGS)}
ANSWERED_BIT, FLAGGED_BIT, DELETED_BIT, SEEN_BIT, DRAFT_BIT = (BIT[flag] for flag in SYSTEM_FLAGS)
SYSTEM_MASK = (1 << len(SYSTEM_FLAGS)) - 1

_CANONICAL = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def flag(name: str) -> Flag:
    """The flag of that name; system flags are matched without regard to case."""
    return _CANONICAL.get(name.lower(), Flag(name))


def flag_set(names: Iterable[str]) -> frozenset[Flag]:
    """The set of these flags; keywords that differ only in case count once (RFC 9051 §2.3.2)."""
    return frozenset({name.lower(): flag(name) for name in names}.values())
