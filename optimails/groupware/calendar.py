"""One calendar object: the components with one UID that make an event, a task, a journal entry (RFC 4791 §4.1).

``occurrences`` says when it happens, in a form for which every question about a time range has the same answer: it
touches the range when ``start < range end`` and ``end > range start``. The table of RFC 4791 §9.9, with its many cases
of tasks without a start or without an end, is put into these two numbers here, once.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from optimails.groupware import recurrence
from optimails.groupware.api import COMPONENTS, Rule, Unfit
from optimails.groupware.moments import EVER, NEVER, Moment, clock_of, duration, moment, period, read, seconds
from optimails.groupware.recurrence import Budget
from optimails.groupware.text import Component, parse
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax

FREE, BUSY, TENTATIVE, UNAVAILABLE = range(4)
LOOK_ON = timedelta(days=3_660)
MAX_DATES = 5_000  # RDATE and EXDATE values that are looked at
_STATUS = {"CANCELLED": FREE, "TENTATIVE": TENTATIVE}
_BUSY_TYPES = {"FREE": FREE, "BUSY-TENTATIVE": TENTATIVE, "BUSY-UNAVAILABLE": UNAVAILABLE}


class Occurrence(NamedTuple):
    """One time at which it happens. ``moment`` is when its recurrence was to be (RECURRENCE-ID), if there is one."""

    start: int
    end: int
    floating: bool
    busy: int
    part: int  # number of the component
    moment: Moment | None = None


class Expansion(NamedTuple):
    """Occurrences, unsorted; ``reached`` is the instant up to which there are no others, None: there are no more."""

    found: list[Occurrence]
    reached: int | None


@dataclass(frozen=True, slots=True)
class CalendarObject:
    """A text that was read."""

    uid: str
    component: str
    parts: tuple[Component, ...]  # those of the UID, in order
    zones: Zones
    root: Component

    @property
    def recurs(self) -> bool:
        return any(part.get("RRULE") or part.get("RDATE") for part in self.parts)


def read_object(text: str) -> CalendarObject:
    """Raises ``Unfit``."""
    try:
        top = parse(text)
    except BadSyntax as wrong:
        raise Unfit(Rule.VALID_DATA, str(wrong)) from wrong
    if len(top) != 1 or top[0].name != "VCALENDAR":
        raise Unfit(Rule.VALID_DATA, "One VCALENDAR is wanted")
    return from_root(top[0])


def from_root(root: Component) -> CalendarObject:
    """The object in a VCALENDAR. Raises ``Unfit``."""
    zones = Zones([child for child in root.children if child.name == "VTIMEZONE"])
    parts = tuple(child for child in root.children if child.name != "VTIMEZONE")
    if not parts:
        raise Unfit(Rule.VALID_DATA, "There is nothing in it")
    if root.get("METHOD"):  # RFC 4791 §4.1
        raise Unfit(Rule.VALID_OBJECT, "A stored object has no METHOD")
    uids, kinds = {part.value("UID") for part in parts}, {part.name for part in parts}
    if len(uids) != 1 or len(kinds) != 1:
        raise Unfit(Rule.VALID_OBJECT, "An object has one UID and one kind of component")
    (uid,), (kind,) = uids, kinds
    if not uid:
        raise Unfit(Rule.VALID_OBJECT, "An object has a UID")
    if kind not in COMPONENTS:
        raise Unfit(Rule.SUPPORTED_COMPONENT, f"{kind[:40]} is not kept")
    keys = [part.value("RECURRENCE-ID") for part in parts]
    if len(set(keys)) != len(keys):
        raise Unfit(Rule.VALID_OBJECT, "A recurrence is there twice")
    if kind == "VEVENT":
        for part in parts:
            _check_start(part, zones)
    return CalendarObject(uid, kind, parts, zones, root)


def _check_start(part: Component, zones: Zones) -> None:
    """An event without a start could never be found again. Raises ``Unfit``."""
    start = part.get("DTSTART")
    if start is None:
        raise Unfit(Rule.VALID_DATA, "An event has a DTSTART")
    try:
        moment(start, zones)
    except BadSyntax as wrong:
        raise Unfit(Rule.VALID_DATA, str(wrong)) from wrong


def occurrences(calendar: CalendarObject, start: int, end: int, budget: Budget, limit: int) -> Expansion:
    """Those that touch the range, at most ``limit``. Never raises: what can't be read does not happen."""
    found: list[Occurrence] = []
    reached: int | None = None
    replaced = _replaced(calendar)
    for number in range(len(calendar.parts)):
        try:
            for occurrence in _of_part(calendar, number, (start, end), budget, replaced):
                if isinstance(occurrence, int):
                    reached = occurrence if reached is None else min(reached, occurrence)
                elif len(found) >= limit:
                    reached = min(occurrence.start, end) if reached is None else min(reached, occurrence.start, end)
                    break
                else:
                    found.append(occurrence)
        except (BadSyntax, OverflowError, ValueError):
            continue
    return Expansion(found, reached)


def _of_part(
    calendar: CalendarObject, number: int, window: tuple[int, int], budget: Budget, replaced: set[int]
) -> Iterator[Occurrence | int]:
    """Occurrences of one component, then the instant up to which there are no others, if there may be. Raises."""
    if calendar.parts[number].name in ("VFREEBUSY", "VAVAILABILITY"):
        yield from _busy_periods(calendar, number)
        return
    series = _Series(calendar, number)
    yield from series.within(*window, budget, replaced)
    if series.stopped_at is not None:
        yield series.stopped_at


def _replaced(calendar: CalendarObject) -> set[int]:
    """Instants of recurrences that have a component of their own."""
    found = set()
    for part in calendar.parts:
        key = part.get("RECURRENCE-ID")
        if key is not None:
            try:
                found.add(moment(key, calendar.zones).seconds)
            except BadSyntax:
                continue
    return found


def _busy_periods(calendar: CalendarObject, number: int) -> Iterator[Occurrence]:
    part = calendar.parts[number]
    if part.name == "VAVAILABILITY" or not part.get("FREEBUSY"):
        begin, end = part.get("DTSTART"), part.get("DTEND")
        first = moment(begin, calendar.zones).seconds if begin else NEVER
        last = moment(end, calendar.zones).seconds if end else EVER
        yield Occurrence(first, last, False, FREE, number)
        return
    for line in part.every("FREEBUSY"):
        busy = _BUSY_TYPES.get((line.param("FBTYPE") or "BUSY").upper(), BUSY)
        for value in line.value.split(",")[:MAX_DATES]:
            begin_, length = period(value, line.param("TZID"), calendar.zones)
            yield Occurrence(begin_.seconds, begin_.seconds + length, False, busy, number)


class _Series:
    """One component and its recurrences."""

    def __init__(self, calendar: CalendarObject, number: int) -> None:
        """Raises ``BadSyntax``."""
        self.part, self.number, self.zones = calendar.parts[number], number, calendar.zones
        self.stopped_at: int | None = None
        self.key = self.part.get("RECURRENCE-ID")
        begin = self.part.get("DTSTART")
        self.first = moment(begin, self.zones) if begin else None
        self.busy = self._busy()
        self.length, self.least = self._length()

    def _busy(self) -> int:
        if self.part.name != "VEVENT" or self.part.value("TRANSP").upper() == "TRANSPARENT":
            return FREE
        return _STATUS.get(self.part.value("STATUS").upper(), BUSY)

    def _length(self) -> tuple[timedelta, int]:
        """By the wall clock; and the fewest seconds for which it counts, so that an instant is found."""
        name = {"VEVENT": "DTEND", "AVAILABLE": "DTEND", "VTODO": "DUE"}.get(self.part.name)
        end = self.part.get(name) if name else None
        if self.first is None:
            return timedelta(), 1
        if end is not None:
            last = moment(end, self.zones)
            if last.zone == self.first.zone:
                length = last.clock - self.first.clock
            else:
                length = timedelta(seconds=last.seconds - self.first.seconds)
        elif (lasting := self.part.get("DURATION")) is not None:
            length = timedelta(seconds=duration(lasting.value))
        else:
            length = timedelta(days=1) if self.first.date and self.part.name != "VTODO" else timedelta()
        return max(length, timedelta()), 1

    def within(self, start: int, end: int, budget: Budget, replaced: set[int]) -> Iterator[Occurrence]:
        if self.first is None:
            yield from self._without_start()
            return
        if self.key is not None:
            own = moment(self.key, self.zones)
            yield self._at(self.first.clock, own)
            return
        if not (self.part.get("RRULE") or self.part.get("RDATE")):
            if not self._excluded(self.first.clock, self.first.seconds, *self._exceptions()):
                yield self._at(self.first.clock, None)
            return
        yield from self._recurring(start, end, budget, replaced)

    def _recurring(self, start: int, end: int, budget: Budget, replaced: set[int]) -> Iterator[Occurrence]:
        assert self.first is not None
        slack = timedelta(days=2)
        low, high = clock_of(start), clock_of(end)
        low = low - self.length - slack if low - datetime.min > self.length + slack else datetime.min  # noqa: DTZ901
        high = high + slack if datetime.max - high > slack else datetime.max  # noqa: DTZ901
        exact, days = self._exceptions()
        before: datetime | None = None
        for clock in self._clocks(low, high, budget):
            if clock >= high:
                self.stopped_at = end
                return
            if clock == before:
                continue
            before = clock
            occurrence = self._at(clock, Moment(clock, self.first.zone, self.first.date))
            if occurrence.start >= end or occurrence.end <= start:
                continue
            if occurrence.start in replaced or self._excluded(clock, occurrence.start, exact, days):
                continue
            yield occurrence
        if budget.spent:
            self.stopped_at = seconds(before, self.first.zone) if before else start
        elif any(not rule.bounded for rule in self._rules()):
            self.stopped_at = end

    def _rules(self) -> list[recurrence.Rule]:
        rules = []
        for line in self.part.every("RRULE"):
            try:
                rules.append(recurrence.parse(line.value))
            except BadSyntax:
                continue
        return rules[:10]

    def _clocks(self, low: datetime, high: datetime, budget: Budget) -> Iterator[datetime]:
        """Ascending, with doubles, and one after ``high`` if there is one within ten years.

        DTSTART counts as the first (RFC 5545 §3.8.5.3).
        """
        assert self.first is not None
        end = high + LOOK_ON if datetime.max - high > LOOK_ON else datetime.max  # noqa: DTZ901
        streams: list[Iterator[datetime]] = [iter([self.first.clock])]
        streams += [
            self._until(rule, recurrence.clocks(rule, self.first.clock, budget, start=low, end=end))
            for rule in self._rules()
        ]
        dates = sorted(self._there(one) for one in self._dates("RDATE"))
        streams.append(one for one in dates if low <= one)
        return heapq.merge(*streams)

    def _until(self, rule: recurrence.Rule, clocks: Iterator[datetime]) -> Iterator[datetime]:
        if rule.until is None or not rule.until_utc:
            yield from clocks
            return
        assert self.first is not None
        last = seconds(rule.until, None)
        for clock in clocks:
            if seconds(clock, self.first.zone) > last:
                return
            yield clock

    def _there(self, one: Moment) -> datetime:
        """A moment as the wall clock of the series shows it."""
        assert self.first is not None
        if one.zone is None or self.first.zone is None or one.zone == self.first.zone:
            return one.clock
        return one.clock.replace(tzinfo=one.zone).astimezone(self.first.zone).replace(tzinfo=None)

    def _dates(self, name: str) -> list[Moment]:
        found: list[Moment] = []
        for line in self.part.every(name):
            for value in line.value.split(","):
                if len(found) >= MAX_DATES:
                    return found
                try:
                    found.append(read(value.partition("/")[0], line.param("TZID"), self.zones))
                except BadSyntax:
                    continue
        return found

    def _exceptions(self) -> tuple[set[int], set[datetime]]:
        """Excluded instants; and days, where EXDATE names a day of something that has a time (as Outlook does)."""
        dates = self._dates("EXDATE")
        whole = self.first is not None and self.first.date
        return {one.seconds for one in dates}, {one.clock for one in dates if one.date and not whole}

    @staticmethod
    def _excluded(clock: datetime, start: int, exact: set[int], days: set[datetime]) -> bool:
        return start in exact or (bool(days) and clock.replace(hour=0, minute=0, second=0) in days)

    def _at(self, clock: datetime, own: Moment | None) -> Occurrence:
        assert self.first is not None
        zone = self.first.zone
        start = seconds(clock, zone)
        try:
            end = seconds(clock + self.length, zone)
        except OverflowError:
            end = start
        busy = self.busy if end > start else FREE
        if self.part.name == "VJOURNAL" and not self.first.date:
            end = start
        return Occurrence(start, max(end, start + self.least), zone is None, busy, self.number, own)

    def _without_start(self) -> Iterator[Occurrence]:
        """RFC 4791 §9.9: a task without a start; other components then never happen."""
        if self.part.name != "VTODO":
            return
        times = {}
        for name in ("DUE", "COMPLETED", "CREATED"):
            line = self.part.get(name)
            if line is not None:
                times[name] = moment(line, self.zones)
        if "DUE" in times:
            due = times["DUE"]
            yield Occurrence(due.seconds - 1, due.seconds, due.floating, FREE, self.number)
            return
        completed, created = (times[name].seconds if name in times else None for name in ("COMPLETED", "CREATED"))
        if completed is not None and created is not None:
            span = min(completed, created) - 1, max(completed, created) + 1
        elif completed is not None:
            span = completed - 1, completed + 1
        elif created is not None:
            span = created, EVER
        else:
            span = NEVER, EVER
        yield Occurrence(*span, False, FREE, self.number)


def bounds(found: Sequence[Occurrence]) -> tuple[int, int]:
    """The first start and the last end."""
    if not found:
        return EVER, NEVER
    return min(one.start for one in found), max(one.end for one in found)
