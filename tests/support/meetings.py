"""Meetings for tests: their texts, and what the pure core of scheduling makes of a change."""

import re

from optimails.groupware.scheduling import attendee, organizer
from optimails.groupware.scheduling.api import ItipMessage
from optimails.groupware.scheduling.incoming import apply
from optimails.groupware.scheduling.objects import read_scheduled
from optimails.groupware.scheduling.organizer import Change
from optimails.groupware.scheduling.people import attendees_of, partstat
from tests.support.calendars import calendar

ANN, BOB, CAT, EVE = "ann@example.org", "bob@example.org", "cat@example.org", "eve@example.com"
NOW = 1_790_000_000  # 2026-09-21
SERIES = ("DTSTART;TZID=Europe/Paris:20261102T100000", "DTEND;TZID=Europe/Paris:20261102T110000",
          "RRULE:FREQ=WEEKLY;COUNT=10")  # fmt: skip
SECOND, THIRD = "20261109T100000", "20261116T100000"
ONCE = ("DTSTART:20261103T090000Z", "DTEND:20261103T100000Z")


def part(*lines, uid="m1", people=(BOB,), by=ANN, kind="VEVENT", **said):
    """A component; ``said``: PARTSTAT by the name before the @."""
    who = [f"ORGANIZER:mailto:{by}", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{by}"] if by else []
    for one in people:
        answer = said.get(one.partition("@")[0], "NEEDS-ACTION")
        who.append(f"ATTENDEE;PARTSTAT={answer};RSVP=TRUE:mailto:{one}")
    return "\r\n".join([f"BEGIN:{kind}", f"UID:{uid}", "DTSTAMP:20260901T000000Z", "SUMMARY:Talk", *lines, *who,
                        f"END:{kind}"])  # fmt: skip


def at(when, *lines, start=None, **options):
    """A recurrence of ``SERIES``."""
    begin = start or when
    end = f"{begin[:9]}{int(begin[9:11]) + 1:02}{begin[11:]}"
    return part(
        f"RECURRENCE-ID;TZID=Europe/Paris:{when}", f"DTSTART;TZID=Europe/Paris:{begin}",
        f"DTEND;TZID=Europe/Paris:{end}", *lines, **options,
    )  # fmt: skip


def meeting(*parts):
    return calendar(*parts).encode()


def change(own=ANN, now=NOW, **options):
    statuses = options.pop("statuses", {BOB: "1.2", CAT: "1.2", EVE: "1.1", ANN: "1.2"})
    return Change(frozenset({own}), now, statuses, **options)


def organized(old, new, **options):
    """The plan of what the organizer stores."""
    return organizer.changed(new, read_scheduled(old) if old else None, read_scheduled(new), change(**options))


def attended(old, new, own=BOB, **options):
    return attendee.changed(new, read_scheduled(old) if old else None, read_scheduled(new), change(own, **options))


def received(draft, text, own=BOB, sender=ANN, now=NOW):
    """What a message does to the recipient's object."""
    message = ItipMessage("m", draft.method, sender, own, "m1", "VEVENT", draft.text)
    return apply(message, text, frozenset({own}), now)


def sent(plan_or_drafts):
    """(method, recipients, recurrences) of each message; a recurrence by the digits of its RECURRENCE-ID."""
    drafts = getattr(plan_or_drafts, "drafts", plan_or_drafts)
    return sorted((one.method.value, tuple(sorted(one.recipients)), recurrences(one.text)) for one in drafts)


def recurrences(text):
    found = []
    for one in read_scheduled(text, message=True).parts.values():
        key = one.value("RECURRENCE-ID")
        found.append(re.sub(r"T1.0000Z?$", "", key) if key else "all")
    return found


def answers(text, who):
    """PARTSTAT of somebody in each component, by recurrence."""
    found = {}
    for one in read_scheduled(text, message=True).parts.values():
        people = attendees_of(one)
        if who in people:
            found[one.value("RECURRENCE-ID")[:8] or "all"] = partstat(people[who])
    return found


def values(text, name):
    return [line.value for one in read_scheduled(text, message=True).parts.values() for line in one.every(name)]
