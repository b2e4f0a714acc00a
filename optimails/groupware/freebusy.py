"""When somebody is busy (RFC 4791 §7.10): the blocking occurrences of some collections, joined."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from optimails.groupware.api import Unfit
from optimails.groupware.attending import attendance
from optimails.groupware.calendar import BUSY, FREE, TENTATIVE, UNAVAILABLE, CalendarObject, occurrences, read_object
from optimails.groupware.filters import TimeRange
from optimails.groupware.moments import clock_of, seconds, utc_text
from optimails.groupware.recurrence import SHARE, Budget
from optimails.groupware.search import BUDGET
from optimails.groupware.text import fold
from optimails.index.groupware import items, search

LIMIT = 20_000  # periods of an answer
MAX_ANSWERS = 2_000  # invitations of which the answer is read for one question; later ones count as they stand
MAX_MASKED = 50
_ORDER = {BUSY: 0, UNAVAILABLE: 1, TENTATIVE: 2}  # where several overlap, the first counts
NAMES = {BUSY: "BUSY", UNAVAILABLE: "BUSY-UNAVAILABLE", TENTATIVE: "BUSY-TENTATIVE"}
"""As FBTYPE has them (RFC 5545 §3.2.9)."""


class Period(NamedTuple):
    """Instants in UTC, and one of BUSY, TENTATIVE, UNAVAILABLE."""

    start: int
    end: int
    kind: int


@dataclass(frozen=True, slots=True)
class Person:
    """Whose time it is. What he declined does not count, nor what is to be planned anew."""

    addresses: frozenset[str] = frozenset()  # folded, with ``mailto:``
    masked: frozenset[str] = frozenset()  # UIDs


NOBODY = Person()


def busy_periods(
    connection: sqlite3.Connection,
    collections: Sequence[int],
    asked: TimeRange,
    zone: tzinfo | None,
    person: Person = NOBODY,
) -> list[Period]:
    """Clipped to what was asked, ascending, periods of one kind joined where they touch."""
    window, floating = (asked.start, asked.end), asked.floating(zone)
    masked: set[int] = set()
    if person.masked:
        masked = search.with_uids(connection, collections, sorted(person.masked)[:MAX_MASKED])
    rows = [row for row in search.busy(connection, collections, window, floating) if row[0] not in masked]
    answers = dict(_answers(connection, {row[0] for row in rows}, person))
    found = [
        (start, end, floats, kind if item not in answers else _lessened(kind, answers[item].get(part)))
        for item, part, start, end, floats, kind in rows
    ]
    wide = min(window[0], floating[0]), max(window[1], floating[1])
    budget = Budget(BUDGET)
    for collection in collections:
        unsure = [one for one in search.partly_kept(connection, collection, wide) if one not in masked]
        found += _computed(connection, unsure, wide, person, budget)
    periods = set()
    for start, end, floats, kind in found:
        begin, last = (_instant(start, zone), _instant(end, zone)) if floats else (start, end)
        begin, last = max(begin, asked.start), min(last, asked.end)
        if begin < last and kind != FREE:
            periods.add(Period(begin, last, kind))
    return joined(periods)


def _answers(
    connection: sqlite3.Connection, identities: Iterable[int], person: Person
) -> Iterator[tuple[int, dict[int, int]]]:
    """What the person answered, by item and component."""
    if not person.addresses:
        return
    invitations = search.attended(connection, identities, sorted(person.addresses))
    for item, _, _, _, text in items.texts(connection, invitations[:MAX_ANSWERS]):
        found = _read(text)
        if found is not None:
            yield item, attendance(found, person.addresses)


def _lessened(kind: int, answer: int | None) -> int:
    return kind if answer is None or (answer == TENTATIVE and kind != BUSY) else answer


def _computed(
    connection: sqlite3.Connection, unsure: Sequence[int], window: tuple[int, int], person: Person, budget: Budget
) -> Iterator[tuple[int, int, bool, int]]:
    """Of items whose occurrences in the window are not all kept."""
    for _, _, _, _, text in items.texts(connection, unsure):
        if budget.spent:
            return
        found = _read(text)
        if found is None:
            continue
        answers = attendance(found, person.addresses) if person.addresses else {}
        with budget.share(SHARE) as own:
            more = occurrences(found, *window, own, LIMIT).found
        for one in more:
            yield one.start, one.end, one.floating, _lessened(one.busy, answers.get(one.part))


def _read(text: bytes) -> CalendarObject | None:
    try:
        return read_object(text.decode("utf-8", "replace"))
    except Unfit:
        return None


def _instant(shown: int, zone: tzinfo | None) -> int:
    return shown if zone is None else seconds(clock_of(shown), zone)


def joined(periods: Iterable[Period]) -> list[Period]:
    """Ascending, those of one kind joined where they touch; no more than an answer holds."""
    known = set(periods)
    result: list[Period] = []
    for kind in _ORDER:
        last: Period | None = None
        for one in sorted(period for period in known if period.kind == kind):
            if last is not None and one.start <= last.end:
                last = Period(last.start, max(last.end, one.end), kind)
                result[-1] = last
            else:
                last = one
                result.append(one)
    return sorted(result)[:LIMIT]


def free_busy_text(  # noqa: PLR0913 - what the component says
    periods: Sequence[Period], asked: TimeRange, now: int, uid: str, *, method: str = "", lines: Sequence[str] = ()
) -> str:
    """A VFREEBUSY in its VCALENDAR; ``lines`` of it say who asked and whose it is."""
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Optimails//EN", *([f"METHOD:{method}"] if method else [])]
    text += ["BEGIN:VFREEBUSY", f"UID:{uid}", f"DTSTAMP:{utc_text(now)}", *lines]
    text += [f"DTSTART:{utc_text(asked.start)}", f"DTEND:{utc_text(asked.end)}"]
    for start, end, kind in periods:
        shown = "" if kind == BUSY else f";FBTYPE={NAMES[kind]}"
        text.append(f"FREEBUSY{shown}:{utc_text(start)}/{utc_text(end)}")
    return "".join(map(fold, [*text, "END:VFREEBUSY", "END:VCALENDAR"]))
