"""When something is, in the words of the reader's language: pure.

Times are shown on the clock of the event's own zone, with its name and its distance from UTC on that day, so that they
say the same to readers anywhere. Names of days and months are texts of ours: the C library's depend on the machine.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from optimails.groupware import recurrence
from optimails.groupware.moments import Moment, clock_of, duration, moment, seconds
from optimails.groupware.recurrence import Freq, Rule
from optimails.groupware.text import Component
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax
from optimails.texts import text

_DAY = timedelta(days=1)
_UNITS = {Freq.YEARLY: "year", Freq.MONTHLY: "month", Freq.WEEKLY: "week", Freq.DAILY: "day", Freq.HOURLY: "hour"}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def when(part: Component, zones: Zones, language: str) -> str:
    """From when to when; empty for what has no time, or none that can be read."""
    try:
        start, end = span(part, zones)
    except (BadSyntax, OverflowError, ValueError):
        return ""
    return "" if start is None else between(start, end, language)


def between(start: Moment, end: Moment | None, language: str) -> str:
    """From one time to another, on the clock of the first."""
    if start.date:
        return _days(start.clock, (end.clock if end else start.clock + _DAY) - _DAY, language)
    first = text("invitation.at", language, day=day(start.clock, language), time=_time(start.clock))
    if end is None or end.clock <= start.clock:
        said = first
    elif end.clock.date() == start.clock.date():
        times = {"start": _time(start.clock), "end": _time(end.clock)}
        said = text("invitation.times", language, day=day(start.clock, language), **times)
    else:
        last = text("invitation.at", language, day=day(end.clock, language), time=_time(end.clock))
        said = text("invitation.from_to", language, start=first, end=last)
    return f"{said} ({zone_name(start)})" if start.zone is not None else said


def span(part: Component, zones: Zones) -> tuple[Moment | None, Moment | None]:
    """The start, and the end on the same clock; a task's is when it is due. Raises ``BadSyntax``."""
    begin, ending = part.get("DTSTART"), part.get("DUE" if part.name == "VTODO" else "DTEND")
    if begin is None:
        return (moment(ending, zones), None) if ending is not None else (None, None)
    start = moment(begin, zones)
    if ending is not None:
        end = moment(ending, zones)
        if end.zone is not None and start.zone is not None and end.zone is not start.zone:
            end = Moment(on_clock(end.seconds, start.zone), start.zone, end.date)
        return start, end
    lasting = part.get("DURATION")
    if lasting is not None:
        return start, start._replace(clock=start.clock + timedelta(seconds=duration(lasting.value)))
    return start, None


def occurrence(part: Component, zones: Zones, instant: int, zone: tzinfo) -> tuple[Moment, Moment | None]:
    """Start and end of the occurrence that starts at that instant; floating times are in ``zone``. Raises
    ``BadSyntax``."""
    start, end = span(part, zones)
    if start is None:
        return Moment(on_clock(instant, zone), zone), None
    moved = start._replace(clock=on_clock(instant, zone if start.zone is None else start.zone))
    return moved, end and end._replace(clock=moved.clock + (end.clock - start.clock))


def day(clock: datetime, language: str) -> str:
    """Monday 30 November 2026."""
    names = {"weekday": text(f"invitation.weekday.{clock.weekday()}", language)}
    names["month"] = text(f"invitation.month.{clock.month}", language)
    number = text("invitation.first_day", language) if clock.day == 1 else str(clock.day)
    return text("invitation.day", language, day=number, year=clock.year, **names)


def zone_name(at: Moment) -> str:
    """Europe/Paris, UTC+01:00."""
    if at.zone is None:
        return ""
    away = (seconds(at.clock, None) - at.seconds) // 60
    sign, hours, minutes = "+" if away >= 0 else "-", *divmod(abs(away), 60)
    offset = f"UTC{sign}{hours:02}:{minutes:02}" if away else "UTC"
    return f"{at.zone.key}, {offset}" if isinstance(at.zone, ZoneInfo) and at.zone.key != "UTC" else offset


def on_clock(instant: int, zone: tzinfo | None) -> datetime:
    """What a clock there shows at that instant; for a floating one it is that number itself."""
    if isinstance(zone, ZoneInfo):
        return clock_of(instant).replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    # A zone by its definition alone can say only how far its own clocks are from UTC.
    return clock_of(instant + instant - seconds(clock_of(instant), zone))


def repeats(part: Component, language: str) -> str:
    """The recurrence, as far as a sentence can say it; empty for what happens once."""
    line = part.get("RRULE")
    if line is None:
        return text("invitation.repeat.dates", language) if part.get("RDATE") else ""
    try:
        rule = recurrence.parse(line.value)
    except BadSyntax:
        return text("invitation.repeat.dates", language)
    if rule.freq not in _UNITS:
        return text("invitation.repeat.dates", language)
    said = [text(f"invitation.every.{_UNITS[rule.freq]}", language, count=rule.interval)]
    said += _which_days(rule, language)
    if rule.until is not None:
        said.append(text("invitation.repeat.until", language, day=day(rule.until, language)))
    elif rule.count is not None:
        said.append(text("invitation.repeat.times", language, count=rule.count))
    return ", ".join(said)


def _which_days(rule: Rule, language: str) -> list[str]:
    if rule.days and all(which == 0 for which, _ in rule.days) and not rule.positions:
        return [", ".join(text(f"invitation.weekday.{number}", language) for _, number in rule.days)]
    if len(rule.days) == 1 and rule.days[0][0] in _ORDINALS:
        which, number = rule.days[0]
        weekday = text(f"invitation.weekday.{number}", language)
        return [text(f"invitation.ordinal.{_ORDINALS[which]}", language, weekday=weekday)]
    return []


def _days(first: datetime, last: datetime, language: str) -> str:
    if last <= first:
        return day(first, language)
    return text("invitation.from_to", language, start=day(first, language), end=day(last, language))


def _time(clock: datetime) -> str:
    return f"{clock:%H:%M}"
