"""Dates, times, durations and periods of iCalendar (RFC 5545 §3.3), as whole seconds.

An instant is seconds since 1970 in UTC. What has no zone (a date, a "floating" time) is the same number counted as if
its clock were UTC, and marked ``floating``: it happens at another instant for each onlooker, and whoever asks says in
which zone (RFC 4791 §7.3).
"""

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from optimails.groupware.text import Property
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax

DAY = 86_400
EVER = 2**53  # after every instant
NEVER = -EVER  # before every instant
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - clocks without zones are compared
_SECOND = timedelta(seconds=1)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?$", re.ASCII)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?$", re.ASCII
)


class Moment(NamedTuple):
    """A date or a time, as the wall clock shows it, and where that wall is."""

    clock: datetime  # naive
    zone: tzinfo | None = None  # None: floating
    date: bool = False

    @property
    def floating(self) -> bool:
        return self.zone is None

    @property
    def seconds(self) -> int:
        return seconds(self.clock, self.zone)


def seconds(clock: datetime, zone: tzinfo | None) -> int:
    """The instant at which a wall clock there shows this."""
    since = clock - _EPOCH
    whole = since.days * DAY + since.seconds
    if zone is None:
        return whole
    try:
        offset = zone.utcoffset(clock.replace(tzinfo=zone))
    except (OverflowError, ValueError):  # at the ends of the calendar
        offset = None
    return whole - (offset.days * DAY + offset.seconds if offset else 0)


def clock_of(instant: int) -> datetime:
    """What a clock in UTC shows; the nearest there is when the calendar does not reach so far."""
    try:
        return _EPOCH + timedelta(seconds=instant)
    except OverflowError:
        return datetime.max if instant > 0 else datetime.min  # noqa: DTZ901


def read(value: str, tzid: str | None, zones: Zones) -> Moment:
    """A DATE or DATE-TIME. Raises ``BadSyntax``."""
    found = _TIME.match(value.strip())
    if not found:
        raise BadSyntax(f"Not a date or time: {value[:40]}")
    year, month, day, hour, minute, second, utc = found.groups()
    try:
        if hour is None:
            return Moment(datetime(int(year), int(month), int(day)), None, date=True)  # noqa: DTZ001
        # A leap second is the last one of its minute.
        clock = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59))  # noqa: DTZ001
    except ValueError as wrong:
        raise BadSyntax(f"Not a date or time: {value[:40]}") from wrong
    return Moment(clock, zones.utc if utc else zones.get(tzid) if tzid else None)


def moment(found: Property, zones: Zones) -> Moment:
    """The value of DTSTART and the like. Raises ``BadSyntax``."""
    return read(found.value, found.param("TZID"), zones)


def duration(value: str) -> int:
    """Seconds, negative ones too. Raises ``BadSyntax``."""
    found = _DURATION.match(value.strip().upper())
    if not found or not any(found.groups()[1:]):
        raise BadSyntax(f"Not a duration: {value[:40]}")
    weeks, days, hours, minutes, rest = (int(part or 0) for part in found.groups()[1:])
    total = weeks * 7 * DAY + days * DAY + hours * 3600 + minutes * 60 + rest
    return -total if found[1] == "-" else total


def period(value: str, tzid: str | None, zones: Zones) -> tuple[Moment, int]:
    """The start, and the length in seconds. Raises ``BadSyntax``."""
    one, slash, two = value.partition("/")
    if not slash:
        raise BadSyntax("Not a period")
    start = read(one, tzid, zones)
    if "P" in two.upper():
        return start, duration(two)
    return start, read(two, tzid, zones).seconds - start.seconds


def utc_text(instant: int) -> str:
    """As DATE-TIME in UTC."""
    clock = clock_of(instant)
    return f"{clock.year:04}{clock:%m%dT%H%M%S}Z"


def date_text(instant: int) -> str:
    """As DATE."""
    clock = clock_of(instant)
    return f"{clock.year:04}{clock:%m%d}"
