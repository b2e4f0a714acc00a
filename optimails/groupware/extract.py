"""What of an item stands in the tables beside its text, so that questions are answered without reading texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimails.groupware import calendar, card
from optimails.groupware.alarms import next_looks
from optimails.groupware.api import Kind
from optimails.groupware.calendar import CalendarObject, Occurrence
from optimails.groupware.moments import DAY, NEVER
from optimails.groupware.recurrence import Budget
from optimails.groupware.text import Component, Property, split_list
from optimails.index.groupware.reminders import GRACE

MAX_OCCURRENCES = 600  # of an item that are kept; the others are computed when somebody asks for them
PAST, FUTURE = 366 * DAY, 2 * 366 * DAY  # around today: what is kept of a series without end
MAX_ROWS = 2_000  # properties of an item
MAX_VALUE = 4_000  # characters of a value that are kept

CALENDAR_PROPERTIES = frozenset(
    {"SUMMARY", "LOCATION", "CATEGORIES", "UID", "ORGANIZER", "ATTENDEE", "STATUS", "CLASS", "RESOURCES"}
)
CARD_PROPERTIES = frozenset(
    {"FN", "N", "NICKNAME", "EMAIL", "TEL", "ORG", "TITLE", "ADR", "CATEGORIES", "UID", "KIND", "MEMBER", "IMPP"}
)


@dataclass(frozen=True, slots=True)
class Extract:
    """Of one item. The tables know everything about it when ``whole``; a value was cut short otherwise."""

    uid: str
    component: str
    parts: int
    occurrences: list[Occurrence]
    kept_from: int | None  # None: all occurrences are kept; else those between the two instants
    kept_to: int | None
    properties: list[tuple[int, str, str]]  # component number, name, value
    whole: bool
    reminders: tuple[tuple[int, int], ...] = ()  # kind of alarm, and when to look for it


def extract(kind: Kind, text: str, now: int) -> Extract:
    """Raises ``Unfit``."""
    if kind is Kind.BOOK:
        return _of_card(card.read_card(text))
    return of_calendar(calendar.read_object(text), now)


def _of_card(found: card.Card) -> Extract:
    rows, whole = _rows([found.component], CARD_PROPERTIES)
    return Extract(found.uid, "VCARD", 1, [], None, None, rows, whole)


def of_calendar(found: CalendarObject, now: int) -> Extract:
    """All occurrences when they are few; else those around today, as far as they are within the limits."""
    kept_from = kept_to = None
    expansion = calendar.occurrences(found, NEVER, now + FUTURE, Budget(), MAX_OCCURRENCES)
    if expansion.reached is not None:
        kept_from = now - PAST
        expansion = calendar.occurrences(found, kept_from, now + FUTURE, Budget(), MAX_OCCURRENCES)
        kept_to = now + FUTURE if expansion.reached is None else expansion.reached
    rows, whole = _rows(found.parts, CALENDAR_PROPERTIES)
    looks = tuple((int(kind), at) for kind, at in sorted(next_looks(found, now - GRACE).items()))
    return Extract(
        found.uid, found.component, len(found.parts), expansion.found, kept_from, kept_to, rows, whole, looks
    )


def _rows(parts: Sequence[Component], names: frozenset[str]) -> tuple[list[tuple[int, str, str]], bool]:
    rows: list[tuple[int, str, str]] = []
    whole = True
    for number, part in enumerate(parts):
        for found in part.properties:
            if found.name == "ATTACH" and (managed := found.param("MANAGED-ID")):  # RFC 8607: whose file it names
                rows.append((number, "MANAGED-ID", managed[:MAX_VALUE]))
            if found.name in names:
                for value in _values(found):
                    whole = whole and len(value) <= MAX_VALUE
                    rows.append((number, found.name, value[:MAX_VALUE]))
    return rows[:MAX_ROWS], whole and len(rows) <= MAX_ROWS


def _values(found: Property) -> list[str]:
    """What filters compare: each category by itself, everything else as one text."""
    if found.name in ("CATEGORIES", "RESOURCES"):
        return split_list(found.value)
    return [found.text]
