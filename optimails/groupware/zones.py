"""Time zones of a calendar text: by their name, or by the definition (VTIMEZONE) that comes with them.

The name is asked first, because definitions are often cut short; ``Europe/Paris`` is known better by the system. Names
with something in front of it (``/mozilla.org/20050126_1/Europe/Paris``) and the ones of Windows (``Romance Standard
Time``, in icalendar's list) are understood. Only for a name that says nothing the definition counts.
"""

import functools
import hashlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from optimails.groupware import recurrence
from optimails.groupware.text import Component, parse, write
from optimails.model.errors import BadSyntax

HORIZON = datetime(2100, 1, 1)  # noqa: DTZ001 - a wall clock
MAX_CHANGES = 2_000  # of one zone's definition
_KNOWN = 256
_defined: "OrderedDict[bytes, tzinfo | None]" = OrderedDict()


class Zones:
    """The zones of one text."""

    __slots__ = ("_definitions", "_found")
    utc: tzinfo = UTC

    def __init__(self, definitions: Sequence[Component] = ()) -> None:
        self._definitions = definitions
        self._found: dict[str, tzinfo | None] = {}

    def get(self, tzid: str) -> tzinfo | None:
        """None for a zone that nobody knows: its times float."""
        try:
            return self._found[tzid]
        except KeyError:
            found = self._found[tzid] = named(tzid) or self._definition(tzid)
            return found

    def _definition(self, tzid: str) -> tzinfo | None:
        for component in self._definitions:
            if component.value("TZID") == tzid:
                return named(component.value("X-LIC-LOCATION")) or defined(component)
        return None


@functools.lru_cache(maxsize=2_000)
def named(name: str) -> tzinfo | None:
    """A zone of the system, by one of the names in use for it."""
    name = name.strip().strip('"')
    if not name or len(name) > 200:
        return None
    if name in ("UTC", "Z", "Etc/UTC", "GMT"):
        return UTC
    parts = [part for part in name.split("/") if part]
    for count in (len(parts), 3, 2):
        try:
            return ZoneInfo("/".join(parts[-count:]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    olson = _windows().get(name)
    return ZoneInfo(olson) if olson else None


@functools.cache
def _windows() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415 - slow to import, rarely needed

    return dict(WINDOWS_TO_OLSON)


def defined(component: Component) -> tzinfo | None:
    """The zone of a VTIMEZONE; None when it makes no sense. The last ones are remembered."""
    key = hashlib.sha256(write(component).encode("utf-8", "replace")).digest()
    if key not in _defined:
        _defined[key] = _build(component)
        while len(_defined) > _KNOWN:
            _defined.popitem(last=False)
    return _defined[key]


def zone_of(text: str) -> tzinfo | None:
    """The zone of a VCALENDAR with a VTIMEZONE; None when it says none. Raises ``BadSyntax``."""
    found = [child for top in parse(text.strip()) for child in [top, *top.children] if child.name == "VTIMEZONE"]
    return named(found[0].value("TZID")) or defined(found[0]) if found else None


def _build(component: Component) -> tzinfo | None:
    changes: list[tuple[datetime, int, int]] = []
    budget = recurrence.Budget()
    for part in component.children:
        try:
            before, after = _offset(part.value("TZOFFSETFROM")), _offset(part.value("TZOFFSETTO"))
            first = datetime.strptime(part.value("DTSTART")[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall clock
        except ValueError:
            continue
        onsets = {first}
        for rule in part.every("RRULE"):
            try:
                parsed = recurrence.parse(rule.value)
            except BadSyntax:
                continue
            for onset in recurrence.clocks(parsed, first, budget, start=None, end=HORIZON):
                onsets.add(onset)
                if len(onsets) > MAX_CHANGES:
                    break
        for dates in part.every("RDATE"):
            for value in dates.value.split(",")[:MAX_CHANGES]:
                try:
                    onsets.add(datetime.strptime(value[:15], "%Y%m%dT%H%M%S"))  # noqa: DTZ007 - a wall clock
                except ValueError:
                    continue
        changes += [(onset, before, after) for onset in onsets]
    return _Defined(sorted(changes)[:MAX_CHANGES]) if changes else None


def _offset(value: str) -> int:
    """Seconds east of Greenwich. Raises ``ValueError``."""
    sign, digits = value[:1], value[1:]
    if sign not in "+-" or len(digits) not in (4, 6) or not (digits.isascii() and digits.isdigit()):
        raise ValueError(value)
    hours, minutes, rest = int(digits[:2]), int(digits[2:4]), int(digits[4:] or 0)
    if hours > 23 or minutes > 59 or rest > 59:
        raise ValueError(value)
    total = hours * 3600 + minutes * 60 + rest
    return -total if sign == "-" else total


class _Defined(tzinfo):
    """Wall clocks before the first change show what that one changes from."""

    def __init__(self, changes: Sequence[tuple[datetime, int, int]]) -> None:
        self._onsets = [onset for onset, _, _ in changes]
        self._offsets = [timedelta(seconds=after) for _, _, after in changes]
        self._before = timedelta(seconds=changes[0][1])

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """The offset at a wall clock's time."""
        at = bisect_right(self._onsets, moment.replace(tzinfo=None)) if moment else 0
        return self._offsets[at - 1] if at else self._before

    def dst(self, moment: datetime | None) -> None:
        """Not known."""

    def tzname(self, moment: datetime | None) -> None:
        """Not known."""
