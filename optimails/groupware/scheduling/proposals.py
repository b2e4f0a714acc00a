"""Another time that an attendee proposes, and what the organizer makes of it (RFC 5546 §3.2.7, §3.2.8); and asking for
the newest version (§3.2.6).

A proposal changes nothing by itself. The organizer takes it over, which is a change as any other, or declines it.
"""

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.drafts import Draft, draft, keyed
from optimails.groupware.scheduling.objects import Key, Scheduled, instance, span
from optimails.groupware.scheduling.organizer import Change
from optimails.groupware.scheduling.people import attendees_of, by_server, user_of
from optimails.groupware.text import Component

_TIMES = ("DTSTART", "DTEND", "DURATION", "DUE")
_NAMES = frozenset(
    {"UID", "DTSTAMP", "SEQUENCE", "ORGANIZER", "ATTENDEE", "RECURRENCE-ID", "SUMMARY", "COMMENT", *_TIMES}
)


def proposed(old: Scheduled, new: Scheduled, change: Change) -> list[Draft]:
    """COUNTER: the components of ``new`` that happen at another time than the attendee's copy has it.

    Raises ``Unfit`` for what the organizer could do nothing with: another object, nothing new, an occurrence that is
    none.
    """
    invited = bool(change.own & old.attendees.keys()) and old.organizer not in change.own
    if new.uid != old.uid or new.component != old.component or not invited:
        raise Unfit(Rule.ATTENDEE_CHANGE, "That is not what the account is invited to")
    wanted: list[Component] = []
    for key in new.parts:
        was = _counterpart(old, key)
        if was is None:
            raise Unfit(Rule.ATTENDEE_CHANGE, "The meeting has no such occurrence")
        if span(was, old) != span(new.parts[key], new):
            wanted.append(_with_times(was, new.parts[key]))
    if not wanted:
        raise Unfit(Rule.ATTENDEE_CHANGE, "It proposes nothing else")
    return _to_organizer(Method.COUNTER, old, wanted, change)


def asked_again(old: Scheduled, change: Change) -> list[Draft]:
    """REFRESH: the attendee wants to have it as it is now."""
    parts = [part for part in keyed(old, old.parts) if change.own & attendees_of(part).keys()]
    return _to_organizer(Method.REFRESH, old, parts[:1], change)


def declined(stored: Scheduled, counter: Scheduled, sender: str, change: Change, comment: str = "") -> list[Draft]:
    """DECLINECOUNTER: it stays as it is."""
    parts = []
    for key in counter.parts:
        part = _counterpart(stored, key)
        if part is not None and sender in attendees_of(part):
            one = _plain(part, {sender})
            if comment:
                editing.put(one, f"COMMENT:{_escaped(comment)}")
            parts.append(one)
    return [draft(Method.DECLINE_COUNTER, stored, parts, [sender], change.now, change.sent_by)] if parts else []


def taken_over(stored: Scheduled, counter: Scheduled) -> bytes:
    """The organizer's object at the proposed times; he stores it. Raises ``Unfit``."""
    for key, part in counter.parts.items():
        target = _counterpart(stored, key)
        if target is None:
            raise Unfit(Rule.VALID_OBJECT, "The meeting has no such occurrence")
        stored.parts[key] = _with_times(target, part)
    return stored.text()


def _counterpart(of: Scheduled, key: Key) -> Component | None:
    return of.parts.get(key) or (instance(of, key) if key is not None else None)


def _with_times(part: Component, times: Component) -> Component:
    """A copy that happens when the other does."""
    made = editing.copied(part)
    editing.drop(made, _TIMES)
    for name in (*_TIMES, "COMMENT"):
        for line in editing.lines_of(times, name)[:1]:
            editing.put(made, line)
    return made


def _plain(part: Component, people: set[str] | frozenset[str]) -> Component:
    """Which one it is and when, with these people."""
    made = editing.copied(part)
    editing.edit(
        made,
        lambda found, line: (
            line
            if found.name in _NAMES and (found.name != "ATTENDEE" or user_of(found.value) in people)
            else None
        ),
    )  # fmt: skip
    made.children = []
    return made


def _to_organizer(method: Method, of: Scheduled, parts: list[Component], change: Change) -> list[Draft]:
    line = next((found for part in of.parts.values() if (found := part.get("ORGANIZER"))), None)
    if not parts or not by_server(line) or of.organizer in change.own:
        return []
    if change.statuses.get(of.organizer, "")[:1] in ("3", "5"):
        return []
    return [draft(method, of, [_plain(part, change.own) for part in parts], [of.organizer], change.now)]


def _escaped(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
