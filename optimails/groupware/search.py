"""Which items of a collection fit a filter: from the tables where they know, else from the texts.

The tables narrow the question down; only what they cannot decide is read: items whose occurrences in the time range
are not kept, those with several components where more than one condition must hold for the same component, and
properties that the tables do not have. Reading is paid from one budget for the whole question. When it is spent,
what was not read counts as found: a client gets too much rather than too little, and in bounded time.
"""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import NamedTuple

from optimails.groupware.api import Kind, Unfit
from optimails.groupware.calendar import read_object
from optimails.groupware.card import read_card
from optimails.groupware.extract import CALENDAR_PROPERTIES, CARD_PROPERTIES
from optimails.groupware.filters import (
    CardFilter,
    CompFilter,
    PropFilter,
    TextMatch,
    TimeRange,
    calendar_fits,
    card_fits,
    spread,
    touches,
)
from optimails.groupware.recurrence import SHARE, Budget
from optimails.index.groupware import items, search

BUDGET = 1_000_000  # steps of one question
READING = 30  # steps that reading a text costs


class _Asked(NamedTuple):
    """What holds for the whole question."""

    zone: tzinfo | None
    budget: Budget


def find(
    connection: sqlite3.Connection, collection: int, kind: Kind, wanted: CompFilter | CardFilter, zone: tzinfo | None
) -> list[int]:
    """Ids of the items that fit, ascending; floating times are in ``zone`` (None: UTC)."""
    budget = Budget(BUDGET)
    if isinstance(wanted, CardFilter):
        found = _cards(connection, collection, wanted, budget) if kind is Kind.BOOK else set()
    elif kind is Kind.INBOX:
        found = _messages(connection, collection, wanted)
    else:
        found = _calendar(connection, collection, wanted, zone, budget) if kind is Kind.CALENDAR else set()
    return sorted(found)


def _messages(connection: sqlite3.Connection, collection: int, wanted: CompFilter) -> set[int]:
    """Of the scheduling inbox, which is small: all that are of the wanted kind, whatever else is asked."""
    if wanted.name != "VCALENDAR" or wanted.absent:
        return set()
    names: list[str | None] = [one.name for one in wanted.comps if not one.absent]
    names = names or [None]
    return set().union(*(search.of_component(connection, collection, name) for name in names))


def _calendar(
    connection: sqlite3.Connection, collection: int, wanted: CompFilter, zone: tzinfo | None, budget: Budget
) -> set[int]:
    if wanted.name != "VCALENDAR" or wanted.absent:
        return set()
    meant = spread(wanted)
    if len(meant) > 1:
        return set().union(*(_calendar(connection, collection, one, zone, budget) for one in meant))
    if not wanted.props and not wanted.comps:
        return search.of_component(connection, collection, None)
    fits = _reader(lambda text, own: calendar_fits(wanted, read_object(text), zone, own), budget)
    if wanted.props or len(wanted.comps) != 1 or wanted.comps[0].absent:
        return _read(connection, search.of_component(connection, collection, None), fits)
    return _of_part(connection, collection, wanted.comps[0], _Asked(zone, budget), fits)


def _of_part(
    connection: sqlite3.Connection, collection: int, part: CompFilter, asked: "_Asked", fits: Callable[[bytes], bool]
) -> set[int]:
    """Items with such a component."""
    sets: list[set[int]] = []
    sure = not part.comps
    if part.time_range is not None:
        sets.append(_in_range(connection, collection, part.name, part.time_range, asked))
    for prop in part.props:
        narrowed = _property(connection, collection, prop, CALENDAR_PROPERTIES)
        if narrowed is None:
            sure = False
        else:
            sets.append(narrowed)
    if not sets:
        found = search.of_component(connection, collection, part.name)
    elif part.time_range is None:
        found = search.only(connection, set.intersection(*sets), part.name)
    else:
        found = set.intersection(*sets)
    if not sure:
        return _read(connection, found, fits)
    if len(part.props) + (part.time_range is not None) > 1 or any(prop.absent for prop in part.props):
        return _read(connection, found, fits, least_parts=2)
    if part.props:
        unsure = search.not_whole(connection, collection)
        return (found - unsure) | _read(connection, unsure, fits) if unsure else found
    return found


def _in_range(
    connection: sqlite3.Connection, collection: int, component: str, time_range: TimeRange, asked: "_Asked"
) -> set[int]:
    zone, budget = asked.zone, asked.budget
    window, floating = (time_range.start, time_range.end), time_range.floating(zone)
    found = search.touching(connection, collection, window, floating, component)
    wide = min(window[0], floating[0]), max(window[1], floating[1])
    unsure = set(search.partly_kept(connection, collection, wide)) - found
    if unsure:
        unsure = search.only(connection, unsure, component)
        fits = _reader(lambda text, own: touches(read_object(text), time_range, zone, own), budget)
        found |= _read(connection, unsure, fits)
    return found


def _property(
    connection: sqlite3.Connection, collection: int, prop: PropFilter, known: frozenset[str]
) -> set[int] | None:
    """Items that may have such a property; None when the tables cannot tell."""
    if prop.name not in known or prop.params or prop.time_range is not None:
        return None
    if prop.absent:
        have = search.having(connection, collection, prop.name)
        return search.of_component(connection, collection, None) - have
    if not prop.texts:
        return search.having(connection, collection, prop.name)
    if any(text.negate for text in prop.texts):
        return None
    sets = [_with_text(connection, collection, prop.name, text) for text in prop.texts]
    return set.union(*sets) if prop.any_of else set.intersection(*sets)


def _with_text(connection: sqlite3.Connection, collection: int, name: str, text: TextMatch) -> set[int]:
    rows = search.with_text(connection, collection, name, text.text.casefold(), text.match)
    if text.collation == "i;unicode-casemap":
        return {item for item, _, _ in rows}
    return {item for item, _, value in rows if text.alike(value)}


def _cards(connection: sqlite3.Connection, collection: int, wanted: CardFilter, budget: Budget) -> set[int]:
    if not wanted.props:
        return search.of_component(connection, collection, None)
    fits = _reader(lambda text, _: card_fits(wanted, read_card(text)), budget)
    sets = [_property(connection, collection, prop, CARD_PROPERTIES) for prop in wanted.props]
    known = [one for one in sets if one is not None]
    unsure = search.not_whole(connection, collection)
    if len(known) < len(sets):
        if known and not wanted.any_of:
            narrowed = set.intersection(*known)
        else:
            narrowed = search.of_component(connection, collection, None)
        return _read(connection, narrowed | unsure, fits)
    found = set.union(*known) if wanted.any_of else set.intersection(*known)
    several = any(len(prop.texts) > 1 for prop in wanted.props)  # both in one value, or in two
    if several:
        return _read(connection, found | unsure, fits)
    return (found - unsure) | _read(connection, unsure, fits) if unsure else found


def _reader(fits: Callable[[str, Budget], bool], budget: Budget) -> Callable[[bytes], bool]:
    def read(text: bytes) -> bool:
        if budget.spent:
            return True
        budget.left -= READING + len(text) // 100
        try:
            with budget.share(SHARE) as own:
                return fits(text.decode("utf-8", "replace"), own)
        except Unfit:
            return False

    return read


def _read(
    connection: sqlite3.Connection, candidates: Iterable[int], fits: Callable[[bytes], bool], *, least_parts: int = 0
) -> set[int]:
    """Those that fit; with fewer components than ``least_parts`` they do."""
    return {
        identity
        for identity, _, _, parts, text in items.texts(connection, sorted(candidates))
        if parts < least_parts or fits(text)
    }
