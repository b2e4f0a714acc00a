"""Rooms and equipment: accounts that are booked like people are invited, and answer by themselves."""

from dataclasses import dataclass
from enum import StrEnum

EVERYBODY = "everybody"
"""Among ``Resource.bookers``: people elsewhere, too."""


class ResourceKind(StrEnum):
    ROOM = "room"
    EQUIPMENT = "equipment"

    @property
    def calendar_user_type(self) -> str:
        """RFC 5545 §3.2.3."""
        return "ROOM" if self is ResourceKind.ROOM else "RESOURCE"


class Booking(StrEnum):
    """How an invitation is answered."""

    AUTOMATIC = "automatic"  # accepted when it is free
    TENTATIVE = "tentative"  # the same, until a manager says yes
    MANUAL = "manual"  # by managers alone


@dataclass(frozen=True, slots=True)
class Resource:
    """What is known of it, and who may book it for how long."""

    kind: ResourceKind
    capacity: int | None = None  # people
    description: str = ""
    booking: Booking = Booking.AUTOMATIC
    max_duration: int | None = None  # minutes of one meeting; None: any
    horizon: int | None = 365  # days ahead; None: any
    recurring: bool = True  # series may book it
    conflicts: int = 0  # percent of a series' meetings that may be without it
    bookers: tuple[str, ...] = ()  # identifiers as ``str(Identifier)``, or EVERYBODY; none: its domain
