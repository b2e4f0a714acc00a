"""When the alarms of an event or task ring (RFC 5545 §3.6.6, RFC 9074). Pure, and within a budget.

An alarm hangs on an occurrence, so the next one is looked for in windows that grow: a week first, in the end a year.
What cannot be known up to there is looked at again later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from enum import IntEnum

from optimails.groupware.calendar import CalendarObject, Occurrence, occurrences
from optimails.groupware.moments import DAY, EVER, clock_of, duration, read, seconds
from optimails.groupware.recurrence import Budget
from optimails.groupware.text import Component
from optimails.model.errors import BadSyntax

EARLIEST = 14 * 3_600  # how much sooner than in UTC a clock somewhere shows a time (Kiribati)
HORIZONS = (8 * DAY, 64 * DAY, 370 * DAY)
MAX_ALARMS = 20  # of one component
MAX_REPEATS = 10
MAX_OFFSET = 370 * DAY
MAX_OCCURRENCES = 600
STEPS = 4_000
AGAIN = DAY  # at least, until what was not known is looked at again
_DONE = ("CANCELLED", "COMPLETED")


class AlarmKind(IntEnum):
    """By whom a user is reminded; numbers are stored."""

    MAIL = 0  # ACTION:EMAIL
    SCREEN = 1  # DISPLAY and AUDIO, by a program


_KINDS = {"EMAIL": AlarmKind.MAIL, "DISPLAY": AlarmKind.SCREEN, "AUDIO": AlarmKind.SCREEN}


@dataclass(frozen=True, slots=True, order=True)
class Ring:
    """One time at which an alarm rings, for an occurrence that starts then."""

    at: int
    start: int
    part: int
    kind: AlarmKind


@dataclass(frozen=True, slots=True)
class _Alarm:
    kind: AlarmKind
    offset: int  # seconds after the start or end
    of_end: bool
    absolute: int | None
    acknowledged: int  # what rings up to then has been seen

    @classmethod
    def of(cls, component: Component, found: CalendarObject) -> "Iterator[_Alarm]":
        kind, trigger = _KINDS.get(component.value("ACTION").upper()), component.get("TRIGGER")
        if kind is None or trigger is None:
            return
        acknowledged = component.get("ACKNOWLEDGED")
        try:
            seen = read(acknowledged.value, None, found.zones).seconds if acknowledged else -EVER
            if (trigger.param("VALUE") or "").upper() == "DATE-TIME":
                at = read(trigger.value, trigger.param("TZID"), found.zones)
                yield cls(kind, 0, False, at.seconds, seen)
                return
            first = duration(trigger.value)
            of_end = (trigger.param("RELATED") or "").upper() == "END"
            repeats, gap = component.value("REPEAT"), component.value("DURATION")
            count = min(int(repeats), MAX_REPEATS) if repeats.isascii() and repeats.isdigit() and gap else 0
            step = duration(gap) if count else 0
        except (BadSyntax, ValueError):
            return
        for number in range(count + 1):
            if abs(first + number * step) <= MAX_OFFSET:
                yield cls(kind, first + number * step, of_end, None, seen)


def has_alarms(found: CalendarObject) -> bool:
    return any(child.name == "VALARM" for part in found.parts for child in part.children)


def rings(found: CalendarObject, after: int, until: int, zone: tzinfo | None) -> list[Ring]:
    """Those after one instant and until another, in order. Floating times are in ``zone``."""
    made, _ = _rings(found, after, until, zone)
    return sorted(ring for ring in made if after < ring.at <= until)


def next_looks(found: CalendarObject, after: int, zone: tzinfo | None = None) -> dict[AlarmKind, int]:
    """For each kind of alarm the instant before which none rings after ``after``; without those that never ring.

    Without a ``zone`` floating times count as soon as they come anywhere.
    """
    kinds = {alarm.kind for part in found.parts for alarm in _alarms(part, found)} if has_alarms(found) else set()
    looks: dict[AlarmKind, int] = {}
    for horizon in HORIZONS if kinds else ():
        coming, sure = _rings(found, after, after + horizon, zone)
        firsts = {kind: min((ring.at for ring in coming if ring.kind is kind), default=EVER) for kind in kinds}
        looks = {kind: min(first, max(sure, after + AGAIN)) for kind, first in firsts.items()}
        if all(first <= sure for first in firsts.values()):
            break
    return {kind: look for kind, look in looks.items() if look != EVER}


def _rings(found: CalendarObject, after: int, until: int, zone: tzinfo | None) -> tuple[set[Ring], int]:
    """All after one instant, as far as the other one or beyond; and the instant up to which they are complete."""
    alarms = [_alarms(part, found) for part in found.parts]
    made = {ring for number, own in enumerate(alarms) for ring in _absolute(found, number, own, zone)}
    offsets = [alarm.offset for own in alarms for alarm in own if alarm.absolute is None]
    sure = EVER
    if offsets:
        slack = EARLIEST if any(_floats(part) for part in found.parts) else 0
        low, high = after - max(offsets) - slack, until - min(offsets) + slack
        expansion = occurrences(found, low, high, Budget(STEPS), MAX_OCCURRENCES)
        for one in expansion.found:
            made.update(_of_occurrence(one, alarms[one.part], zone))
        if expansion.reached is not None:
            sure = min(until, expansion.reached + min(offsets) - slack)
    return {ring for ring in made if ring.at > after}, sure


def _floats(part: Component) -> bool:
    begin = part.get("DTSTART") or part.get("DUE")
    return begin is not None and begin.param("TZID") is None and not begin.value.rstrip().endswith("Z")


def _alarms(part: Component, found: CalendarObject) -> list[_Alarm]:
    if part.value("STATUS").upper() in _DONE or part.get("COMPLETED"):
        return []
    children = [child for child in part.children if child.name == "VALARM"][:MAX_ALARMS]
    return [alarm for child in children for alarm in _Alarm.of(child, found)]


def _absolute(found: CalendarObject, number: int, alarms: list[_Alarm], zone: tzinfo | None) -> Iterator[Ring]:
    """Those that ring at a time of their own, once."""
    for alarm in alarms:
        if alarm.absolute is not None and alarm.absolute > alarm.acknowledged:
            begin = found.parts[number].get("DTSTART") or found.parts[number].get("DUE")
            try:
                start = read(begin.value, begin.param("TZID"), found.zones) if begin else None
            except BadSyntax:
                start = None
            shown = _instant(start.seconds, zone, floating=start.floating) if start else alarm.absolute
            yield Ring(alarm.absolute, shown, number, alarm.kind)


def _of_occurrence(one: Occurrence, alarms: list[_Alarm], zone: tzinfo | None) -> Iterator[Ring]:
    start, end = (_instant(moment, zone, floating=one.floating) for moment in (one.start, one.end))
    for alarm in alarms:
        at = (end if alarm.of_end else start) + alarm.offset
        if alarm.absolute is None and at > alarm.acknowledged:
            yield Ring(at, start, one.part, alarm.kind)


def _instant(moment: int, zone: tzinfo | None, *, floating: bool) -> int:
    if not floating:
        return moment
    return moment - EARLIEST if zone is None else seconds(clock_of(moment), zone)
