"""What the organizer's messages do to an attendee's copy (RFC 5546 §3.2.2, §3.2.4, §3.2.5; RFC 6638 §4).

A message with the series replaces all of the copy; one with recurrences only those. What is the attendee's stays: his
alarms, whether it blocks his time, what programs keep there; and his answer, as long as he gave it to the same time.
An older message than the one before changes nothing: SEQUENCE decides, then DTSTAMP. A smaller SEQUENCE with a later
DTSTAMP counts as newer, because programs begin at 0 again when somebody takes a deletion back.
"""

from dataclasses import dataclass

from optimails.groupware.moments import NEVER
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import ItipMessage, Method, Result
from optimails.groupware.scheduling.drafts import ANSWERED, OWN_PARAMS, Draft
from optimails.groupware.scheduling.messages import sequence_of
from optimails.groupware.scheduling.objects import Key, Scheduled, date_line, dates, instance, span
from optimails.groupware.scheduling.people import attendees_of, partstat, user_of
from optimails.groupware.text import Component, Property

_PERSONAL = ("TRANSP", "CATEGORIES", "COLOR")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a message does. ``text``: the object as it is to be stored, None: as it was."""

    result: Result
    text: bytes | None = None
    consequential: bool = True
    drafts: tuple[Draft, ...] = ()
    why: str = ""


def refused(why: str) -> Arrival:
    return Arrival(Result.REFUSED, why=why)


STALE = Arrival(Result.STALE, why="a newer version is there")


def requested(message: ItipMessage, told: Scheduled, stored: Scheduled | None, own: frozenset[str]) -> Arrival:
    """REQUEST and ADD. ``own``: the users in the texts that are the account's own."""
    if not own & told.attendees.keys():
        return refused("not among the attendees")
    for part in told.parts.values():
        editing.edit(part, _clean)
    if message.method is Method.ADD:
        return _added(told, stored)
    if stored is None:
        if _declined(told, own):
            return Arrival(Result.STALE, why="declined, and taken away")
        return Arrival(Result.APPLIED, told.text())
    return _updated(told, stored, own)


def _updated(told: Scheduled, stored: Scheduled, own: frozenset[str]) -> Arrival:
    fresh = {key: part for key, part in told.parts.items() if not _stale(part, _counterpart(stored, key))}
    if not fresh or (None in told.parts and None not in fresh):
        return STALE
    moved = _moved(told, stored)
    for key, part in fresh.items():
        was = stored.parts.get(key) or (instance(stored, key) if key is not None else None)
        if was is not None:
            _keep_personal(part, was, own, moved=key in moved)
    if None in told.parts:
        _keep_instances(told, stored, own, moved=None in moved)
        return Arrival(Result.APPLIED, told.text())
    if stored.master is not None:
        _bring_back(stored, set(fresh) - {None})
    stored.parts.update(fresh)
    _keep_zones(stored, told)
    return Arrival(Result.APPLIED, stored.text())


def _declined(told: Scheduled, own: frozenset[str]) -> bool:
    """Whether the organizer knows that the attendee does not come to any of it: then it is not put back before him."""
    people = [attendees_of(part) for part in told.parts.values()]
    return {partstat(line) for found in people for user, line in found.items() if user in own} == {"DECLINED"}


def cancelled(told: Scheduled, stored: Scheduled | None) -> Arrival:
    """CANCEL: it stays, crossed out, so that people see what became of it; it blocks no time."""
    if stored is None:
        return refused("nothing of that kind is here")
    done = known = False
    for key, part in told.parts.items():
        for target in _targets(stored, key):
            known = True
            if not _stale(part, target):
                _cross_out(target, part)
                done = True
    if not done:
        return STALE if known else refused("no such recurrence")
    return Arrival(Result.APPLIED, stored.text())


def _targets(stored: Scheduled, key: Key) -> list[Component]:
    """What a cancellation is about: all of it, or a recurrence, which then has a component of its own."""
    if key is None:
        return list(stored.parts.values())
    if key not in stored.parts:
        one = instance(stored, key)
        if one is None:
            return []
        stored.parts[key] = one
    return [stored.parts[key]]


def _cross_out(target: Component, told: Component) -> None:
    editing.put(target, "STATUS:CANCELLED")
    for name in ("SEQUENCE", "DTSTAMP", "COMMENT"):
        for line in editing.lines_of(told, name)[:1]:
            editing.put(target, line)


def _added(told: Scheduled, stored: Scheduled | None) -> Arrival:
    """Another recurrence for a series (RFC 5546 §3.2.4): its RECURRENCE-ID is its start."""
    part = told.master
    begin = part.get("DTSTART") if part is not None else None
    if stored is None or stored.master is None or part is None or begin is None or len(told.parts) != 1:
        return refused("nothing that it could be added to")
    if _stale(part, stored.master):
        return STALE
    when = span(part, told)[0]
    assert isinstance(when, tuple)
    key = int(when[0])
    made = editing.copied(part)
    editing.drop(made, ["RRULE", "RDATE", "EXDATE"])
    editing.put(made, editing.lines_of(part, "DTSTART")[0].replace(begin.name, "RECURRENCE-ID", 1))
    editing.add(stored.master, date_line("RDATE", key, stored))
    stored.parts[key] = made
    _keep_zones(stored, told)
    return Arrival(Result.APPLIED, stored.text())


def _clean(found: Property, line: str) -> str:
    """What a stranger's server says to its own programs is nothing to ours."""
    if found.name not in ("ATTENDEE", "ORGANIZER"):
        return line
    names = [name for name in (*OWN_PARAMS, ANSWERED) if found.param(name) is not None]
    return editing.with_params(line, dict.fromkeys(names)) if names else line


# -- which is newer ----------------------------------------------------------------------------------------------------


def _counterpart(stored: Scheduled, key: Key) -> Component | None:
    return stored.parts.get(key) or stored.master


def _stale(told: Component, known: Component | None) -> bool:
    if known is None:
        return False
    told_at, known_at = stamped(told), stamped(known)
    if sequence_of(told) == sequence_of(known):
        return told_at < known_at
    return sequence_of(told) < sequence_of(known) and told_at <= known_at


def stamped(part: Component) -> str:
    """DTSTAMP is in UTC, so that it can be compared as it is written."""
    return part.value("DTSTAMP").upper()


def _moved(told: Scheduled, stored: Scheduled) -> set[Key]:
    """The components that happen at another time than before."""
    moved: set[Key] = set()
    for key, part in told.parts.items():
        was = stored.parts.get(key) or (instance(stored, key) if key is not None else None)
        if was is None or span(part, told) != span(was, stored):
            moved.add(key)
    return moved


# -- what is the attendee's own ----------------------------------------------------------------------------------------


def _keep_personal(part: Component, was: Component, own: frozenset[str], *, moved: bool) -> None:
    part.children = [*part.children, *(editing.copied(child) for child in was.children if child.name == "VALARM")]
    for name in _PERSONAL:
        lines = editing.lines_of(was, name)
        if lines:
            editing.drop(part, [name])
            for line in lines:
                editing.add(part, line)
    there = {line.name for line in part.properties}
    for found, line in zip(was.properties, was.lines, strict=True):
        if found.name.startswith("X-") and found.name not in there:
            editing.add(part, line)
    if not moved and was.value("STATUS").upper() != "CANCELLED":
        _keep_answer(part, was, own)


def _keep_answer(part: Component, was: Component, own: frozenset[str]) -> None:
    known = {user: line for user, line in attendees_of(was).items() if user in own}

    def answer(found: Property, line: str) -> str:
        mine = known.get(user_of(found.value)) if found.name == "ATTENDEE" else None
        if mine is None or partstat(mine) == "NEEDS-ACTION":
            return line
        return editing.with_params(
            line, {name: mine.param(name) for name in ("PARTSTAT", "RSVP", "DELEGATED-TO") if mine.param(name)}
        )

    editing.edit(part, answer)


def _keep_instances(told: Scheduled, stored: Scheduled, own: frozenset[str], *, moved: bool) -> None:
    """Recurrences that the attendee has answered by themselves, or taken away, as long as the series is the same."""
    master = told.master
    if moved or master is None or stored.master is None:
        return
    excluded = dates(master, "EXDATE", told)
    for key, part in stored.parts.items():
        if key is None or key in told.parts or key in excluded:
            continue
        there = instance(told, key)
        if there is None or part.value("STATUS").upper() == "CANCELLED" or span(part, stored) != span(there, told):
            continue
        answers = {partstat(line) for user, line in attendees_of(part).items() if user in own}
        series = {partstat(line) for user, line in attendees_of(stored.master).items() if user in own}
        if answers != series:
            _keep_personal(there, part, own, moved=False)
            told.parts[key] = there
    for key in sorted(dates(stored.master, "EXDATE", stored) - excluded - told.parts.keys()):
        if key > NEVER:
            editing.add(master, date_line("EXDATE", key, told))


def _bring_back(stored: Scheduled, keys: set[int | None]) -> None:
    """Recurrences that were excluded are no longer."""
    master = stored.master
    assert master is not None
    excluded = dates(master, "EXDATE", stored)
    if excluded & keys:
        editing.drop(master, ["EXDATE"])
        for key in sorted(excluded - keys):
            editing.add(master, date_line("EXDATE", key, stored))


def _keep_zones(stored: Scheduled, told: Scheduled) -> None:
    """Definitions that the new components bring with them."""
    known = {child.value("TZID") for child in stored.root.children if child.name == "VTIMEZONE"}
    for child in told.root.children:
        if child.name == "VTIMEZONE" and child.value("TZID") not in known:
            stored.root.children.append(child)
