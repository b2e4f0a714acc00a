"""What an attendee does to his copy, and what the organizer hears of it (RFC 6638 §3.2.2, RFC 5546 §3.2.3).

The organizer's are: when it happens, who organizes it, who is invited, how often it was changed. A program that changes
the first two is told that this is not possible; the others are put back, because a program may simply not have seen the
newest state. All else is the attendee's own copy, where he may write what he likes: no message speaks of it.
"""

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.drafts import Draft, Plan, draft, keyed
from optimails.groupware.scheduling.objects import Key, Scheduled, dates, instance, span
from optimails.groupware.scheduling.organizer import Change
from optimails.groupware.scheduling.people import attendees_of, by_server, organizer_of, partstat, user_of
from optimails.groupware.text import Component, Property, write

_TOLD = frozenset(
    {"UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "DUE", "RECURRENCE-ID", "SEQUENCE", "SUMMARY", "LOCATION",
     "ORGANIZER", "ATTENDEE", "COMMENT", "STATUS", "COMPLETED", "PERCENT-COMPLETE", "RRULE"}
)  # fmt: skip


def changed(data: bytes, old: Scheduled | None, new: Scheduled, change: Change) -> Plan:
    """The attendee stores ``data``, which is ``new``. Raises ``Unfit`` for what is the organizer's to change."""
    before = new.text()
    if old is not None:
        _check(old, new)
        _put_back(old, new, change)
    drafts = _drafts(old, new, change)
    if drafts:
        _note_status(new, change)
    after = new.text()
    consequential = old is None or _besides(old, change.own) != _besides(new, change.own)
    return Plan(data if after == before else after, tuple(drafts), consequential)


def _besides(of: Scheduled, own: frozenset[str]) -> object:
    """All but the answer, which leaves the Schedule-Tag as it was (RFC 6638 §3.2.10)."""

    def plain(found: Property, line: str) -> str | None:
        if found.name in ("LAST-MODIFIED", "DTSTAMP", "CREATED"):
            return None
        if found.name == "ORGANIZER" or (found.name == "ATTENDEE" and user_of(found.value) in own):
            return f"{found.name}:{user_of(found.value)}"
        return line

    found = {}
    for key, part in of.parts.items():
        made = editing.copied(part)
        editing.edit(made, plain)
        found[key] = (sorted(made.lines), [write(child) for child in made.children])
    return found


def left(old: Scheduled, change: Change) -> list[Draft]:
    """The attendee takes it away: he does not come, unless he has said so, or it was cancelled before."""
    declined = _Answers(old, change)
    keys = {
        key
        for key, said in declined.said.items()
        if said[0] != "DECLINED" and old.parts[key].value("STATUS").upper() != "CANCELLED"
    }
    return _reply(old, [_saying(part, change.own, "DECLINED") for part in keyed(old, keys)], change)


# -- his copy ----------------------------------------------------------------------------------------------------------


def _check(old: Scheduled, new: Scheduled) -> None:
    """Raises ``Unfit(ATTENDEE_CHANGE)``."""
    if new.organizer != old.organizer or new.component != old.component:
        raise Unfit(Rule.ATTENDEE_CHANGE, "Only the organizer gives it to another")
    excluded = dates(new.master, "EXDATE", new) if new.master is not None else set()
    for key, part in old.parts.items():
        own = new.parts.get(key)
        if own is None and (key is None or key not in excluded):
            raise Unfit(Rule.ATTENDEE_CHANGE, "Only the organizer takes a part of it away")
        if own is not None and span(own, new) != span(part, old):
            raise Unfit(Rule.ATTENDEE_CHANGE, "Only the organizer moves it")
        if own is not None and dates(part, "EXDATE", old) - dates(own, "EXDATE", new):
            raise Unfit(Rule.ATTENDEE_CHANGE, "Only the organizer brings a recurrence back")
    for key in new.parts.keys() - old.parts.keys():
        was = instance(old, key) if key is not None else None
        if was is None or span(was, old) != span(new.parts[key], new):
            raise Unfit(Rule.ATTENDEE_CHANGE, "Only the organizer adds to it")


def _put_back(old: Scheduled, new: Scheduled, change: Change) -> None:
    """Other people, and the marks of which version this is."""
    for key, part in new.parts.items():
        was = old.parts.get(key) or old.master
        if was is None:
            continue
        for name in ("SEQUENCE", "DTSTAMP"):
            for line in editing.lines_of(was, name):
                editing.put(part, line)
        _put_back_people(was, part, change)


def _put_back_people(was: Component, part: Component, change: Change) -> None:
    known, mine = attendees_of(was), attendees_of(part)
    invited_by_me = {
        user for user, line in mine.items() if user not in known and user_of(line.param("DELEGATED-FROM") or "")
        in change.own
    }  # fmt: skip
    lines = dict(
        zip((user_of(one.value) for one in was.every("ATTENDEE")), editing.lines_of(was, "ATTENDEE"), strict=True)
    )
    seen: set[str] = set()

    def person(found: Property, line: str) -> str | None:
        if found.name != "ATTENDEE":
            return line
        user = user_of(found.value)
        if user in seen:
            return None
        seen.add(user)
        if user in change.own or user in invited_by_me:
            return line
        return lines.get(user)

    editing.edit(part, person)
    for user, line in lines.items():
        if user not in seen:
            editing.add(part, line)


def _note_status(new: Scheduled, change: Change) -> None:
    """SCHEDULE-STATUS of an answer stands at the organizer (RFC 6638 §7.3)."""
    status = change.statuses.get(new.organizer, "")

    def note(found: Property, line: str) -> str:
        if found.name == "ORGANIZER" and status:
            return editing.with_params(line, {"SCHEDULE-STATUS": status, "SCHEDULE-FORCE-SEND": None})
        return line

    for part in new.parts.values():
        editing.edit(part, note)


# -- what the organizer hears ------------------------------------------------------------------------------------------


class _Answers:
    """What the attendee says to each component that names him: PARTSTAT, to whom he hands it on, how far a task is."""

    def __init__(self, of: Scheduled | None, change: Change) -> None:
        self.said: dict[Key, tuple[str, ...]] = {}
        for key, part in of.parts.items() if of is not None else ():
            for user, line in attendees_of(part).items():
                if user in change.own:
                    self.said[key] = (partstat(line), user_of(line.param("DELEGATED-TO") or ""), *_progress(part))

    def of(self, key: Key) -> tuple[str, ...]:
        """A recurrence without a component of its own is answered with the series."""
        return self.said.get(key) or self.said.get(None) or ("NEEDS-ACTION", "")


def _progress(part: Component) -> tuple[str, ...]:
    """RFC 5546 §3.4.3; empty where nothing is to be said."""
    if part.name != "VTODO":
        return ()
    done = tuple(part.value(name).upper() for name in ("STATUS", "PERCENT-COMPLETE", "COMPLETED"))
    return done if any(done) and done != ("NEEDS-ACTION", "", "") else ()


def _drafts(old: Scheduled | None, new: Scheduled, change: Change) -> list[Draft]:
    before, after = _Answers(old, change), _Answers(new, change)
    parts = [new.parts[key] for key in after.said if after.said[key] != before.of(key)]
    handed_on = [
        (part, line)
        for part in parts
        for user, line in attendees_of(part).items()
        if user_of(line.param("DELEGATED-FROM") or "") in change.own
    ]
    for key in sorted(_excluded(old, new)):
        was = old.parts.get(key) or instance(old, key) if old is not None else None
        if was is not None and before.of(key)[0] != "DECLINED" and was.value("STATUS").upper() != "CANCELLED":
            parts.append(_saying(was, change.own, "DECLINED"))
    if not parts and _forced(new) == "REPLY":
        parts = list(new.parts.values())
    drafts = _reply(new, parts, change)
    for user in dict.fromkeys(user_of(line.value) for _, line in handed_on):
        if change.statuses.get(user, "")[:1] not in ("3", "5"):
            theirs = [part for part, line in handed_on if user_of(line.value) == user]
            drafts.append(draft(Method.REQUEST, new, theirs, [user], change.now))
    return drafts


def _excluded(old: Scheduled | None, new: Scheduled) -> set[int]:
    """Recurrences that the attendee has taken away."""
    if old is None or old.master is None or new.master is None:
        return set()
    return dates(new.master, "EXDATE", new) - dates(old.master, "EXDATE", old)


def _forced(new: Scheduled) -> str:
    lines = (part.get("ORGANIZER") for part in new.parts.values())
    return next((found.upper() for line in lines if line and (found := line.param("SCHEDULE-FORCE-SEND"))), "")


def _reply(of: Scheduled, parts: list[Component], change: Change) -> list[Draft]:
    organizer = of.organizer
    line = next((found for part in of.parts.values() if (found := part.get("ORGANIZER"))), None)
    if not parts or not by_server(line) or organizer in change.own:
        return []
    if change.statuses.get(organizer, "")[:1] in ("3", "5"):
        return []
    told = [_answer(part, change) for part in parts if organizer_of(part)]
    return [draft(Method.REPLY, of, told, [organizer], change.now)] if told else []


def _answer(part: Component, change: Change) -> Component:
    """What the organizer needs to know (RFC 5546 §3.2.3): which one it is, and who says what."""
    made = editing.copied(part)
    mine = {user for user, line in attendees_of(part).items()
            if user in change.own or user_of(line.param("DELEGATED-FROM") or "") in change.own}  # fmt: skip

    def wanted(found: Property, line: str) -> str | None:
        if found.name not in _TOLD:
            return None
        if found.name != "ATTENDEE":
            return line
        user = user_of(found.value)
        if user not in mine:
            return None
        if change.sent_by and user in change.own:
            return editing.with_params(line, {"SENT-BY": f"mailto:{change.sent_by}"})
        return line

    editing.edit(made, wanted)
    if part.name != "VTODO":
        editing.drop(made, ["STATUS"])
    editing.add(made, "REQUEST-STATUS:2.0;Success")
    return made


def _saying(part: Component, own: frozenset[str], answer: str) -> Component:
    made = editing.copied(part)
    editing.edit(
        made,
        lambda found, line: (
            editing.with_params(line, {"PARTSTAT": answer, "RSVP": None})
            if found.name == "ATTENDEE" and user_of(found.value) in own
            else line
        ),
    )
    return made
