"""When somebody is busy (RFC 4791 §7.10): the blocking occurrences of some collections, joined."""

import sqlite3
from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

from optimails.groupware.api import Unfit
from optimails.groupware.calendar import BUSY, FREE, TENTATIVE, UNAVAILABLE, occurrences, read_object
from optimails.groupware.filters import TimeRange
from optimails.groupware.moments import clock_of, seconds, utc_text
from optimails.groupware.recurrence import SHARE, Budget
from optimails.groupware.search import BUDGET
from optimails.index.groupware import items, search

LIMIT = 20_000  # periods of an answer
_ORDER = {BUSY: 0, UNAVAILABLE: 1, TENTATIVE: 2}  # where several overlap, the first counts
_NAMES = {BUSY: "BUSY", UNAVAILABLE: "BUSY-UNAVAILABLE", TENTATIVE: "BUSY-TENTATIVE"}


class Period(NamedTuple):
    """Instants in UTC, and one of BUSY, TENTATIVE, UNAVAILABLE."""

    start: int
    end: int
    kind: int


def busy_periods(
    connection: sqlite3.Connection, collections: Sequence[int], asked: TimeRange, zone: tzinfo | None
) -> list[Period]:
    """Clipped to what was asked, ascending, periods of one kind joined where they touch."""
    window, floating = (asked.start, asked.end), asked.floating(zone)
    rows = list(search.busy(connection, collections, window, floating))
    budget = Budget(BUDGET)
    wide = min(window[0], floating[0]), max(window[1], floating[1])
    for collection in collections:
        unsure = search.partly_kept(connection, collection, wide)
        for _, _, _, _, text in items.texts(connection, unsure):
            if budget.spent:
                break
            try:
                found = read_object(text.decode("utf-8", "replace"))
            except Unfit:
                continue
            with budget.share(SHARE) as own:
                more = occurrences(found, *wide, own, LIMIT).found
            rows += [(one.start, one.end, one.floating, one.busy) for one in more if one.busy != FREE]
    periods = set()
    for start, end, floats, kind in rows:
        begin, last = (_instant(start, zone), _instant(end, zone)) if floats else (start, end)
        begin, last = max(begin, asked.start), min(last, asked.end)
        if begin < last:
            periods.add(Period(begin, last, kind))
    return _joined(periods)[:LIMIT]


def _instant(shown: int, zone: tzinfo | None) -> int:
    return shown if zone is None else seconds(clock_of(shown), zone)


def _joined(periods: set[Period]) -> list[Period]:
    joined: list[Period] = []
    for kind in _ORDER:
        last: Period | None = None
        for one in sorted(period for period in periods if period.kind == kind):
            if last is not None and one.start <= last.end:
                last = Period(last.start, max(last.end, one.end), kind)
                joined[-1] = last
            else:
                last = one
                joined.append(one)
    return sorted(joined)


def free_busy_text(periods: Sequence[Period], asked: TimeRange, now: int, uid: str) -> str:
    """A VFREEBUSY in its VCALENDAR."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Optimails//EN", "BEGIN:VFREEBUSY", f"UID:{uid}",
        f"DTSTAMP:{utc_text(now)}", f"DTSTART:{utc_text(asked.start)}", f"DTEND:{utc_text(asked.end)}",
    ]  # fmt: skip
    for start, end, kind in periods:
        shown = "" if kind == BUSY else f";FBTYPE={_NAMES[kind]}"
        lines.append(f"FREEBUSY{shown}:{utc_text(start)}/{utc_text(end)}")
    return "\r\n".join([*lines, "END:VFREEBUSY", "END:VCALENDAR", ""])
