"""What the filters of CalDAV (RFC 4791 §9.7) and CardDAV (RFC 6352 §10.5) mean for one text.

``optimails.groupware.search`` asks the tables first; what they cannot tell is decided here, on the text.
"""

import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo

from optimails.groupware.api import COMPONENTS
from optimails.groupware.calendar import CalendarObject, Occurrence, occurrences
from optimails.groupware.card import Card
from optimails.groupware.moments import EVER, NEVER, Moment, clock_of, duration, moment, seconds
from optimails.groupware.recurrence import Budget
from optimails.groupware.text import Component, Property, split_list
from optimails.model.errors import BadSyntax

MAX_TRIED = 2_000  # occurrences of an item that are looked at
MAX_REPEATS = 100  # of an alarm
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Instants; the ends may be ``NEVER`` and ``EVER``."""

    start: int
    end: int

    def floating(self, zone: tzinfo | None) -> tuple[int, int]:
        """The range as clocks in that zone show it (None: UTC)."""
        return _shown(self.start, zone), _shown(self.end, zone)


def _shown(instant: int, zone: tzinfo | None) -> int:
    if zone is None or instant in (NEVER, EVER):
        return instant
    clock = clock_of(instant)
    return instant + (instant - seconds(clock, zone))


class Collation(dict[str, Callable[[str], str]]):
    """By name, what makes texts alike."""


COLLATIONS = Collation(
    {
        "i;ascii-casemap": lambda text: text.translate(_ASCII_LOWER),
        "i;unicode-casemap": str.casefold,
        "i;octet": lambda text: text,
    }
)


@dataclass(frozen=True, slots=True)
class TextMatch:
    text: str
    collation: str = "i;ascii-casemap"
    negate: bool = False
    match: str = "contains"  # equals, contains, starts-with, ends-with

    def alike(self, value: str) -> bool:
        """Whether the value has the text, negation left aside."""
        key = COLLATIONS[self.collation]
        found, wanted = key(value), key(self.text)
        if self.match == "equals":
            return found == wanted
        if self.match == "starts-with":
            return found.startswith(wanted)
        if self.match == "ends-with":
            return found.endswith(wanted)
        return wanted in found

    def fits(self, value: str) -> bool:
        return self.alike(value) is not self.negate


@dataclass(frozen=True, slots=True)
class ParamFilter:
    name: str
    absent: bool = False
    text: TextMatch | None = None


@dataclass(frozen=True, slots=True)
class PropFilter:
    name: str  # upper case; address books: may have a group in front
    absent: bool = False
    time_range: TimeRange | None = None
    texts: tuple[TextMatch, ...] = ()
    params: tuple[ParamFilter, ...] = ()
    any_of: bool = False


@dataclass(frozen=True, slots=True)
class CompFilter:
    name: str
    absent: bool = False
    time_range: TimeRange | None = None
    props: tuple[PropFilter, ...] = ()
    comps: tuple["CompFilter", ...] = ()


@dataclass(frozen=True, slots=True)
class CardFilter:
    props: tuple[PropFilter, ...] = ()
    any_of: bool = True


_OF_CALENDARS = frozenset({"VERSION", "PRODID", "CALSCALE", "METHOD"})


def spread(wanted: CompFilter) -> list[CompFilter]:
    """What a filter means that asks a VCALENDAR for what only its components have: any of them may have it.

    RFC 4791 §9.7.1 has no such filters, but programs send them that look for events and tasks at once.
    """
    if wanted.time_range is None and not any(_of_components(one) for one in wanted.props):
        return [wanted]
    own = tuple(one for one in wanted.props if not _of_components(one))
    theirs = tuple(one for one in wanted.props if _of_components(one))
    parts = [CompFilter(name, False, wanted.time_range, theirs) for name in COMPONENTS]
    return [CompFilter(wanted.name, wanted.absent, None, own, (*wanted.comps, part)) for part in parts]


def _of_components(prop: PropFilter) -> bool:
    return prop.name not in _OF_CALENDARS and not prop.name.startswith("X-")


def calendar_fits(wanted: CompFilter, found: CalendarObject, zone: tzinfo | None, budget: Budget) -> bool:
    """Whether an object fits the filter of a VCALENDAR."""
    if wanted.name != "VCALENDAR" or wanted.absent:
        return False
    meant = spread(wanted)
    if len(meant) > 1:
        return any(calendar_fits(one, found, zone, budget) for one in meant)
    asked = _Asked(found, zone, budget)
    return all(_property_fits(one, found.root, asked) for one in wanted.props) and all(
        _some_fit(one, found.root.children, asked) for one in wanted.comps
    )


class _Asked:
    """The object that is asked about, and what it costs."""

    def __init__(self, found: CalendarObject, zone: tzinfo | None, budget: Budget) -> None:
        self.found, self.zone, self.budget = found, zone, budget

    def touching(self, time_range: TimeRange, part: Component | None = None) -> Iterable[Occurrence]:
        """Occurrences in the range, of one component or of all."""
        low, high = time_range.floating(self.zone)
        begin, end = min(low, time_range.start), max(high, time_range.end)
        for one in occurrences(self.found, begin, end, self.budget, MAX_TRIED).found:
            own = (low, high) if one.floating else (time_range.start, time_range.end)
            if one.start < own[1] and one.end > own[0] and (part is None or self.found.parts[one.part] is part):
                yield one


def touches(found: CalendarObject, time_range: TimeRange, zone: tzinfo | None, budget: Budget) -> bool:
    """Whether anything of it happens in the range."""
    return any(True for _ in _Asked(found, zone, budget).touching(time_range))


def _some_fit(wanted: CompFilter, children: list[Component], asked: _Asked, parent: Component | None = None) -> bool:
    named = [child for child in children if child.name == wanted.name]
    if wanted.absent:
        return not named
    return any(_component_fits(wanted, child, asked, parent) for child in named)


def _component_fits(wanted: CompFilter, part: Component, asked: _Asked, parent: Component | None) -> bool:
    if wanted.time_range is not None:
        if part.name == "VALARM":
            if parent is None or not _rings(part, parent, wanted.time_range, asked):
                return False
        elif not any(True for _ in asked.touching(wanted.time_range, part)):
            return False
    return all(_property_fits(one, part, asked) for one in wanted.props) and all(
        _some_fit(one, part.children, asked, part) for one in wanted.comps
    )


def _rings(alarm: Component, parent: Component, time_range: TimeRange, asked: _Asked) -> bool:
    """RFC 4791 §9.9: an alarm touches a range that one of its rings is in."""
    trigger = alarm.get("TRIGGER")
    if trigger is None:
        return False
    try:
        repeats = min(int(alarm.value("REPEAT") or 0), MAX_REPEATS)
        pause = duration(alarm.value("DURATION")) if repeats else 0
        if "P" not in trigger.value.upper():
            rings = [moment(trigger, asked.found.zones).seconds]
        else:
            ahead, from_end = duration(trigger.value), (trigger.param("RELATED") or "").upper() == "END"
            reach = abs(ahead) + abs(pause) * repeats + 1
            wide = TimeRange(max(time_range.start - reach, NEVER), min(time_range.end + reach, EVER))
            rings = [(one.end if from_end else one.start) + ahead for one in asked.touching(wide, parent)]
    except (BadSyntax, ValueError):
        return False
    return any(
        time_range.start <= ring + pause * number < time_range.end for ring in rings for number in range(repeats + 1)
    )


def _property_fits(wanted: PropFilter, part: Component, asked: _Asked | None) -> bool:
    group, dot, name = wanted.name.rpartition(".")
    found = [one for one in part.every(name) if not dot or one.group.upper() == group]
    if wanted.absent:
        return not found
    return any(_value_fits(wanted, one, asked) for one in found)


def _value_fits(wanted: PropFilter, found: Property, asked: _Asked | None) -> bool:
    tests: list[bool] = []
    if wanted.time_range is not None and asked is not None:
        tests.append(_in_range(found, wanted.time_range, asked))
    values = split_list(found.value) if found.name in ("CATEGORIES", "RESOURCES") else [found.text]
    tests += [any(text.alike(value) for value in values) is not text.negate for text in wanted.texts]
    tests += [_param_fits(one, found) for one in wanted.params]
    if not tests:
        return True
    return any(tests) if wanted.any_of else all(tests)


def _in_range(found: Property, time_range: TimeRange, asked: _Asked) -> bool:
    try:
        when = moment(found, asked.found.zones)
    except BadSyntax:
        return False
    return _within(when, time_range, asked.zone)


def _within(when: Moment, time_range: TimeRange, zone: tzinfo | None) -> bool:
    low, high = time_range.floating(zone) if when.floating else (time_range.start, time_range.end)
    return low <= when.seconds < high


def _param_fits(wanted: ParamFilter, found: Property) -> bool:
    values = [value for name, value in found.params if name == wanted.name]
    if wanted.absent:
        return not values
    if wanted.text is None:
        return bool(values)
    text = wanted.text
    alike = any(text.alike(one) for value in values for one in {value, *value.split(",")})
    return bool(values) and alike is not text.negate


def card_fits(wanted: CardFilter, found: Card) -> bool:
    """Whether a vCard fits."""
    if not wanted.props:
        return True
    tests = (_property_fits(one, found.component, None) for one in wanted.props)
    return any(tests) if wanted.any_of else all(tests)
