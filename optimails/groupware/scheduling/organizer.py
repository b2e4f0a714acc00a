"""What the organizer's changes mean for everybody invited (RFC 6638 §3.2.1, RFC 5546 §3.2).

Each attendee has a view of the object: the components that name him, and where the series names him but one of its
recurrences does not, that one is excluded for him. The view before is compared with the one after:

- he had none, or it says something else: REQUEST with the view; only with the recurrences that differ, when the series
  itself is the same;
- he has none any more: CANCEL;
- only recurrences went: CANCEL with those.

Whatever a program may change without telling anybody (answers, alarms, stamps) does not count. Those with the same
view get the same text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.drafts import ANSWERED, Draft, Plan, check_size, draft, keyed
from optimails.groupware.scheduling.messages import sequence_of
from optimails.groupware.scheduling.objects import Key, Scheduled, date_line, dates, instance, span
from optimails.groupware.scheduling.people import attendees_of, by_server, organizer_of, partstat, user_of
from optimails.groupware.text import Component, Property

MAX_GROUPS = 100  # different views of one object
MAX_ATTENDEES = 500  # of one component
MAX_ECHOES = 30  # colleagues who see each other's answers
_COMING = ("ACCEPTED", "TENTATIVE")
_SILENT = frozenset({"DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", "EXDATE", "TRANSP", "REQUEST-STATUS"})


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes it, and where people are: ``statuses`` has a SCHEDULE-STATUS for every user in the texts."""

    own: frozenset[str]  # users that are the owner himself
    now: int
    statuses: Mapping[str, str]
    sent_by: str = ""  # the delegate who acts for him, where that is to be seen
    keep_answers: bool = False  # the program may not have seen the latest ones


def changed(data: bytes, old: Scheduled | None, new: Scheduled, change: Change) -> Plan:
    """The organizer stores ``data``, which is ``new``. Raises ``Unfit`` for more people than we serve."""
    if any(len(attendees_of(part)) > MAX_ATTENDEES for part in new.parts.values()):
        raise Unfit(Rule.MAX_ATTENDEES, "There are too many attendees")
    before = new.text()
    forced = _forced(new, change.own)
    if old is not None:
        _settle(old, new, change)
    drafts = _drafts(old, new, change, forced)
    _note_statuses(old, new, drafts, change)
    after = new.text()
    return Plan(data if after == before else after, tuple(drafts))


def removed(old: Scheduled, change: Change) -> list[Draft]:
    """The organizer takes it away."""
    return _drafts(old, None, change, {})


def echoed(old: Scheduled, new: Scheduled, sender: str, change: Change) -> list[Draft]:
    """Somebody's answer, for colleagues who have given theirs (RFC 6638 §3.2.8 leaves it to the server).

    Who has not answered is left in peace: his program would find, at that very moment, that the event is no longer what
    it was going to change. So is everybody when they are many: each answer would be written once for each of them.
    """
    keys = {key for key, part in new.parts.items() if _said_by(sender, part) != _said_by(sender, old.parts.get(key))}
    invited = _invitations(new, change)
    here = {user for user in invited if user != sender and change.statuses.get(user) == "1.2"}
    if len(here) > MAX_ECHOES:
        return []
    groups: dict[frozenset[Key], list[str]] = {}
    for user in here:
        told = frozenset(keys & invited[user])
        if told and all(partstat(attendees_of(new.parts[key])[user]) in _COMING for key in told):
            groups.setdefault(told, []).append(user)
    return [
        replace(draft(Method.REQUEST, new, _View(new, invited[users[0]]).parts(told), users, change.now), quiet=True)
        for told, users in groups.items()
    ]


def _said_by(user: str, part: Component | None) -> str:
    return partstat(attendees_of(part).get(user)) if part is not None else ""


# -- the organizer's own copy ------------------------------------------------------------------------------------------


def _settle(old: Scheduled, new: Scheduled, change: Change) -> None:
    """SEQUENCE counts up (RFC 5546 §2.1.4), and who said yes to another time has to say it anew (RFC 6638 §3.2.8)."""
    for key, part in new.parts.items():
        before = old.parts.get(key) or (instance(old, key) if key is not None else None)
        if before is None:
            continue
        moved = span(part, new) != span(before, old)
        gone = set(attendees_of(before)) - set(attendees_of(part))
        excluded = dates(part, "EXDATE", new) - dates(before, "EXDATE", old)
        ended = _cancelled(part) and not _cancelled(before)
        if (moved or gone or excluded or ended) and sequence_of(part) <= sequence_of(before):
            editing.put(part, f"SEQUENCE:{sequence_of(before) + 1}")
        _answers(before, part, change, moved=moved)


def _answers(before: Component, part: Component, change: Change, *, moved: bool) -> None:
    known = attendees_of(before)

    def answer(found: Property, line: str) -> str:
        user = user_of(found.value) if found.name == "ATTENDEE" else ""
        if not user or user in change.own or user not in known:
            return line
        if moved:
            values = {"PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE", ANSWERED: None}
            return line if partstat(found) == "NEEDS-ACTION" else editing.with_params(line, values)
        if change.keep_answers and partstat(found) != partstat(known[user]):
            was = known[user]
            values = {name: was.param(name) for name in ("PARTSTAT", ANSWERED)}
            return editing.with_params(line, values)
        return line

    editing.edit(part, answer)


def _note_statuses(old: Scheduled | None, new: Scheduled, drafts: list[Draft], change: Change) -> None:
    """SCHEDULE-STATUS says what became of the last message (RFC 6638 §7.3); what was forced is done (§7.2)."""
    told = {user for one in drafts for user in one.recipients}
    known = old.attendees if old is not None else {}

    def status(found: Property, line: str) -> str:
        if found.name != "ATTENDEE":
            return line
        user = user_of(found.value)
        value = found.param("SCHEDULE-STATUS")
        if not by_server(found) or user in change.own:
            value = None
        elif user in told or change.statuses.get(user, "")[:1] in ("3", "5"):
            value = change.statuses.get(user)
        elif user in known:
            value = known[user].param("SCHEDULE-STATUS")
        if value == found.param("SCHEDULE-STATUS") and found.param("SCHEDULE-FORCE-SEND") is None:
            return line
        return editing.with_params(line, {"SCHEDULE-STATUS": value, "SCHEDULE-FORCE-SEND": None})

    for part in new.parts.values():
        editing.edit(part, status)


# -- messages ----------------------------------------------------------------------------------------------------------


def _drafts(old: Scheduled | None, new: Scheduled | None, change: Change, forced: Mapping[str, str]) -> list[Draft]:
    before, after = _invitations(old, change), _invitations(new, change)
    groups: dict[tuple[frozenset[Key], frozenset[Key], str], list[str]] = {}
    for user in dict.fromkeys([*before, *after]):
        if change.statuses.get(user, "")[:1] in ("3", "5"):  # nobody there
            continue
        keys = (before.get(user, frozenset()), after.get(user, frozenset()), forced.get(user, ""))
        groups.setdefault(keys, []).append(user)
    if len(groups) > MAX_GROUPS:
        raise Unfit(Rule.MAX_ATTENDEES, "Too many attendees are each invited to something else")
    drafts: list[Draft] = []
    said_before: dict[Key, object] = {}
    said_after: dict[Key, object] = {}
    for (had, has, force), users in groups.items():
        one = _message(_View(old, had, said_before), _View(new, has, said_after), users, change, force)
        if one is not None:
            drafts.append(one)
            check_size(drafts)
    return drafts


def _invitations(of: Scheduled | None, change: Change) -> dict[str, frozenset[Key]]:
    """The components that name each user for whom we send messages."""
    found: dict[str, set[Key]] = {}
    for key, part in of.parts.items() if of is not None and of.scheduled else ():
        for user, line in attendees_of(part).items():
            if user not in change.own and user != organizer_of(part) and by_server(line):
                found.setdefault(user, set()).add(key)
    return {user: frozenset(keys) for user, keys in found.items()}


class _View:
    """What somebody sees who is named in the components with these keys."""

    def __init__(self, of: Scheduled | None, keys: frozenset[Key], said: dict[Key, object] | None = None) -> None:
        """``said``: what is known of the components, for all who see them."""
        self.of = of
        self.keys = keys
        self.excluded: set[int] = set()
        self._said: dict[Key, object] = {} if said is None else said
        if of is not None and None in keys:
            self.excluded = {key for key in of.parts if key is not None and key not in keys}
            self.excluded |= dates(of.parts[None], "EXDATE", of)

    @property
    def whole(self) -> bool:
        return None in self.keys

    def cancelled(self, key: Key) -> bool:
        """Whether the component says so, or the series has been cancelled with it."""
        assert self.of is not None
        return _cancelled(self.of.parts[key]) or (self.whole and _cancelled(self.of.parts[None]))

    def parts(self, keys: frozenset[Key] | set[Key]) -> list[Component]:
        """Copies; the series excludes what is not for him."""
        assert self.of is not None
        made = []
        for part in keyed(self.of, keys):
            one = editing.copied(part)
            if part is self.of.master:
                for key in sorted(self.excluded - dates(part, "EXDATE", self.of)):
                    editing.add(one, date_line("EXDATE", key, self.of))
            made.append(one)
        return made

    def said(self, key: Key) -> object:
        assert self.of is not None
        if key not in self._said:
            self._said[key] = _fingerprint(self.of.parts[key])
        return self._said[key]


def _message(had: _View, has: _View, users: list[str], change: Change, force: str) -> Draft | None:
    """The one message that brings somebody from one view to the other."""
    if not has.keys or (has.whole and has.cancelled(None)):
        gone = not had.keys or (had.whole and had.cancelled(None))
        return None if gone and force != "CANCEL" else _cancel(had, has, None, users, change)
    assert has.of is not None
    if not had.keys or force == "REQUEST" or had.whole is not has.whole:
        return draft(Method.REQUEST, has.of, has.parts(has.keys), users, change.now, change.sent_by)
    assert had.of is not None
    differ = {
        key
        for key in has.keys
        if key not in had.keys or had.said(key) != has.said(key) or had.cancelled(key) != has.cancelled(key)
    }
    ended = {key for key in differ if key is not None and has.cancelled(key)}
    excluded = has.excluded - had.excluded
    lost = {key for key in had.keys - has.keys if key is not None}
    back = (lost - has.excluded if has.whole else set()) | (had.excluded - has.excluded - has.keys)
    if None in differ or back:  # the series itself
        return draft(Method.REQUEST, has.of, has.parts(has.keys), users, change.now, change.sent_by)
    if differ - ended:  # recurrences; with some gone as well, all of it
        wanted = has.keys if excluded or lost or ended else differ
        return draft(Method.REQUEST, has.of, has.parts(wanted), users, change.now, change.sent_by)
    if excluded or lost or ended:
        return _cancel(had, has, excluded | lost | ended, users, change)
    return None


def _cancel(had: _View, has: _View, keys: set[int] | None, users: list[str], change: Change) -> Draft | None:
    """All that he had, or these recurrences."""
    view = has if keys is None and has.keys else had
    of = view.of
    if of is None:
        return None
    wanted: list[Component] = []
    for key in sorted(keys) if keys is not None else []:
        if has.of is not None and key in has.keys:  # with what the organizer says about it
            wanted.append(has.of.parts[key])
        elif key in had.keys:
            wanted.append(of.parts[key])
        elif had.whole and (one := instance(of, key)) is not None:
            wanted.append(one)
    if keys is None:
        wanted = keyed(of, {None} if view.whole else view.keys)
    if not wanted:
        return None
    later = [sequence_of(part) for part in has.of.parts.values()] if has.of is not None else []
    least = max([*later, *([] if has.of is not None else [max(map(sequence_of, wanted)) + 1])])
    made = []
    for part in wanted:
        one = editing.copied(part)
        editing.edit(
            one, lambda found, line: None if found.name == "ATTENDEE" and user_of(found.value) not in users else line
        )
        editing.put(one, "STATUS:CANCELLED")
        editing.put(one, f"SEQUENCE:{max(sequence_of(part), least)}")
        made.append(one)
    return draft(Method.CANCEL, of, made, users, change.now, change.sent_by)


def _cancelled(part: Component) -> bool:
    return part.value("STATUS").upper() == "CANCELLED"


def _forced(new: Scheduled, own: frozenset[str]) -> dict[str, str]:
    """SCHEDULE-FORCE-SEND, RFC 6638 §7.2."""
    return {
        user: (line.param("SCHEDULE-FORCE-SEND") or "").upper()
        for user, line in new.attendees.items()
        if user not in own and line.param("SCHEDULE-FORCE-SEND")
    }


def _fingerprint(part: Component) -> object:
    """Equal when nobody need be told."""
    found = []
    for one, line in zip(part.properties, part.lines, strict=True):
        if one.name in _SILENT or one.name.startswith("X-"):
            continue
        if one.name == "ATTENDEE":
            found.append(f"ATTENDEE;{(one.param('ROLE') or 'REQ-PARTICIPANT').upper()}:{user_of(one.value)}")
        elif one.name == "ORGANIZER":
            found.append(f"ORGANIZER:{user_of(one.value)}")
        else:
            found.append(line)
    return tuple(sorted(found))
