"""Dates in all the parts that a script can ask for (RFC 5260 §4)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_tz

_MODIFIED_JULIAN = date(1858, 11, 17)
_MAX_LENGTH = 200
_PARTS: dict[str, Callable[[datetime], str]] = {
    "year": lambda at: f"{at.year:04}",
    "month": lambda at: f"{at.month:02}",
    "day": lambda at: f"{at.day:02}",
    "date": lambda at: f"{at.year:04}-{at.month:02}-{at.day:02}",
    "julian": lambda at: str((at.date() - _MODIFIED_JULIAN).days),
    "hour": lambda at: f"{at.hour:02}",
    "minute": lambda at: f"{at.minute:02}",
    "second": lambda at: f"{at.second:02}",
    "time": lambda at: f"{at.hour:02}:{at.minute:02}:{at.second:02}",
    "iso8601": lambda at: f"{_PARTS['date'](at)}T{_PARTS['time'](at)}{_offset(at)[:3]}:{_offset(at)[3:]}",
    "std11": format_datetime,
    "zone": lambda at: _offset(at),  # noqa: PLW0108 - it stands below
    "weekday": lambda at: str(at.isoweekday() % 7),
}


def part(at: datetime, name: str) -> str | None:
    """The part as a script compares it; None for a name that there is not."""
    write = _PARTS.get(name.lower())
    return write(at) if write else None


def parse(text: str) -> datetime | None:
    """The date of a field, or behind the last semicolon of a trace field (RFC 5260 §4), with its own zone."""
    text = text.rpartition(";")[2].strip()[:_MAX_LENGTH]
    try:
        fields = parsedate_tz(text)
        if fields is None:
            return None
        second = min(fields[5], 59)  # a leap second
        return datetime(*fields[:5], second, tzinfo=timezone(timedelta(seconds=fields[9] or 0)))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def in_zone(at: datetime, zone: str) -> datetime | None:
    """In the zone ``+0200``; None when the year leaves what dates can be."""
    minutes = int(zone[1:3]) * 60 + int(zone[3:])
    offset = timedelta(minutes=-minutes if zone[0] == "-" else minutes)
    try:
        return at.astimezone(timezone(offset))
    except (ValueError, OverflowError):
        return None


def in_local_zone(at: datetime, now: datetime) -> datetime | None:
    """In the zone of the server."""
    try:
        return at.astimezone(now.tzinfo or UTC)
    except (ValueError, OverflowError):
        return None


def _offset(at: datetime) -> str:
    seconds = int((at.utcoffset() or timedelta()).total_seconds())
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}{minutes:02}"
