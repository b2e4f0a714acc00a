"""What the organizer's changes send to whom (RFC 5546 §3.2.2, §3.2.5; RFC 6638 §3.2.1, §3.2.8, §7)."""

import pytest

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling import organizer
from optimails.groupware.scheduling.objects import read_scheduled
from tests.support.meetings import (
    ANN,
    BOB,
    CAT,
    EVE,
    ONCE,
    SECOND,
    SERIES,
    THIRD,
    answers,
    at,
    change,
    meeting,
    organized,
    part,
    sent,
    values,
)

PLAIN = meeting(part(*ONCE))
YES = meeting(part(*ONCE, bob="ACCEPTED"))
WEEKLY = meeting(part(*SERIES, people=(BOB, CAT)))
EXCLUDED = f"EXDATE;TZID=Europe/Paris:{SECOND}"

CASES = {
    "an invitation": (None, PLAIN, [("REQUEST", (BOB,), ["all"])]),
    "one more": (PLAIN, meeting(part(*ONCE, people=(BOB, CAT))), [
        ("REQUEST", (BOB,), ["all"]), ("REQUEST", (CAT,), ["all"])]),
    "one less": (meeting(part(*ONCE, people=(BOB, CAT))), PLAIN, [
        ("CANCEL", (CAT,), ["all"]), ("REQUEST", (BOB,), ["all"])]),
    "moved": (YES, meeting(part("DTSTART:20261103T110000Z", bob="ACCEPTED")), [("REQUEST", (BOB,), ["all"])]),
    "renamed": (YES, YES.replace(b":Talk", b":Lunch"), [("REQUEST", (BOB,), ["all"])]),
    "an answer, an alarm, a stamp": (
        PLAIN,
        YES.replace(b"DTSTAMP:2026", b"DTSTAMP:2025").replace(
            b"END:VEVENT", b"X-MOZ-LASTACK:1\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT"), []),
    "called off, and kept": (YES, meeting(part(*ONCE, "STATUS:CANCELLED")), [("CANCEL", (BOB,), ["all"])]),
    "still called off": (meeting(part(*ONCE, "STATUS:CANCELLED")),
                         meeting(part(*ONCE, "STATUS:CANCELLED", "LOCATION:x")), []),
    "on again": (meeting(part(*ONCE, "STATUS:CANCELLED")), PLAIN, [("REQUEST", (BOB,), ["all"])]),
    "nobody is invited any more": (PLAIN, meeting(part(*ONCE, people=(), by="")), [("CANCEL", (BOB,), ["all"])]),
    "a recurrence is taken out": (WEEKLY, meeting(part(*SERIES, EXCLUDED, people=(BOB, CAT))), [
        ("CANCEL", (BOB, CAT), ["20261109"])]),
    "a recurrence is called off": (
        WEEKLY, meeting(part(*SERIES, people=(BOB, CAT)), at(SECOND, "STATUS:CANCELLED", people=(BOB, CAT))), [
            ("CANCEL", (BOB, CAT), ["20261109"])]),
    "a recurrence moves": (
        WEEKLY, meeting(part(*SERIES, people=(BOB, CAT)), at(SECOND, start="20261109T140000", people=(BOB, CAT))), [
            ("REQUEST", (BOB, CAT), ["20261109"])]),
    "a recurrence without one of them": (
        WEEKLY, meeting(part(*SERIES, people=(BOB, CAT)), at(SECOND, people=(BOB,))), [
            ("CANCEL", (CAT,), ["20261109"]), ("REQUEST", (BOB,), ["20261109"])]),
    "a guest for one recurrence": (
        WEEKLY, meeting(part(*SERIES, people=(BOB, CAT)), at(SECOND, people=(BOB, CAT, EVE))), [
            ("REQUEST", (BOB, CAT), ["20261109"]), ("REQUEST", (EVE,), ["20261109"])]),
    "the guest is not needed": (
        meeting(part(*SERIES), at(SECOND, people=(BOB, EVE)), at(THIRD, people=(BOB, EVE))),
        meeting(part(*SERIES), at(SECOND, people=(BOB, EVE)), at(THIRD)), [
            ("CANCEL", (EVE,), ["20261116"]), ("REQUEST", (BOB,), ["20261116"])]),
    "a recurrence is as the others again": (
        meeting(part(*SERIES), at(SECOND, start="20261109T140000")), meeting(part(*SERIES)), [
            ("REQUEST", (BOB,), ["all"])]),
    "a recurrence is back": (meeting(part(*SERIES, EXCLUDED)), meeting(part(*SERIES)), [("REQUEST", (BOB,), ["all"])]),
    "one goes, another moves": (
        WEEKLY, meeting(part(*SERIES, EXCLUDED, people=(BOB, CAT)),
                        at(THIRD, start="20261116T140000", people=(BOB, CAT))), [
            ("REQUEST", (BOB, CAT), ["all", "20261116"])]),
    "the program itself sends": (None, PLAIN.replace(b"RSVP", b"SCHEDULE-AGENT=CLIENT;RSVP"), []),
    "the program takes over": (PLAIN, PLAIN.replace(b"RSVP", b"SCHEDULE-AGENT=NONE;RSVP"), [
        ("CANCEL", (BOB,), ["all"])]),
    "once more, by force": (YES, YES.replace(b"RSVP", b"SCHEDULE-FORCE-SEND=REQUEST;RSVP"), [
        ("REQUEST", (BOB,), ["all"])]),
    "a task": (None, meeting(part("DUE:20261103T100000Z", kind="VTODO")), [("REQUEST", (BOB,), ["all"])]),
    "a journal entry": (None, meeting(part(*ONCE[:1], kind="VJOURNAL")), []),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_who_is_told_what(old, new, expected):
    assert sent(organized(old, new)) == sorted(expected)


def test_taken_away_it_is_cancelled_for_all_with_a_higher_sequence():
    old = read_scheduled(meeting(part(*SERIES, "SEQUENCE:4", people=(BOB, CAT)), at(SECOND, people=(BOB, CAT, EVE))))
    drafts = organizer.removed(old, change())
    assert sent(drafts) == [("CANCEL", (BOB, CAT), ["all"]), ("CANCEL", (EVE,), ["20261109"])]
    assert [one.sequence for one in drafts] == [5, 1]
    assert all(values(one.text, "STATUS") == ["CANCELLED"] for one in drafts)
    assert not any(ANN in line for one in drafts for line in values(one.text, "ATTENDEE"))


def test_another_time_asks_everybody_anew():
    plan = organized(YES, meeting(part("DTSTART:20261103T110000Z", "DTEND:20261103T120000Z", bob="ACCEPTED")))
    assert answers(plan.text, BOB) == {"all": "NEEDS-ACTION"}
    assert answers(plan.text, ANN) == {"all": "ACCEPTED"}
    assert values(plan.text, "SEQUENCE") == ["1"]
    assert answers(plan.drafts[0].text, BOB) == {"all": "NEEDS-ACTION"}
    assert plan.drafts[0].sequence == 1


def test_another_title_asks_nobody_and_does_not_count():
    plan = organized(YES, YES.replace(b":Talk", b":Lunch"))
    assert answers(plan.text, BOB) == {"all": "ACCEPTED"}
    assert values(plan.text, "SEQUENCE") == []


def test_the_same_time_in_other_words_is_no_move():
    same = YES.replace(b"DTEND:20261103T100000Z", b"DURATION:PT1H").replace(
        b"DTSTART:20261103T090000Z", b"DTSTART;TZID=Europe/Paris:20261103T100000"
    )
    assert answers(organized(YES, same).text, BOB) == {"all": "ACCEPTED"}


def test_a_sequence_that_the_program_counted_is_left():
    moved = meeting(part("DTSTART:20261103T110000Z", "SEQUENCE:7"))
    assert values(organized(YES, moved).text, "SEQUENCE") == ["7"]


def test_only_the_recurrence_that_moves_asks_anew():
    both = {"people": (BOB, CAT), "bob": "ACCEPTED", "cat": "DECLINED"}
    old = meeting(part(*SERIES, **both))
    plan = organized(old, meeting(part(*SERIES, **both), at(SECOND, start="20261109T140000", **both)))
    assert answers(plan.text, BOB) == {"all": "ACCEPTED", "20261109": "NEEDS-ACTION"}


def test_who_is_left_out_of_a_recurrence_sees_it_excluded():
    old = meeting(part(*SERIES, people=(BOB, CAT)), at(SECOND, people=(BOB,)))
    plan = organized(old, old.replace(b"SUMMARY:Talk", b"SUMMARY:Lunch"))
    texts = {one.recipients[0]: one.text for one in plan.drafts}
    assert values(texts[CAT], "EXDATE") == [SECOND]
    assert values(texts[BOB], "EXDATE") == []
    assert len(values(texts[BOB], "SUMMARY")) == 2


def test_messages_carry_nothing_private_and_everything_else():
    data = PLAIN.replace(
        b"END:VEVENT",
        b'X-MOZ-LASTACK:20260101T000000Z\r\nX-COMPANY;X-P="a:b":kept\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nEND:VALARM\r\n'
        b"END:VEVENT",
    ).replace(b"RSVP=TRUE", b'SCHEDULE-STATUS=1.1;SCHEDULE-AGENT=SERVER;CN="Bob; Jr"')  # fmt: skip
    plan = organized(None, data)
    text = plan.drafts[0].text
    for private in (b"VALARM", b"X-MOZ-LASTACK", b"SCHEDULE-"):
        assert private not in text
    assert b'X-COMPANY;X-P="a:b":kept' in text
    assert b'CN="Bob; Jr"' in text
    assert b"METHOD:REQUEST" in text
    assert b"BEGIN:VALARM" in plan.text
    assert values(text, "DTSTAMP") == ["20260921T141320Z"]


def test_a_delegate_is_named_as_the_one_who_sends():
    plan = organized(None, PLAIN, sent_by=CAT)
    assert f'ORGANIZER;SENT-BY="mailto:{CAT}":mailto:{ANN}'.encode() in plan.drafts[0].text


def test_what_became_of_a_message_stands_at_the_attendee():
    data = meeting(part(*ONCE, people=(BOB, EVE, "nobody@example.org")))
    statuses = {BOB: "1.2", EVE: "1.1", "nobody@example.org": "3.7"}
    plan = organized(None, data, statuses=statuses)
    assert sent(plan) == [("REQUEST", (BOB, EVE), ["all"])]
    found = read_scheduled(plan.text).attendees
    assert {user: line.param("SCHEDULE-STATUS") for user, line in found.items()} == {ANN: None, **statuses}
    # A program that stores it without them does not lose them.
    again = read_scheduled(organized(plan.text, data, statuses=statuses).text).attendees
    assert again[EVE].param("SCHEDULE-STATUS") == "1.1"


def test_answers_that_a_program_has_not_seen_are_kept():
    renamed = PLAIN.replace(b":Talk", b":Lunch")
    assert answers(organized(YES, renamed, keep_answers=True).text, BOB) == {"all": "ACCEPTED"}
    assert answers(organized(YES, renamed).text, BOB) == {"all": "NEEDS-ACTION"}


def test_a_text_that_needs_no_change_is_stored_as_it_came():
    odd = PLAIN.replace(b"\r\n", b"\n").replace(b"SUMMARY:Talk", b"SUMMARY:T\n alk\nSTRANGE LINE").replace(
        b"RSVP", b"SCHEDULE-AGENT=CLIENT;RSVP")  # fmt: skip
    assert organized(None, odd).text is odd


def test_too_many_people_are_refused():
    many = meeting(part(*ONCE, people=[f"u{number}@example.com" for number in range(501)]))
    with pytest.raises(Unfit) as wrong:
        organized(None, many)
    assert wrong.value.rule is Rule.MAX_ATTENDEES
