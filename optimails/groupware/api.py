"""Values of the groupware API, and how it says no."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.model import rights
from optimails.model.errors import Reason, Refused


class Kind(StrEnum):
    """Of a collection. A task list is a calendar that holds tasks alone, as CalDAV knows it."""

    CALENDAR = "calendar"
    BOOK = "addressbook"
    INBOX = "inbox"  # scheduling messages that came


COMPONENTS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
"""What calendars may hold (RFC 4791 §5.2.3, RFC 7953 §4)."""


class Rule(StrEnum):
    """The rule that an item or collection breaks, named as in RFC 4791 §5.3.2.1 and RFC 6352 §6.3.2.1."""

    VALID_DATA = "valid-data"
    VALID_OBJECT = "valid-object-resource"
    SUPPORTED_COMPONENT = "supported-component"
    NO_UID_CONFLICT = "no-uid-conflict"
    MAX_SIZE = "max-resource-size"
    QUOTA = "quota-not-exceeded"
    MATCH = "match"  # If-Match, If-None-Match
    TOKEN = "valid-sync-token"  # noqa: S105 - the name of a rule
    MAX_ATTENDEES = "max-attendees-per-instance"
    UNIQUE_SCHEDULING = "unique-scheduling-object-resource"  # RFC 6638 §3.2.4, and the next three
    SAME_ORGANIZER = "same-organizer-in-all-components"
    ORGANIZER_CHANGE = "allowed-organizer-scheduling-object-change"
    ATTENDEE_CHANGE = "allowed-attendee-scheduling-object-change"


class Unfit(Refused):
    """What was sent breaks a rule; ``other`` is the name of the item that is in its way, if one is.

    That one is in the same collection, or in the one named ``within``.
    """

    def __init__(
        self, rule: Rule, text: str = "", *, other: str = "", within: str = "", reason: Reason = Reason.CANNOT
    ) -> None:
        super().__init__(reason, text or rule.value)
        self.rule = rule
        self.other = other
        self.within = within


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an account may keep."""

    item_size: int = 4 * 2**20  # bytes of one item
    storage: int = 512 * 2**20  # bytes of all items
    items: int = 100_000  # of one collection
    collections: int = 250
    attachment: int = 10 * 2**20  # bytes of one file
    deleted: int = 512 * 2**20  # bytes of deleted items that are kept; 0: none are


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar, address book or task list."""

    id: int
    name: str  # its segment in addresses
    kind: Kind
    object_id: str  # opaque, unique, never given twice
    components: tuple[str, ...]  # what a calendar may hold; empty for address books
    display_name: str
    description: str
    color: str
    position: int | None  # among its neighbours
    time_zone: str  # a VTIMEZONE in its VCALENDAR, for floating times
    transparent: bool  # does not count for free-busy
    change: int  # the last change number given to it
    floor: int  # changes up to here are forgotten
    items: int
    size: int


def as_object(collection: Collection) -> rights.Object:
    """The collection, as rights name it."""
    if collection.kind is Kind.BOOK:
        kind = rights.Kind.ADDRESS_BOOK
    else:
        kind = rights.Kind.TASKS if collection.components == ("VTODO",) else rights.Kind.CALENDAR
    return rights.Object(kind, collection.object_id)


@dataclass(frozen=True, slots=True)
class NewCollection:
    """What a collection is made of."""

    kind: Kind
    components: tuple[str, ...] = ("VEVENT", "VTODO", "VJOURNAL")
    display_name: str = ""
    description: str = ""
    color: str = ""
    position: int | None = None
    time_zone: str = ""
    transparent: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An item without its text."""

    id: int
    name: str  # its segment in addresses
    uid: str
    component: str  # VEVENT …; VCARD
    etag: str  # without quotes
    change: int
    size: int  # bytes
    modified: int  # Unix seconds
    created: int  # the same
    schedule_tag: str | None = None  # where people are invited: changes when a program must not write over it unseen


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a collection after a change number, up to ``change``."""

    change: int
    changed: list[tuple[str, str]]  # name, etag
    gone: list[str]
    complete: bool  # False: there is more after ``change``


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for a write (RFC 9110 §13.1): etags, or ``*``; None asks for nothing."""

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None
    schedule_tag: str | None = None  # RFC 6638 §8.3


class Overtaken(Refused):
    """The item is no longer what it was when something was worked out for it."""

    def __init__(self) -> None:
        super().__init__(Reason.IN_USE, "The item was changed meanwhile")
