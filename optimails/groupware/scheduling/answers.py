"""What attendees' messages do to the organizer's copy (RFC 5546 §3.2.3, §3.2.6, §3.2.7).

An answer counts for the time that was asked about: when the attendee saw another one, it is too late. Answers of one
attendee are in order of their DTSTAMP, which stands beside his PARTSTAT. Somebody who answers without having been asked
is added: whoever got the invitation from another attendee. How many of them, is bounded.
"""

from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import ItipMessage, Method, Result
from optimails.groupware.scheduling.drafts import ANSWERED, draft
from optimails.groupware.scheduling.invited import STALE, Arrival, refused, stamped
from optimails.groupware.scheduling.messages import sequence_of
from optimails.groupware.scheduling.objects import Key, Scheduled, instance, span
from optimails.groupware.scheduling.organizer import MAX_ATTENDEES
from optimails.groupware.scheduling.people import attendees_of, partstat, user_of
from optimails.groupware.text import Component, Property

_ANSWERS = frozenset({"ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED", "NEEDS-ACTION", "COMPLETED", "IN-PROCESS"})
MAX_INSTANCES = 400  # components that answers may make of one series


def replied(message: ItipMessage, told: Scheduled, stored: Scheduled) -> Arrival:
    """REPLY: what the sender says stands at his name."""
    sender = user_of(message.sender)
    outcome = [_one(key, part, told, stored, sender) for key, part in told.parts.items()]
    if any(outcome):
        return Arrival(Result.APPLIED, stored.text(), consequential=False)
    return STALE if None in outcome else refused("it answers nothing that is here")


def refreshed(message: ItipMessage, stored: Scheduled, own: frozenset[str], now: int) -> Arrival:
    """REFRESH: an attendee, and nobody else, gets the newest version."""
    sender = user_of(message.sender)
    keys = {key for key, part in stored.parts.items() if sender in attendees_of(part)}
    if not keys or sender in own:
        return refused("not among the attendees")
    parts = [part for key, part in stored.parts.items() if key in keys]
    return Arrival(Result.APPLIED, drafts=(draft(Method.REQUEST, stored, parts, [sender], now),))


def _one(key: Key, part: Component, told: Scheduled, stored: Scheduled, sender: str) -> bool | None:
    """Whether one component was taken; None: too late."""
    said = attendees_of(part).get(sender)
    if said is None or partstat(said) not in _ANSWERS:
        return False
    target = stored.parts.get(key)
    made = target is None
    if target is None and key is not None and len(stored.parts) < MAX_INSTANCES:
        target = instance(stored, key)
    if target is None:
        return False
    known = attendees_of(target).get(sender)
    if _too_late(part, told, target, stored, known):
        return None
    if known is None and (len(attendees_of(target)) >= MAX_ATTENDEES or target.value("STATUS").upper() == "CANCELLED"):
        return False
    _note(target, sender, said, stamped(part), known)
    _note_delegates(target, part, sender)
    if part.name == "VTODO":
        _note_progress(target, part)
    if made:
        stored.parts[key] = target
    return True


def _too_late(part: Component, told: Scheduled, target: Component, stored: Scheduled, known: Property | None) -> bool:
    if known is not None and stamped(part) < (known.param(ANSWERED) or ""):
        return True
    if sequence_of(part) >= sequence_of(target):
        return False
    begin = part.get("DTSTART")
    return begin is None or span(part, told)[0] != span(target, stored)[0]


def _note(target: Component, sender: str, said: Property, at: str, known: Property | None) -> None:
    values: dict[str, str | None] = {
        "PARTSTAT": partstat(said),
        "RSVP": None,
        "DELEGATED-TO": said.param("DELEGATED-TO"),
        "SCHEDULE-STATUS": "2.0",
        ANSWERED: at or None,
    }
    if known is None:
        for name in ("CN", "DELEGATED-FROM"):
            if said.param(name):
                values[name] = said.param(name)
        editing.add(target, editing.with_params(f"ATTENDEE:mailto:{sender}", values))
        return
    editing.edit(
        target,
        lambda found, line: (
            editing.with_params(line, values)
            if found.name == "ATTENDEE" and user_of(found.value) == sender
            else line
        ),
    )  # fmt: skip


def _note_delegates(target: Component, part: Component, sender: str) -> None:
    """To whom the sender hands it on is invited from now on (RFC 5546 §3.2.2.3)."""
    known = attendees_of(target)
    wanted = user_of(attendees_of(part)[sender].param("DELEGATED-TO") or "")
    if not wanted or wanted in known or len(known) >= MAX_ATTENDEES or "@" not in wanted:
        return
    said = attendees_of(part).get(wanted)
    values = {
        "CN": said.param("CN") if said else None,
        "ROLE": said.param("ROLE") if said else None,
        "PARTSTAT": "NEEDS-ACTION",
        "RSVP": "TRUE",
        "DELEGATED-FROM": f"mailto:{sender}",
    }
    editing.add(target, editing.with_params(f"ATTENDEE:mailto:{wanted}", values))


def _note_progress(target: Component, part: Component) -> None:
    """How far a task is (RFC 5546 §3.4.3)."""
    for name in ("PERCENT-COMPLETE", "COMPLETED", "STATUS"):
        for line in editing.lines_of(part, name)[:1]:
            if name != "STATUS" or part.value(name).upper() in ("COMPLETED", "IN-PROCESS", "NEEDS-ACTION"):
                editing.put(target, line)
