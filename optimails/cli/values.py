"""What people write on the line: sizes, limits, moments, passwords."""

import re
import secrets
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from optimails.cli.errors import CommandFailed
from optimails.cli.frame import say

UNLIMITED: Final = -1
OF_PLAN: Final = "plan"
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmgt]?)(?:i?[bo])?", re.IGNORECASE | re.ASCII)
_UNIT = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_NO_LIMIT = {"unlimited", "none", "illimité", "illimite"}
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that looks like something else


class Limit(click.ParamType[int | str]):
    """A number, ``unlimited`` (gives ``UNLIMITED``) or ``plan`` (gives ``OF_PLAN``); sizes may have a unit."""

    name = "limit"

    def __init__(self, *, size: bool, of_plan: bool = True, unlimited: bool = True) -> None:
        self._size = size
        self._of_plan = of_plan
        self._unlimited = unlimited

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value).strip().lower()
        if self._unlimited and text in _NO_LIMIT:
            return UNLIMITED
        if self._of_plan and text == OF_PLAN:
            return OF_PLAN
        if text.isascii() and text.isdigit():
            return int(text)
        if self._size and (match := _SIZE.fullmatch(text)):
            return round(float(match[1].replace(",", ".")) * _UNIT[match[2]])
        return self.fail(say("cli.error.size" if self._size else "cli.error.number", value=value), param, ctx)


class Moment(click.ParamType[datetime]):
    """A point in time: ``2026-11-23``, ``2026-11-23 14:30``, or ``3h``, ``2d`` ago; local time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if ago := re.fullmatch(r"(\d{1,6})\s*([mhdj])", text.lower()):
            unit = {"m": "minutes", "h": "hours", "d": "days", "j": "days"}[ago[2]]
            return datetime.now().astimezone() - timedelta(**{unit: int(ago[1])})
        try:
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            self.fail(say("cli.error.moment", value=value), param, ctx)


class Day(click.ParamType[datetime]):
    """A day: ``2026-11-23``, or ``+3`` from today; gives its midnight, without a zone."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value).strip().lower()
        today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        try:
            if ahead := re.fullmatch(r"\+(\d{1,5})", text):
                return today + timedelta(days=int(ahead[1]))
            return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - its zone is said elsewhere
        except (ValueError, OverflowError):
            self.fail(say("cli.error.day", value=value), param, ctx)


class Zone(click.ParamType[ZoneInfo]):
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        try:
            return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value).strip())
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(say("cli.error.zone", value=value), param, ctx)


_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAYS = {name: number for names in ("mo tu we th fr sa su", "lu ma me je ve sa di")
             for number, name in enumerate(names.split())}  # fmt: skip
_HOURS = re.compile(r"(\d{1,2})(?:[:h](\d\d)?)?-(\d{1,2})(?:[:h](\d\d)?)?", re.ASCII)
Hours = list[tuple[str, list[tuple[time, time]]]]


class Weekdays(click.ParamType[Hours]):
    """Days and their hours: ``mo-fr 9-12 13:30-18``, in French ``lu-ve 9h-12h``; a day may have several spans."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Hours:
        if isinstance(value, list):
            return value
        days, *hours = str(value).lower().replace(",", " ").split() or [""]
        first, _, last = days.partition("-")
        spans = [_HOURS.fullmatch(one) for one in hours]
        if first[:2] not in _WEEKDAYS or (last or first)[:2] not in _WEEKDAYS or not spans or not all(spans):
            self.fail(say("cli.error.hours", value=value), param, ctx)
        begin, end = _WEEKDAYS[first[:2]], _WEEKDAYS[(last or first)[:2]]
        wanted = [_WEEK[(begin + on) % 7] for on in range((end - begin) % 7 + 1)]
        try:
            times = [_span(*one.groups()) for one in spans if one]
        except ValueError:
            self.fail(say("cli.error.hours", value=value), param, ctx)
        return [(day, times) for day in wanted]


def _span(hour: str, minute: str | None, end_hour: str, end_minute: str | None) -> tuple[time, time]:
    """Raises ``ValueError``; 24:00 is given as 0:00."""
    start, end = time(int(hour), int(minute or 0)), time(int(end_hour) % 24, int(end_minute or 0))
    if int(end_hour) > 24 or (end <= start and (int(end_hour), end) != (24, time())):
        raise ValueError
    return start, end


def new_password() -> str:
    """Four groups of five: 99 bits, and can be read out over a telephone."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def password(file: str | None) -> tuple[str, bool]:
    """The password to set, and whether we made it up (then it must be shown).

    From ``file`` (``-`` is standard input), else asked for at a terminal, else made up.
    """
    if file is not None:
        return _from_file(file), False
    if sys.stdin.isatty() and sys.stderr.isatty():
        typed = click.prompt(
            say("cli.password.prompt"), hide_input=True, default="", show_default=False,
            confirmation_prompt=say("cli.password.again"), err=True,
        )  # fmt: skip
        if typed:
            return str(typed), False
    return new_password(), True


def _from_file(name: str) -> str:
    try:
        content = sys.stdin.buffer.read(100_000) if name == "-" else Path(name).read_bytes()
        line = content.partition(b"\n")[0].rstrip(b"\r").decode()
    except UnicodeDecodeError as wrong:
        raise CommandFailed("cli.error.password_file", path=name) from wrong
    if not line:
        raise CommandFailed("cli.error.password_file", path=name)
    return line
