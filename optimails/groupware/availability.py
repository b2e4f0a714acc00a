"""Working hours (RFC 7953): when somebody may be asked at all. Pure.

Each VAVAILABILITY says of a span of time that it is not to be had (BUSYTYPE), but for the times of its AVAILABLE
components. Where several of them reach over one time, the one with the best PRIORITY counts alone (RFC 7953 §4): 1 is
the best, 9 the worst, and one without any stands behind them all. Of several with the same, a time that one leaves open
is open; otherwise the strongest of their types counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

from optimails.groupware.calendar import BUSY, TENTATIVE, UNAVAILABLE, CalendarObject, occurrences
from optimails.groupware.filters import TimeRange
from optimails.groupware.freebusy import Period, joined
from optimails.groupware.moments import EVER, NEVER, Moment, clock_of, duration, moment, seconds
from optimails.groupware.recurrence import SHARE, Budget
from optimails.groupware.text import Component, parse
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax

MAX_COMPONENTS = 200  # that are looked at for one question
MAX_TEXT = 524_288  # characters that are read for one
MAX_TIMES = 5_000  # at which one of them is open
_TYPES = {"BUSY": BUSY, "BUSY-TENTATIVE": TENTATIVE}
_BY_STRENGTH = (BUSY, UNAVAILABLE, TENTATIVE)
_WORST = 10  # without a priority
Span = tuple[int, int]


class _Hours:
    """One VAVAILABILITY."""

    def __init__(self, part: Component, zones: Zones, zone: tzinfo | None) -> None:
        """Raises ``BadSyntax``."""
        self._part, self._zones, self._zone = part, zones, zone
        priority = part.value("PRIORITY")
        self.priority = int(priority) if priority in tuple("123456789") else _WORST
        self.kind = _TYPES.get(part.value("BUSYTYPE").upper(), UNAVAILABLE)  # RFC 7953 §3.2
        begin, end, lasting = part.get("DTSTART"), part.get("DTEND"), part.get("DURATION")
        first = moment(begin, zones) if begin else None
        self.start = self._instant(first) if first else NEVER
        self.end = EVER
        if end is not None:
            self.end = self._instant(moment(end, zones))
        elif lasting is not None and first is not None:
            self.end = self.start + duration(lasting.value)

    def _instant(self, found: Moment) -> int:
        return seconds(found.clock, found.zone or self._zone)

    def open(self, asked: TimeRange, budget: Budget) -> Iterator[Span]:
        """Times at which there is somebody, within what it speaks of."""
        by_uid: dict[str, list[Component]] = {}
        for child in self._part.children:
            if child.name == "AVAILABLE":
                by_uid.setdefault(child.value("UID"), []).append(child)
        low, high = asked.floating(self._zone)
        wide = min(low, asked.start), max(high, asked.end)
        for uid, parts in by_uid.items():
            if budget.spent:
                return
            series = CalendarObject(uid, "AVAILABLE", tuple(parts), self._zones, self._part)
            with budget.share(SHARE) as own:
                found = occurrences(series, *wide, own, MAX_TIMES).found
            for one in found:
                start, end = one.start, one.end
                if one.floating and self._zone is not None:
                    start, end = seconds(clock_of(start), self._zone), seconds(clock_of(end), self._zone)
                if max(start, self.start) < min(end, self.end):
                    yield max(start, self.start), min(end, self.end)


def closed(texts: Iterable[str], asked: TimeRange, zone: tzinfo | None = None) -> list[Period]:
    """When nobody is to be had, by the VAVAILABILITYs of these texts; what makes no sense in them is passed over.

    Times without a zone are in ``zone``.
    """
    budget = Budget()
    left = [(asked.start, asked.end)]  # of which nothing is said yet
    periods: list[Period] = []
    hours = sorted(_hours(texts, zone), key=lambda one: one.priority)
    while hours and left:
        priority = hours[0].priority
        same = [one for one in hours if one.priority == priority]
        hours = hours[len(same) :]
        shut = _without(left, _joined(span for one in same for span in one.open(asked, budget)))
        for kind in _BY_STRENGTH:
            spans = _joined((one.start, one.end) for one in same if one.kind == kind)
            periods += [Period(start, end, kind) for start, end in _common(shut, spans)]
            shut, left = _without(shut, spans), _without(left, spans)
    return joined(periods)


def _hours(texts: Iterable[str], zone: tzinfo | None) -> list[_Hours]:
    found: list[_Hours] = []
    size = 0
    for text in texts:
        size += len(text)
        if size > MAX_TEXT:
            break
        try:
            roots = parse(text)
        except BadSyntax:
            continue
        for root in roots:
            zones = Zones([child for child in root.children if child.name == "VTIMEZONE"])
            for part in root.children:
                if part.name != "VAVAILABILITY":
                    continue
                if len(found) >= MAX_COMPONENTS:
                    return found
                try:
                    found.append(_Hours(part, zones, zone))
                except BadSyntax:
                    continue
    return found


def _joined(spans: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(result[-1][1], end)
        else:
            result.append((start, end))
    return result


def _common(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """What is in both; each ascending, without overlaps."""
    result, left, right = [], 0, 0
    while left < len(one) and right < len(two):
        start, end = max(one[left][0], two[right][0]), min(one[left][1], two[right][1])
        if start < end:
            result.append((start, end))
        if one[left][1] < two[right][1]:
            left += 1
        else:
            right += 1
    return result


def _without(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """What is in the first and not in the second."""
    edge, gaps = NEVER, []
    for start, end in two:
        gaps.append((edge, start))
        edge = end
    return _common(one, [*gaps, (edge, EVER)])
