"""A day as people see it: a line for each person, half an hour a character."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, NamedTuple

from optimails.cli.frame import say

if TYPE_CHECKING:
    from optimails.groupware.filters import TimeRange
    from optimails.groupware.freebusy import Period

CELL = 1_800  # seconds
_FREE, _UNKNOWN = "·", "?"


class Row(NamedTuple):
    """Somebody's time; None: it is not known."""

    name: str
    periods: "Sequence[Period] | None"


def day_of(moment: datetime, zone: tzinfo | None) -> datetime:
    """Midnight of that day there; without a zone, here."""
    there = moment.astimezone(zone)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if zone is not None else midnight.replace(tzinfo=None).astimezone()


def common(rows: Sequence[Row], asked: "TimeRange") -> list[tuple[int, int]]:
    """When all those of whom it is known are free."""
    taken = sorted((start, end) for row in rows for start, end, _ in row.periods or ())
    at, free = asked.start, []
    for start, end in taken:
        if start > at:
            free.append((at, start))
        at = max(at, end)
    return [*free, (at, asked.end)] if at < asked.end else free


def picture(day: datetime, end: datetime, rows: Sequence[Row], free: Sequence[tuple[int, int]]) -> str:
    """A day's lines, its hours above them and below when all are free."""
    first, last = int(day.timestamp()), int(end.timestamp())
    width = max(len(row.name) for row in rows)
    cells = range(first, last, CELL)
    marks = [datetime.fromtimestamp(at, day.tzinfo) for at in cells]
    scale = "".join(f"{one:%H}".ljust(6) for one in marks if one.hour % 3 == 0 and one.minute == 0)
    title = f"{say(f'cli.weekday.{day.isoweekday()}')} {day:%Y-%m-%d} ({day.tzname()})"
    lines = [title, f"{'':{width}}  {scale.rstrip()}"]
    for row in rows:
        drawn = "".join(_drawn(row.periods, at, min(at + CELL, last)) for at in cells)
        lines.append(f"{row.name:{width}}  {drawn}")
    spans = [(max(start, first), min(stop, last)) for start, stop in free if start < last and stop > first]
    shown = ", ".join(f"{_clock(start, day.tzinfo)}\N{EN DASH}{_clock(stop, day.tzinfo)}" for start, stop in spans)
    lines.append(say("cli.freebusy.free", when=shown) if shown else say("cli.freebusy.never_free"))
    return "\n".join([*lines, ""])


def _clock(instant: int, zone: tzinfo | None) -> str:
    return f"{datetime.fromtimestamp(instant, zone):%H:%M}"


def _drawn(periods: "Sequence[Period] | None", start: int, end: int) -> str:
    from optimails.groupware.calendar import BUSY, TENTATIVE, UNAVAILABLE  # noqa: PLC0415 - when needed

    if periods is None:
        return _UNKNOWN
    kinds = {kind for begin, stop, kind in periods if begin < end and stop > start}
    return next((mark for kind, mark in ((BUSY, "█"), (TENTATIVE, "▒"), (UNAVAILABLE, "─")) if kind in kinds), _FREE)
