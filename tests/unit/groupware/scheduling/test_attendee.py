"""What the organizer hears of an attendee's changes, and which are not his to make (RFC 6638 §3.2.2)."""

import pytest

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling import attendee
from optimails.groupware.scheduling.objects import read_scheduled
from tests.support.meetings import (
    ANN,
    BOB,
    CAT,
    ONCE,
    SECOND,
    SERIES,
    THIRD,
    answers,
    at,
    attended,
    change,
    meeting,
    part,
    sent,
    values,
)

ASKED = meeting(part(*ONCE, "SEQUENCE:3", people=(BOB, CAT)))
ACCEPTED = meeting(part(*ONCE, "SEQUENCE:3", people=(BOB, CAT), bob="ACCEPTED"))
WEEKLY = meeting(part(*SERIES))
EXCLUDED = f"EXDATE;TZID=Europe/Paris:{SECOND}"
HANDED_ON = ACCEPTED.replace(b"PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:bob", (
    f'PARTSTAT=DELEGATED;DELEGATED-TO="mailto:dan@example.org":mailto:{BOB}\r\n'
    f'ATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:{BOB}":mailto:dan@example.org\r\nX-W:mailto:bob').encode(),
).replace(b"X-W:mailto:bob@example.org\r\n", b"")  # fmt: skip

CASES = {
    "yes": (ASKED, ACCEPTED, [("REPLY", (ANN,), ["all"])]),
    "yes again": (ACCEPTED, ACCEPTED, []),
    "an alarm": (ACCEPTED, ACCEPTED.replace(
        b"END:VEVENT", b"BEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT"), []),
    "from a mail, answered": (None, ACCEPTED, [("REPLY", (ANN,), ["all"])]),
    "from a mail, not answered": (None, ASKED, []),
    "no to one recurrence": (WEEKLY, meeting(part(*SERIES), at(SECOND, bob="DECLINED")), [
        ("REPLY", (ANN,), ["20261109"])]),
    "yes to all but one": (WEEKLY, meeting(part(*SERIES, bob="ACCEPTED"), at(SECOND, bob="DECLINED")), [
        ("REPLY", (ANN,), ["20261109", "all"])]),
    "one taken out": (WEEKLY, meeting(part(*SERIES, EXCLUDED)), [("REPLY", (ANN,), ["20261109"])]),
    "yes to all, with those that were changed": (
        meeting(part(*SERIES), at(SECOND, start="20261109T140000")),
        meeting(part(*SERIES, bob="ACCEPTED"), at(SECOND, start="20261109T140000", bob="ACCEPTED")), [
            ("REPLY", (ANN,), ["20261109", "all"])]),
    "a recurrence to oneself alone": (WEEKLY, meeting(part(*SERIES), at(SECOND, "LOCATION:x")), []),
    "the organizer's program asks for mail": (
        ASKED.replace(b"ORGANIZER:", b"ORGANIZER;SCHEDULE-AGENT=CLIENT:"),
        ACCEPTED.replace(b"ORGANIZER:", b"ORGANIZER;SCHEDULE-AGENT=CLIENT:"), []),
    "once more, by force": (ACCEPTED, ACCEPTED.replace(b"ORGANIZER:", b"ORGANIZER;SCHEDULE-FORCE-SEND=REPLY:"), [
        ("REPLY", (ANN,), ["all"])]),
    "half of a task": (
        meeting(part("DUE:20261103T100000Z", kind="VTODO")),
        meeting(part("DUE:20261103T100000Z", "PERCENT-COMPLETE:50", "STATUS:IN-PROCESS", kind="VTODO")), [
            ("REPLY", (ANN,), ["all"])]),
    "handed on": (ASKED, HANDED_ON, [("REPLY", (ANN,), ["all"]), ("REQUEST", ("dan@example.org",), ["all"])]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_what_the_organizer_hears(old, new, expected):
    assert [(one[0], one[1], sorted(one[2])) for one in sent(attended(old, new))] == expected


FORBIDDEN = {
    "another time": (ASKED, ACCEPTED.replace(b"T090000Z", b"T080000Z")),
    "longer": (ASKED, ACCEPTED.replace(b"T100000Z", b"T110000Z")),
    "more often": (WEEKLY, WEEKLY.replace(b"COUNT=10", b"COUNT=20")),
    "another organizer": (ASKED, ASKED.replace(b"ORGANIZER:mailto:ann", b"ORGANIZER:mailto:cat")),
    "no organizer": (ASKED, ASKED.replace(b"ORGANIZER:mailto:ann@example.org", b"X-NO:x")),
    "one recurrence moved": (WEEKLY, meeting(part(*SERIES), at(SECOND, start="20261109T140000"))),
    "a recurrence that is none": (WEEKLY, meeting(part(*SERIES), at("20261110T100000"))),
    "one brought back": (meeting(part(*SERIES, EXCLUDED)), WEEKLY),
    "a changed one undone": (meeting(part(*SERIES), at(SECOND, start="20261109T140000")), WEEKLY),
    "the series gone": (meeting(part(*SERIES), at(SECOND)), meeting(at(SECOND))),
}


@pytest.mark.parametrize(("old", "new"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_the_organizers_to_change(old, new):
    with pytest.raises(Unfit) as wrong:
        attended(old, new)
    assert wrong.value.rule is Rule.ATTENDEE_CHANGE


def test_a_reply_speaks_of_nobody_else_and_of_nothing_private():
    data = ACCEPTED.replace(
        b"END:VEVENT", b"DESCRIPTION:Mine\r\nX-MINE:1\r\nCOMMENT:I am late\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT"
    )
    text = attended(ASKED, data).drafts[0].text
    assert values(text, "ATTENDEE") == [f"mailto:{BOB}"]
    assert (values(text, "COMMENT"), values(text, "SEQUENCE")) == (["I am late"], ["3"])
    assert not any(word in text for word in (b"VALARM", b"Mine", b"X-MINE", CAT.encode()))


def test_a_delegate_answers_in_the_attendees_name():
    text = attended(ASKED, ACCEPTED, sent_by=CAT).drafts[0].text
    assert f'SENT-BY="mailto:{CAT}":mailto:{BOB}'.encode() in text.replace(b"\r\n ", b"")


def test_what_a_program_has_not_seen_of_others_is_put_back():
    stored = meeting(part(*ONCE, "SEQUENCE:3", people=(BOB, CAT, "new@example.org"), cat="ACCEPTED"))
    plan = attended(stored, ACCEPTED.replace(b"SEQUENCE:3", b"SEQUENCE:9").replace(b"20260901T", b"20270901T"))
    assert answers(plan.text, CAT) == {"all": "ACCEPTED"}
    assert answers(plan.text, "new@example.org") == {"all": "NEEDS-ACTION"}
    assert answers(plan.text, BOB) == {"all": "ACCEPTED"}
    assert (values(plan.text, "SEQUENCE"), values(plan.text, "DTSTAMP")) == (["3"], ["20260901T000000Z"])


def test_the_status_of_an_answer_stands_at_the_organizer():
    plan = attended(ASKED, ACCEPTED)
    assert f"ORGANIZER;SCHEDULE-STATUS=1.2:mailto:{ANN}".encode() in plan.text


def left(text):
    return sent(attendee.left(read_scheduled(text), change(BOB)))


def test_who_takes_it_away_does_not_come():
    assert left(ACCEPTED) == [("REPLY", (ANN,), ["all"])]
    assert left(meeting(part(*ONCE, bob="DECLINED"))) == []
    assert left(meeting(part(*ONCE, "STATUS:CANCELLED"))) == []
    both = meeting(part(*SERIES), at(SECOND, bob="DECLINED"), at(THIRD, "STATUS:CANCELLED"))
    assert left(both) == [("REPLY", (ANN,), ["all"])]
    (reply,) = attendee.left(read_scheduled(ACCEPTED), change(BOB))
    assert answers(reply.text, BOB) == {"all": "DECLINED"}
