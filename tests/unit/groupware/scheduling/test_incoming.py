"""What messages do to the copies they arrive at (RFC 5546 §3.2; RFC 6638 §4)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.groupware.api import Unfit
from optimails.groupware.scheduling import attendee, organizer
from optimails.groupware.scheduling.api import ItipMessage, Method, Result
from optimails.groupware.scheduling.incoming import apply, users_in
from optimails.groupware.scheduling.objects import read_scheduled
from optimails.model.errors import BadSyntax
from tests.support.meetings import (
    ANN,
    BOB,
    CAT,
    EVE,
    NOW,
    ONCE,
    SECOND,
    SERIES,
    THIRD,
    answers,
    at,
    attended,
    change,
    meeting,
    organized,
    part,
    received,
    values,
)

PLAIN = meeting(part(*ONCE, people=(BOB, CAT)))
WEEKLY = meeting(part(*SERIES, people=(BOB, CAT)))
later = itertools.count(NOW, 60)


def both(old, new, theirs, **options):
    """The organizer stores ``new`` after ``old``; his text, and what Bob's copy becomes."""
    plan = organized(old, new, now=next(later), **options)
    for draft in plan.drafts:
        if BOB in draft.recipients:
            arrival = received(draft, theirs)
            assert arrival.result is Result.APPLIED, arrival.why
            theirs = arrival.text
    return plan.text, theirs


def answered(mine, theirs, new):
    """Bob stores ``new``; the organizer's text, and his."""
    plan = attended(theirs, new, now=next(later))
    for draft in plan.drafts:
        arrival = received(draft, mine, own=ANN, sender=BOB)
        assert arrival.result is Result.APPLIED, arrival.why
        assert not arrival.consequential
        mine = arrival.text
    return mine, plan.text


def says(text, answer):
    return text.replace(b"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", f"PARTSTAT={answer}:mailto:bob".encode())


def test_invited_accepted_moved_and_called_off():
    mine, theirs = both(None, PLAIN, None)
    assert b"METHOD" not in theirs
    assert answers(theirs, BOB) == {"all": "NEEDS-ACTION"}
    mine, theirs = answered(mine, theirs, says(theirs, "ACCEPTED"))
    assert answers(mine, BOB) == answers(theirs, BOB) == {"all": "ACCEPTED"}
    mine, theirs = both(mine, mine.replace(b":Talk", b":Lunch"), theirs)
    assert (values(theirs, "SUMMARY"), answers(theirs, BOB)) == (["Lunch"], {"all": "ACCEPTED"})
    mine, theirs = both(mine, mine.replace(b"T090000Z", b"T080000Z"), theirs)
    assert answers(mine, BOB) == answers(theirs, BOB) == {"all": "NEEDS-ACTION"}
    assert values(theirs, "DTSTART") == ["20261103T080000Z"]
    (draft,) = organizer.removed(read_scheduled(mine), change(now=next(later)))
    gone = received(draft, theirs)
    assert values(gone.text, "STATUS") == ["CANCELLED"]
    assert attendee.left(read_scheduled(gone.text), change(BOB)) == []
    # Taken back by a program that begins to count anew.
    _, again = both(None, PLAIN, gone.text)
    assert values(again, "STATUS") == []


def test_an_update_leaves_what_is_the_attendees_own():
    mine, theirs = both(None, PLAIN, None)
    own = says(theirs, "ACCEPTED").replace(
        b"END:VEVENT",
        b"TRANSP:TRANSPARENT\r\nX-MINE:1\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nEND:VALARM\r\nEND:VEVENT",
    )
    mine, theirs = answered(mine, theirs, own)
    _, theirs = both(mine, mine.replace(b":Talk", b":Lunch").replace(b"T090000Z", b"T080000Z"), theirs)
    for kept in (b"TRANSP:TRANSPARENT", b"X-MINE:1", b"ACTION:AUDIO", b"SUMMARY:Lunch"):
        assert theirs.count(kept) == 1


def test_an_answer_on_its_way_is_not_undone_by_another_title():
    mine, theirs = both(None, PLAIN, None)
    theirs = attended(theirs, says(theirs, "ACCEPTED")).text
    _, theirs = both(mine, mine.replace(b":Talk", b":Lunch"), theirs)
    assert answers(theirs, BOB) == {"all": "ACCEPTED"}


def test_one_recurrence_moved_declined_and_called_off():
    people = {"people": (BOB, CAT)}
    mine, theirs = both(None, WEEKLY, None)
    mine, theirs = answered(mine, theirs, says(theirs, "ACCEPTED"))
    moved = read_scheduled(mine)
    moved.parts[1] = read_scheduled(meeting(at(SECOND, start="20261109T140000", **people))).parts.popitem()[1]
    mine, theirs = both(mine, moved.text(), theirs)
    assert answers(theirs, BOB) == {"all": "ACCEPTED", "20261109": "NEEDS-ACTION"}
    assert values(theirs, "DTSTART") == ["20261102T100000", "20261109T140000"]
    mine, theirs = answered(mine, theirs, says(theirs, "DECLINED"))
    assert answers(mine, BOB) == answers(theirs, BOB) == {"all": "ACCEPTED", "20261109": "DECLINED"}
    out = mine.replace(b"RRULE:", f"EXDATE;TZID=Europe/Paris:{THIRD}\r\nRRULE:".encode())
    mine, theirs = both(mine, out, theirs)
    assert values(theirs, "STATUS") == ["CANCELLED"]
    assert values(theirs, "RECURRENCE-ID") == [SECOND, THIRD]


def test_a_recurrence_that_is_answered_alone_gets_a_component_at_the_organizers():
    mine, theirs = both(None, WEEKLY, None)
    own = read_scheduled(theirs)
    own.parts[1] = read_scheduled(meeting(at(SECOND, people=(BOB, CAT), bob="DECLINED"))).parts.popitem()[1]
    mine, theirs = answered(mine, theirs, own.text())
    assert answers(mine, BOB) == {"all": "NEEDS-ACTION", "20261109": "DECLINED"}
    assert answers(mine, CAT) == {"all": "NEEDS-ACTION", "20261109": "NEEDS-ACTION"}
    # It outlives another title of the series, and also when the organizer had not heard of it.
    _, theirs = both(WEEKLY, WEEKLY.replace(b":Talk", b":Lunch"), theirs)
    assert answers(theirs, BOB) == {"all": "NEEDS-ACTION", "20261109": "DECLINED"}
    assert values(theirs, "SUMMARY") == ["Lunch", "Lunch"]
    # But not another time.
    _, theirs = both(WEEKLY, WEEKLY.replace(b"T110000", b"T113000"), theirs)
    assert answers(theirs, BOB) == {"all": "NEEDS-ACTION"}


def test_a_guest_for_one_recurrence_has_only_that_one():
    mine, theirs = both(None, meeting(part(*SERIES, people=(CAT,)), at(SECOND, people=(BOB, CAT))), None)
    assert values(theirs, "RECURRENCE-ID") == [SECOND]
    more = meeting(part(*SERIES, people=(CAT,)), at(SECOND, people=(BOB, CAT)), at(THIRD, people=(BOB, CAT)))
    mine, theirs = both(mine, more, theirs)
    assert values(theirs, "RECURRENCE-ID") == [SECOND, THIRD]
    mine, theirs = both(mine, meeting(part(*SERIES, people=(BOB, CAT))), theirs)
    assert values(theirs, "RECURRENCE-ID") == []


def test_a_recurrence_that_was_called_off_comes_back():
    mine, theirs = both(None, WEEKLY, None)
    out = WEEKLY.replace(b"RRULE:", f"EXDATE;TZID=Europe/Paris:{SECOND}\r\nRRULE:".encode())
    mine, theirs = both(mine, out, theirs)
    assert values(theirs, "STATUS") == ["CANCELLED"]
    mine, theirs = both(mine, WEEKLY, theirs)
    assert values(theirs, "STATUS") == []


def message(method, text, sender=ANN, recipient=BOB):
    return ItipMessage("m", Method(method), sender, recipient, "m1", "VEVENT", text)


def take(method, text, stored, own=BOB, sender=ANN):
    return apply(message(method, text, sender), stored, frozenset({own}), NOW)


def test_an_older_message_changes_nothing():
    newer = meeting(part(*ONCE, "SEQUENCE:2"))
    assert take("REQUEST", meeting(part(*ONCE, "SEQUENCE:1")), newer).result is Result.STALE
    earlier = newer.replace(b"20260901T000000Z", b"20260831T000000Z")
    assert take("REQUEST", earlier, newer).result is Result.STALE
    assert take("CANCEL", earlier, newer).result is Result.STALE
    assert take("REQUEST", newer, newer).result is Result.APPLIED


def test_an_answer_to_another_time_is_too_late_and_an_older_answer_too():
    moved = meeting(part("DTSTART:20261103T080000Z", "SEQUENCE:1"))
    late = meeting(part(*ONCE, bob="ACCEPTED"))
    assert take("REPLY", late, moved, own=ANN, sender=BOB).result is Result.STALE
    first = take("REPLY", late, meeting(part(*ONCE)), own=ANN, sender=BOB)
    before = meeting(part(*ONCE, bob="DECLINED")).replace(b"20260901T000000Z", b"20260831T000000Z")
    assert take("REPLY", before, first.text, own=ANN, sender=BOB).result is Result.STALE


def test_who_was_not_asked_may_answer_and_then_is_invited():
    arrival = take("REPLY", meeting(part(*ONCE, people=(EVE,), eve="ACCEPTED")), PLAIN, own=ANN, sender=EVE)
    assert answers(arrival.text, EVE) == {"all": "ACCEPTED"}


def test_handed_on():
    handed = meeting(part(*ONCE)).replace(
        b"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@example.org",
        b'PARTSTAT=DELEGATED;DELEGATED-TO="mailto:cat@example.org":mailto:bob@example.org\r\n'
        b'ATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:bob@example.org":mailto:cat@example.org',
    )
    plan = attended(meeting(part(*ONCE)), handed)
    reply, request = plan.drafts
    mine = received(reply, meeting(part(*ONCE)), own=ANN, sender=BOB).text
    assert answers(mine, BOB) == {"all": "DELEGATED"}
    assert answers(mine, CAT) == {"all": "NEEDS-ACTION"}
    hers = received(request, None, own=CAT, sender=BOB)
    assert answers(hers.text, CAT) == {"all": "NEEDS-ACTION"}
    yes = attended(hers.text, hers.text.replace(b"NEEDS-ACTION", b"ACCEPTED"), own=CAT)
    assert answers(received(yes.drafts[0], mine, own=ANN, sender=CAT).text, CAT) == {"all": "ACCEPTED"}


def test_how_far_a_task_is_stands_in_the_organizers():
    task, kind = ("DUE:20261103T100000Z",), {"kind": "VTODO"}
    plan = attended(meeting(part(*task, **kind)), meeting(part(*task, "PERCENT-COMPLETE:50", bob="IN-PROCESS", **kind)))
    mine = received(plan.drafts[0], meeting(part(*task, **kind)), own=ANN, sender=BOB).text
    assert (values(mine, "PERCENT-COMPLETE"), answers(mine, BOB)) == (["50"], {"all": "IN-PROCESS"})


def test_another_recurrence_is_added():
    extra = meeting(part("DTSTART;TZID=Europe/Paris:20261105T100000", "DTEND;TZID=Europe/Paris:20261105T110000"))
    arrival = take("ADD", extra, meeting(part(*SERIES)))
    assert values(arrival.text, "RDATE") == values(arrival.text, "RECURRENCE-ID") == ["20261105T100000"]


def test_whoever_is_invited_may_ask_for_the_newest_version():
    arrival = take("REFRESH", PLAIN, PLAIN, own=ANN, sender=BOB)
    assert (arrival.result, arrival.text) == (Result.APPLIED, None)
    assert [(one.method, one.recipients) for one in arrival.drafts] == [(Method.REQUEST, (BOB,))]
    assert take("REFRESH", PLAIN, PLAIN, own=ANN, sender=EVE).result is Result.REFUSED


def test_people_decide_about_proposals():
    assert take("COUNTER", PLAIN, PLAIN, own=ANN, sender=BOB).result is Result.KEPT
    assert take("DECLINECOUNTER", PLAIN, PLAIN).result is Result.KEPT


MINE = meeting(part(*ONCE, by=BOB, people=(ANN,)))
WRONG = {
    "not invited": ("REQUEST", meeting(part(*ONCE, people=(CAT,))), None, BOB, ANN),
    "from somebody else": ("REQUEST", PLAIN, None, BOB, EVE),
    "cancelled by somebody else": ("CANCEL", PLAIN, PLAIN, BOB, CAT),
    "another organizer": ("REQUEST", meeting(part(*ONCE, by=EVE)), PLAIN, BOB, EVE),
    "one's own": ("REQUEST", MINE, MINE, BOB, BOB),
    "one's own, by an attendee": ("REQUEST", meeting(part(*ONCE)), MINE, BOB, ANN),
    "handed on by somebody who has it": ("REQUEST", PLAIN.replace(
        b"RSVP=TRUE:mailto:bob", b'DELEGATED-FROM="mailto:cat@example.org":mailto:bob'), PLAIN, BOB, CAT),
    "cancelled, but not here": ("CANCEL", PLAIN, None, BOB, ANN),
    "an answer for another": ("REPLY", meeting(part(*ONCE, people=(CAT,), cat="ACCEPTED")), PLAIN, ANN, BOB),
    "an answer to nothing": ("REPLY", PLAIN, None, ANN, BOB),
    "an answer to an attendee": ("REPLY", PLAIN, PLAIN, BOB, CAT),
    "an answer to no recurrence": ("REPLY", meeting(at("20261110T100000", bob="ACCEPTED")), WEEKLY, ANN, BOB),
    "without a start": ("REQUEST", meeting(part()), None, BOB, ANN),
    "no organizer": ("REQUEST", meeting(part(*ONCE, by="")), None, BOB, ANN),
    "no text": ("REQUEST", b"BEGIN:VCALENDAR", None, BOB, ANN),
}  # fmt: skip


@pytest.mark.parametrize(("method", "text", "stored", "own", "sender"), WRONG.values(), ids=WRONG)
def test_what_nobody_may_send(method, text, stored, own, sender):
    arrival = take(method, text, stored, own, sender)
    assert (arrival.result, arrival.text, arrival.drafts) == (Result.REFUSED, None, ())
    assert arrival.why


LINES = st.lists(
    st.sampled_from([
        "DTSTART:20261103T090000Z", "DTSTART;VALUE=DATE:20261103", "DTSTART;TZID=Nowhere:20261103T090000", "DTSTART:x",
        "DTEND:99991231T235959Z", "DURATION:P9999W", "RRULE:FREQ=SECONDLY", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RDATE:20261104T090000Z,x", "EXDATE:20261103T090000Z", "RECURRENCE-ID:20261103T090000Z", "RECURRENCE-ID:x",
        "RECURRENCE-ID;VALUE=DATE:20261103", "RECURRENCE-ID:00010101T000000Z", "RECURRENCE-ID:99991231T235959Z",
        "SEQUENCE:9999999999999999999", "SEQUENCE:-1", "STATUS:CANCELLED", "ORGANIZER:mailto:ann@example.org",
        "ORGANIZER:", "ATTENDEE:mailto:bob@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:BOB@example.org",
        'ATTENDEE;DELEGATED-TO="mailto:cat@example.org";PARTSTAT=DELEGATED:mailto:bob@example.org', "ATTENDEE:",
        'ATTENDEE;CN="unclosed:mailto:x@example.org', 'SUMMARY;X="a;b":\u00e9\\,', "DTSTAMP:x", ";:", "X:\x00",
    ]),
    max_size=9,
)  # fmt: skip


@given(
    st.sampled_from(list(Method)), st.lists(LINES, min_size=1, max_size=3), st.lists(LINES, max_size=2), st.booleans()
)
def test_whatever_comes_and_whatever_is_there_nothing_breaks(method, told, stored, organizes):
    def text(parts):
        return meeting(*("\r\n".join(["BEGIN:VEVENT", "UID:m1", *lines, "END:VEVENT"]) for lines in parts))

    own, sender = (ANN, BOB) if organizes else (BOB, ANN)
    known = text(stored) if stored else None
    arrival = apply(message(method, text(told), sender, own), known, frozenset({own}), NOW)
    users_in(text(told), known)
    if arrival.text is not None:
        read_scheduled(arrival.text)


@given(LINES, LINES, LINES, st.booleans())
def test_whatever_programs_store_is_taken_or_refused(old, new, more, organizes):
    def text(*parts):
        return meeting(*("\r\n".join(["BEGIN:VEVENT", "UID:m1", *lines, "END:VEVENT"]) for lines in parts))

    try:
        plan = (organized if organizes else attended)(text(old, more), text(new, more))
    except (BadSyntax, Unfit):
        return
    for draft in plan.drafts:
        read_scheduled(draft.text, message=True)
