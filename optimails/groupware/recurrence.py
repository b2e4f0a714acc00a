"""Recurrence rules (RFC 5545 §3.3.10) on wall clocks, within a budget.

Of our own because a rule is input from strangers: ``FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30`` keeps the usual libraries
busy for days inside one call, and a thread cannot be interrupted. Here every step is paid from a ``Budget``, days
without a match are passed over as a whole, and a rule without COUNT starts where the window starts. Tests compare it
with dateutil.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import IntEnum

from optimails.model.errors import BadSyntax

STEPS = 20_000  # of one expansion: some 50 ms
SHARE = 8_000  # of one item, where many are looked at for one answer
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?$", re.ASCII)
_RANGES = {  # RFC 5545 §3.3.10: what a list may hold; the lists with negative values count from the end
    "BYSECOND": (0, 60), "BYMINUTE": (0, 59), "BYHOUR": (0, 23), "BYMONTHDAY": (-31, 31), "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53), "BYMONTH": (1, 12), "BYSETPOS": (-366, 366),
}  # fmt: skip


class Freq(IntEnum):
    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


_UNITS = {Freq.DAILY: 86_400, Freq.HOURLY: 3600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}


class Budget:
    """Steps that may still be made."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    @property
    def spent(self) -> bool:
        return self.left <= 0

    @contextmanager
    def share(self, steps: int) -> Iterator["Budget"]:
        """At most so much of it for one of many, so that one cannot take all."""
        own = Budget(min(steps, self.left))
        before = own.left
        try:
            yield own
        finally:
            self.left -= before - own.left


@dataclass(frozen=True, slots=True)
class Rule:
    """``until`` is a wall clock in UTC when ``until_utc``, else in the zone of the start; a date is its last second."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    until_utc: bool = False
    seconds: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()  # (which one, 0: each; weekday)
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0

    @property
    def bounded(self) -> bool:
        return self.count is not None or self.until is not None

    @property
    def plain(self) -> bool:
        """Whether nothing but the frequency says when."""
        return not (
            self.seconds or self.minutes or self.hours or self.days or self.month_days or self.year_days
            or self.weeks or self.months or self.positions
        )  # fmt: skip


def parse(text: str) -> Rule:
    """Raises ``BadSyntax``."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().split(";"):
        name, equals, value = part.partition("=")
        if part and (not equals or name in parts):
            raise BadSyntax("Not a recurrence rule")
        if part:
            parts[name.strip()] = value.strip()
    try:
        freq = Freq[parts["FREQ"]]
    except KeyError as wrong:
        raise BadSyntax("A recurrence rule has no known FREQ") from wrong
    until, utc = _until(parts["UNTIL"]) if "UNTIL" in parts else (None, False)
    numbers = {name: _numbers(parts.get(name, ""), name) for name in _RANGES}
    if "WKST" in parts and parts["WKST"] not in _DAYS:
        raise BadSyntax("Not a recurrence rule: WKST")
    return Rule(
        freq=freq,
        interval=_positive(parts.get("INTERVAL", "1")),
        count=_positive(parts["COUNT"]) if "COUNT" in parts else None,
        until=until,
        until_utc=utc,
        seconds=tuple(sorted({min(second, 59) for second in numbers["BYSECOND"]})),
        minutes=numbers["BYMINUTE"],
        hours=numbers["BYHOUR"],
        days=_by_day(parts.get("BYDAY", "")),
        month_days=numbers["BYMONTHDAY"],
        year_days=numbers["BYYEARDAY"],
        weeks=numbers["BYWEEKNO"],
        months=numbers["BYMONTH"],
        positions=numbers["BYSETPOS"],
        week_start=_DAYS.index(parts.get("WKST", "MO")),
    )


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise BadSyntax("Not a recurrence rule: a number above 0 is wanted")
    return int(text)


def _numbers(text: str, name: str) -> tuple[int, ...]:
    least, most = _RANGES[name]
    found = set()
    for part in text.split(",") if text else ():
        try:
            number = int(part)
        except ValueError as wrong:
            raise BadSyntax(f"Not a recurrence rule: {name}") from wrong
        if not least <= number <= most or (least < 0 and not number):
            raise BadSyntax(f"Not a recurrence rule: {name}")
        found.add(number)
    return tuple(sorted(found))


def _by_day(text: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for part in text.split(",") if text else ():
        day = _BY_DAY.match(part.strip())
        if not day:
            raise BadSyntax("Not a recurrence rule: BYDAY")
        found.add((int(day[1] or 0), _DAYS.index(day[2])))
    return tuple(sorted(found))


def _until(text: str) -> tuple[datetime, bool]:
    found = _UNTIL.match(text)
    if not found:
        raise BadSyntax("Not a recurrence rule: UNTIL")
    day, clock, utc = found.groups()
    try:
        return datetime.strptime(day + (clock or "235959"), "%Y%m%d%H%M%S"), bool(utc)  # noqa: DTZ007 - a wall clock
    except ValueError as wrong:
        raise BadSyntax("Not a recurrence rule: UNTIL") from wrong


def clocks(rule: Rule, first: datetime, budget: Budget, *, start: datetime | None, end: datetime) -> Iterator[datetime]:
    """Wall clocks of the recurrences before ``end``, ascending, from ``first`` on.

    With ``start``, those before it may be left out. Ends early when the budget is spent, or at the last one by COUNT or
    UNTIL (compared as it stands; whoever knows the zone looks closer at ``until_utc``).
    """
    if rule.until is not None:
        end = min(end, rule.until + timedelta(days=2 if rule.until_utc else 0, seconds=1))
    skipped, given = _skipped(rule, first, start)
    try:
        for candidates in _periods(rule, first, budget, skipped, end):
            for clock in candidates:
                if clock < first:
                    continue
                if clock >= end:
                    return
                yield clock
                given += 1
                if rule.count is not None and given >= rule.count:
                    return
    except (OverflowError, ValueError):  # the end of the calendar
        return


def _skipped(rule: Rule, first: datetime, start: datetime | None) -> tuple[int, int]:
    """Periods before ``start`` that need not be looked at, and how many recurrences were in them."""
    if start is None or start <= first:
        return 0, 0
    if rule.freq is Freq.YEARLY:
        periods = start.year - first.year
    elif rule.freq is Freq.MONTHLY:
        periods = (start.year - first.year) * 12 + start.month - first.month
    elif rule.freq is Freq.WEEKLY:
        periods = (start - first).days // 7
    else:
        whole = start - first
        periods = (whole.days * 86_400 + whole.seconds) // _UNITS[rule.freq]
    skipped = max(0, periods // rule.interval - 1)
    if rule.count is None:
        return skipped, 0
    if rule.plain and rule.freq >= Freq.WEEKLY:  # one in each
        return skipped, skipped
    return 0, 0


def _periods(rule: Rule, first: datetime, budget: Budget, number: int, end: datetime) -> Iterator[list[datetime]]:
    """The recurrences of each period, from that number on."""
    if rule.freq >= Freq.HOURLY:
        yield from _short_periods(rule, first, budget, number, end)
        return
    days, times = _day_finder(rule, first), _times(rule, first)
    while budget.left > 0:
        budget.left -= 1
        candidates = days(number)
        if candidates is None or (candidates and candidates[0] > end.date()) or _begin(rule, first, number) > end:
            return
        found = [datetime.combine(day, clock) for day in candidates for clock in times]
        budget.left -= len(found)
        yield _positioned(rule, found)
        number += 1


def _begin(rule: Rule, first: datetime, number: int) -> datetime:
    """An instant not after the beginning of the period."""
    if rule.freq is Freq.YEARLY:
        return datetime(first.year + number * rule.interval, 1, 1) - timedelta(days=7)  # noqa: DTZ001
    if rule.freq is Freq.MONTHLY:
        year, month = divmod(first.year * 12 + first.month - 1 + number * rule.interval, 12)
        return datetime(year, month + 1, 1)  # noqa: DTZ001
    days = number * rule.interval * (7 if rule.freq is Freq.WEEKLY else 1)
    return datetime.combine(first.date(), time()) + timedelta(days=days - 7)


def _short_periods(rule: Rule, first: datetime, budget: Budget, number: int, end: datetime) -> Iterator[list[datetime]]:
    """Periods of an hour or less; a day without a match costs one step."""
    unit = _UNITS[rule.freq] * rule.interval
    on_day = _day_filter(rule)
    hours, minutes, seconds = frozenset(rule.hours), frozenset(rule.minutes), frozenset(rule.seconds)
    while budget.left > 0:
        budget.left -= 1
        clock = first + timedelta(seconds=number * unit)
        if clock.replace(second=0, minute=0) > end:
            return
        if not on_day(clock.date()):
            number = _next(first, unit, number, datetime.combine(clock.date(), time()) + timedelta(days=1))
            continue
        if hours and clock.hour not in hours:
            number = _next(first, unit, number, clock.replace(minute=0, second=0) + timedelta(hours=1))
            continue
        if rule.freq is not Freq.HOURLY and minutes and clock.minute not in minutes:
            number = _next(first, unit, number, clock.replace(second=0) + timedelta(minutes=1))
            continue
        number += 1
        if rule.freq is Freq.SECONDLY:
            if not seconds or clock.second in seconds:
                yield _positioned(rule, [clock])
            continue
        in_hour = (rule.minutes or (clock.minute,)) if rule.freq is Freq.HOURLY else (clock.minute,)
        found = [
            clock.replace(minute=minute, second=second)
            for minute in in_hour
            for second in rule.seconds or (first.second,)
        ]
        budget.left -= len(found)
        yield _positioned(rule, found)


def _next(first: datetime, unit: int, number: int, wanted: datetime) -> int:
    """The first period, after this one, that ends after ``wanted``."""
    whole = wanted - first
    return max(number + 1, (whole.days * 86_400 + whole.seconds) // unit)


def _positioned(rule: Rule, found: list[datetime]) -> list[datetime]:
    if not rule.positions:
        return found
    size = len(found)
    places = {position - 1 if position > 0 else size + position for position in rule.positions}
    return [found[place] for place in sorted(places) if 0 <= place < size]


def _times(rule: Rule, first: datetime) -> list[time]:
    return [
        time(hour, minute, second)
        for hour in rule.hours or (first.hour,)
        for minute in rule.minutes or (first.minute,)
        for second in rule.seconds or (first.second,)
    ]


def _day_finder(rule: Rule, first: datetime) -> Callable[[int], list[date] | None]:  # noqa: C901 - four small ones
    """Gives the days of a period by its number; None behind the end of the calendar."""
    which = bool(rule.days or rule.month_days or rule.year_days)
    months, month_days, days = rule.months, rule.month_days, rule.days
    if rule.freq is Freq.YEARLY and not which:
        if rule.weeks:
            days = ((0, first.weekday()),)
        else:
            months, month_days = months or (first.month,), (first.day,)
    elif rule.freq is Freq.MONTHLY and not which:
        month_days = (first.day,)
    elif rule.freq is Freq.WEEKLY and not which:
        days = ((0, first.weekday()),)
    fits = _day_filter(rule, month_days=month_days, days=days)
    origin = first.date()

    def yearly(number: int) -> list[date] | None:
        year = first.year + number * rule.interval
        if year > 9999:
            return None
        return [day for month in months or range(1, 13) for day in _in_month(year, month, month_days) if fits(day)]

    def monthly(number: int) -> list[date] | None:
        year, month = divmod(first.year * 12 + first.month - 1 + number * rule.interval, 12)
        if year > 9999:
            return None
        if rule.months and month + 1 not in rule.months:
            return []
        return [day for day in _in_month(year, month + 1, month_days) if fits(day)]

    def weekly(number: int) -> list[date] | None:
        begin = (
            origin
            - timedelta(days=(origin.weekday() - rule.week_start) % 7)
            + timedelta(days=7 * number * rule.interval)
        )
        return [day for day in (begin + timedelta(days=on) for on in range(7)) if fits(day)]

    def daily(number: int) -> list[date] | None:
        day = origin + timedelta(days=number * rule.interval)
        return [day] if fits(day) else []

    return {Freq.YEARLY: yearly, Freq.MONTHLY: monthly, Freq.WEEKLY: weekly, Freq.DAILY: daily}[rule.freq]


def _in_month(year: int, month: int, month_days: tuple[int, ...]) -> list[date]:
    last = calendar.monthrange(year, month)[1]
    if not month_days:
        return [date(year, month, day) for day in range(1, last + 1)]
    numbers = {day if day > 0 else last + 1 + day for day in month_days}
    return [date(year, month, day) for day in sorted(numbers) if 1 <= day <= last]


def _day_filter(
    rule: Rule, *, month_days: tuple[int, ...] | None = None, days: tuple[tuple[int, int], ...] | None = None
) -> Callable[[date], bool]:
    """Whether a day fits every BY... part that speaks of days."""
    month_days = rule.month_days if month_days is None else month_days
    days = rule.days if days is None else days
    counted = rule.freq <= Freq.MONTHLY
    weekdays = frozenset(weekday for number, weekday in days if not number or not counted)
    nth = frozenset(one for one in days if one[0] and counted)
    in_year = rule.freq is Freq.YEARLY and not rule.months
    months, weeks = frozenset(rule.months), frozenset(rule.weeks)

    def fits(day: date) -> bool:
        if months and day.month not in months:
            return False
        if month_days:
            last = calendar.monthrange(day.year, day.month)[1]
            if day.day not in month_days and day.day - last - 1 not in month_days:
                return False
        if rule.year_days:
            number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
            if number not in rule.year_days and number - length - 1 not in rule.year_days:
                return False
        if weeks and not _in_weeks(day, weeks, rule.week_start):
            return False
        if days and day.weekday() not in weekdays:
            return any((number, day.weekday()) in nth for number in _which(day, in_year=in_year))
        return True

    return fits


def _which(day: date, *, in_year: bool) -> tuple[int, int]:
    """The day is the how manieth of its weekday in its month or year, from both ends."""
    if in_year:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
    else:
        number, length = day.day, calendar.monthrange(day.year, day.month)[1]
    return (number - 1) // 7 + 1, -((length - number) // 7 + 1)


def _in_weeks(day: date, weeks: frozenset[int], week_start: int) -> bool:
    """Whether the day is in one of the numbered weeks; those at the ends of a year may belong to its neighbour."""
    begin = _first_week(day.year, week_start)
    number = (day.toordinal() - begin) // 7 + 1
    if number < 1:
        last = (begin - _first_week(day.year - 1, week_start)) // 7
        return -1 in weeks or last in weeks
    count = (_first_week(day.year + 1, week_start) - begin) // 7
    if number > count:
        return 1 in weeks
    return number in weeks or number - count - 1 in weeks


def _first_week(year: int, week_start: int) -> int:
    """The ordinal at which week 1 begins: the first with at least four days in the year."""
    first = date(min(max(year, 1), 9999), 1, 1)
    lead = (first.weekday() - week_start) % 7
    return first.toordinal() - lead + (7 if lead > 3 else 0)
