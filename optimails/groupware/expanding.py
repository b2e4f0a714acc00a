"""Texts in another form for one answer (RFC 4791 §9.6): recurrences written out, or only some properties."""

from dataclasses import dataclass
from datetime import tzinfo

from optimails.groupware.calendar import CalendarObject, Occurrence, occurrences
from optimails.groupware.filters import MAX_TRIED, TimeRange
from optimails.groupware.moments import Moment, clock_of, date_text, moment, seconds, utc_text
from optimails.groupware.recurrence import Budget
from optimails.groupware.text import Component, Property, read_line, write
from optimails.model.errors import BadSyntax

_RULES = frozenset({"RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "DTSTART", "DTEND", "DUE", "DURATION"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which properties and components are wanted; None: all of them."""

    name: str
    props: frozenset[str] | None = None
    bare: frozenset[str] = frozenset()  # those of which the value is not wanted
    comps: tuple["Selection", ...] | None = None


def expanded(found: CalendarObject, asked: TimeRange, zone: tzinfo | None, budget: Budget) -> Component:
    """A VCALENDAR with each occurrence in the range as a component of its own, in UTC."""
    root = _bare(found.root)
    low, high = asked.floating(zone)
    wide = min(low, asked.start), max(high, asked.end)
    for one in sorted(occurrences(found, *wide, budget, MAX_TRIED).found):
        own = (low, high) if one.floating else (asked.start, asked.end)
        if one.start < own[1] and one.end > own[0]:
            root.children.append(_occurrence(found, one))
    return root


def limited(found: CalendarObject, asked: TimeRange, zone: tzinfo | None, budget: Budget) -> Component:
    """A VCALENDAR without the overridden recurrences outside of the range (RFC 4791 §9.6.6)."""
    low, high = asked.floating(zone)
    wide = min(low, asked.start), max(high, asked.end)
    touched = {one.part for one in occurrences(found, *wide, budget, MAX_TRIED).found}
    root = _bare(found.root)
    kept = {id(part) for number, part in enumerate(found.parts) if number in touched or not part.get("RECURRENCE-ID")}
    root.children = [child for child in found.root.children if child.name == "VTIMEZONE" or id(child) in kept]
    return root


def selected(component: Component, wanted: Selection) -> Component:
    """A copy with what is wanted."""
    made = Component(component.name)
    for line in component.lines:
        found = read_line(line)
        if found is None or (wanted.props is not None and found.name not in wanted.props):
            continue
        made.lines.append(line[: len(line) - len(found.value)] if found.name in wanted.bare else line)
    if wanted.comps is None:
        made.children = component.children
    else:
        by_name = {one.name: one for one in wanted.comps}
        made.children = [selected(child, by_name[child.name]) for child in component.children if child.name in by_name]
    return made


def text_of(root: Component) -> str:
    return write(root)


def _bare(root: Component) -> Component:
    made = Component(root.name)
    made.lines = root.lines
    return made


def _occurrence(found: CalendarObject, one: Occurrence) -> Component:
    part = found.parts[one.part]
    made = Component(part.name)
    made.children = part.children
    made.lines = [line for line in part.lines if (read := read_line(line)) is not None and read.name not in _RULES]
    made.lines += _times(found, part, one)
    return made


def _times(found: CalendarObject, part: Component, one: Occurrence) -> list[str]:
    begin = part.get("DTSTART")
    if begin is None:
        return [line for line in part.lines if line.upper().startswith(("DUE", "DURATION"))]
    first = moment(begin, found.zones)
    lines = [_line("DTSTART", one.start, first)]
    name = "DUE" if part.name == "VTODO" else "DTEND"
    last, lasting = part.get(name), part.get("DURATION")
    if last is not None:
        lines.append(_line(name, _end(found, begin, last, one), first))
    elif lasting is not None:
        lines.append(f"DURATION:{lasting.value}")
    if one.moment is not None:
        lines.append(_line("RECURRENCE-ID", one.moment.seconds, first))
    return lines


def _end(found: CalendarObject, begin: Property, last: Property, one: Occurrence) -> int:
    """As far after the start as wall clocks said; what cannot be computed is as the occurrence has it."""
    first = moment(begin, found.zones)
    if last.param("TZID") != begin.param("TZID"):
        return one.end
    try:
        length = moment(last, found.zones).clock - first.clock
        return seconds(clock_of(_shown(one.start, first)) + length, first.zone)
    except (BadSyntax, OverflowError):
        return one.end


def _shown(instant: int, like: Moment) -> int:
    """What clocks of its zone show at that instant."""
    return instant if like.zone is None else instant + (instant - seconds(clock_of(instant), like.zone))


def _line(name: str, instant: int, like: Moment) -> str:
    if like.date:
        return f"{name};VALUE=DATE:{date_text(instant)}"
    text = utc_text(instant)
    return f"{name}:{text.removesuffix('Z') if like.floating else text}"
