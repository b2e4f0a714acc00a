"""A calendar object as scheduling sees it: its components by the recurrence they stand for.

The key of a component is the instant of its RECURRENCE-ID, None for the one that stands for the whole. RANGE is not
looked at: a change of "this and all future" ones comes as two series from every program in use.
"""

from dataclasses import dataclass, field
from datetime import datetime

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.calendar import CalendarObject, from_root, occurrences
from optimails.groupware.moments import DAY, Moment, clock_of, duration, moment, read, seconds
from optimails.groupware.recurrence import SHARE, Budget
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.messages import SCHEDULED
from optimails.groupware.scheduling.people import attendees_of, organizer_of
from optimails.groupware.scheduling.rules import meaning
from optimails.groupware.text import Component, Property, decode, parse, write
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax

Key = int | None
PRODID = "PRODID:-//Optimails//EN"
STEPS = 400_000  # some seconds at worst, and then recurrences are no longer found
MAX_INSTANCES = 200  # that are looked at to find one


@dataclass(slots=True)
class Scheduled:
    """Its components may be changed; ``text`` then writes them."""

    root: Component
    parts: dict[Key, Component]
    component: str
    uid: str
    object: CalendarObject = field(repr=False)
    budget: Budget = field(default_factory=lambda: Budget(STEPS), repr=False)  # of all that is computed for it

    @property
    def master(self) -> Component | None:
        return self.parts.get(None)

    @property
    def organizer(self) -> str:
        """The user; empty without one."""
        return next((found for part in self.parts.values() if (found := organizer_of(part))), "")

    @property
    def organizers(self) -> set[str]:
        return {found for part in self.parts.values() if (found := organizer_of(part))}

    @property
    def attendees(self) -> dict[str, Property]:
        """Everybody, once."""
        found: dict[str, Property] = {}
        for part in self.parts.values():
            for user, line in attendees_of(part).items():
                found.setdefault(user, line)
        return found

    @property
    def scheduled(self) -> bool:
        """Whether people are invited, RFC 6638 §3.1."""
        return self.component in SCHEDULED and bool(self.organizer) and bool(self.attendees)

    def text(self) -> bytes:
        """With its components as they are now."""
        others = [child for child in self.root.children if child.name == "VTIMEZONE"]
        self.root.children = [*others, *self.parts.values()]
        return write(self.root).encode("utf-8", "replace")


def read_scheduled(text: bytes, *, message: bool = False) -> Scheduled:
    """From the text of an object, or of a message, where little is mandatory. Raises ``BadSyntax``, ``Unfit``."""
    top = parse(decode(text))
    if len(top) != 1 or top[0].name != "VCALENDAR":
        raise BadSyntax("One VCALENDAR is wanted")
    root = editing.copied(top[0])
    editing.drop(root, ["METHOD"])
    found = _of_message(root) if message else from_root(root)
    parts: dict[Key, Component] = {}
    for part in found.parts:
        key = key_of(part, found)
        if key in parts:
            raise Unfit(Rule.VALID_OBJECT, "A recurrence is there twice")
        parts[key] = part
    return Scheduled(root, parts, found.component, found.uid, found)


def _of_message(root: Component) -> CalendarObject:
    zones = Zones([child for child in root.children if child.name == "VTIMEZONE"])
    parts = tuple(child for child in root.children if child.name != "VTIMEZONE")
    if not parts:
        raise BadSyntax("There is nothing in it")
    return CalendarObject(parts[0].value("UID"), parts[0].name, parts, zones, root)


def key_of(part: Component, found: CalendarObject) -> Key:
    """Raises ``BadSyntax``."""
    line = part.get("RECURRENCE-ID")
    return None if line is None else moment(line, found.zones).seconds


def message_text(method: str, of: Scheduled, parts: list[Component]) -> bytes:
    """A VCALENDAR with these components and the time zones that they use."""
    root = Component("VCALENDAR")
    for line in ("VERSION:2.0", PRODID, "CALSCALE:GREGORIAN", f"METHOD:{method}"):
        editing.add(root, line)
    named = {line.param("TZID") for part in parts for line in part.properties}
    zones = [child for child in of.root.children if child.name == "VTIMEZONE" and child.value("TZID") in named]
    root.children = [*zones, *parts]
    return write(root).encode("utf-8", "replace")


# -- times -------------------------------------------------------------------------------------------------------------


def dates(part: Component, name: str, of: Scheduled) -> set[int]:
    """The instants of EXDATE or RDATE; what can't be read is none."""
    found: set[int] = set()
    for line in part.every(name):
        for value in line.value.split(",")[:5_000]:
            try:
                found.add(read(value.partition("/")[0], line.param("TZID"), of.object.zones).seconds)
            except BadSyntax:
                continue
    return found


def span(part: Component, of: Scheduled) -> tuple[object, ...]:
    """When a component happens, in a form that can be compared, whatever words are used for it."""
    begin = part.get("DTSTART")
    try:
        first = moment(begin, of.object.zones) if begin else None
    except BadSyntax:
        first = None
    rules = frozenset(meaning(line.value, first) for line in part.every("RRULE"))
    return (_moment(part, "DTSTART", of), _end(part, of), rules, frozenset(dates(part, "RDATE", of)))


def _moment(part: Component, name: str, of: Scheduled) -> tuple[int, bool] | None:
    line = part.get(name)
    try:
        found = moment(line, of.object.zones) if line else None
    except BadSyntax:
        return None
    return (found.seconds, found.floating) if found else None


def _end(part: Component, of: Scheduled) -> object:
    """The end, however it is said."""
    for name in ("DTEND", "DUE"):
        if part.get(name):
            return _moment(part, name, of)
    start, lasting = _moment(part, "DTSTART", of), part.value("DURATION")
    try:
        return (start[0] + duration(lasting), start[1]) if start and lasting else lasting
    except BadSyntax:
        return lasting


def instance(of: Scheduled, key: int) -> Component | None:
    """The recurrence of the series at that instant as a component of its own; None when there is none."""
    master = of.master
    begin = master.get("DTSTART") if master is not None else None
    if master is None or begin is None:
        return None
    alone = CalendarObject(of.uid, of.component, (master,), of.object.zones, of.root)
    with of.budget.share(SHARE) as budget:
        found = occurrences(alone, key - 1, key + 1, budget, MAX_INSTANCES).found
    if not any(one.start == key for one in found):
        return None
    made = editing.copied(master)
    editing.drop(made, ["RRULE", "RDATE", "EXDATE", "EXRULE"])
    first = moment(begin, of.object.zones)
    start = _shown(key, first)
    for name in ("DTEND", "DUE"):
        last = made.get(name)
        if last is not None:
            end = moment(last, of.object.zones)
            if end.zone == first.zone:
                editing.put(made, _line(name, start + (end.clock - first.clock), last))
            else:
                editing.put(made, _line(name, _shown(key + end.seconds - first.seconds, end), last))
    editing.put(made, _line("DTSTART", start, begin))
    editing.put(made, _line("RECURRENCE-ID", start, begin))
    return made


def date_line(name: str, key: int, of: Scheduled) -> str:
    """EXDATE or RDATE for a recurrence, written as the series' DTSTART is."""
    begin = of.master.get("DTSTART") if of.master is not None else None
    if begin is None:
        return f"{name}:{clock_of(key):%Y%m%dT%H%M%S}Z"
    return _line(name, _shown(key, moment(begin, of.object.zones)), begin)


def _shown(instant: int, like: Moment) -> datetime:
    """What the clock of that moment's zone shows."""
    clock = clock_of(instant)
    for _ in range(2 if like.zone is not None else 0):  # the first look may be on the wrong side of a change of clocks
        clock = clock_of(instant + seconds(clock, None) - seconds(clock, like.zone))
    return clock


def _line(name: str, clock: datetime, like: Property) -> str:
    params = "".join(f";{key}={editing.quoted(value)}" for key, value in like.params if key in ("TZID", "VALUE"))
    date = "T" not in like.value.upper()
    value = f"{clock.year:04}{clock:%m%d}" if date else f"{clock.year:04}{clock:%m%dT%H%M%S}"
    return f"{name}{params}:{value}{'Z' if like.value.strip().upper().endswith('Z') and not date else ''}"


def ended(of: Scheduled, before: int) -> bool:
    """Whether nothing of it happens after that instant."""
    rest = occurrences(of.object, before, before + 400 * DAY, Budget(), MAX_INSTANCES)
    return rest.reached is None and not any(one.end > before for one in rest.found)


def stamp(now: int) -> str:
    return f"DTSTAMP:{clock_of(now):%Y%m%dT%H%M%S}Z"
