"""Rooms and equipment answer invitations: by their policy, once, and never twice for one time."""

import threading
from dataclasses import replace

import pytest

from optimails.groupware import hours
from optimails.groupware.scheduling.objects import read_scheduled
from optimails.groupware.scheduling.resources import Resources
from optimails.model.resource import Booking, Resource, ResourceKind
from tests.support.calendars import calendar, component
from tests.support.colleagues import Company, account
from tests.support.meetings import ANN, BOB, NOW, SERIES, answers, at, meeting, part, values

ROOM = "room@example.org"
DAILY = ("DTSTART:20261102T090000Z", "DTEND:20261102T100000Z", "RRULE:FREQ=DAILY;COUNT=10")


class House(Company):
    """A company with a room; everybody may book it, unless ``closed_to`` says so."""

    def __init__(self, **policy):
        self.closed_to = set()
        super().__init__(automatic=Resources(self, lambda: self.now))
        self.set(**policy)

    def set(self, **policy):
        what = Resource(ResourceKind.ROOM, **policy)
        self.accounts[ROOM] = replace(self.accounts.get(ROOM) or account(ROOM), resource=what)

    def may_book(self, sender, resource):
        assert resource.resource is not None
        return sender not in self.closed_to

    def book(self, *lines, uid="m1", by=ANN, parts=(), **options):
        """What the room says to a meeting, as its organizer reads it: answer by recurrence, and the comment."""
        text = meeting(part(*lines, uid=uid, people=(ROOM,), by=by), *parts)
        self.put(by, text, f"{uid}.ics", **options)
        return self.said(uid, by)

    def said(self, uid, by=ANN):
        (found,) = [one for one in self.texts(by) if f"UID:{uid}\r\n".encode() in one]
        return answers(found, ROOM)


@pytest.fixture
def house():
    made = House()
    yield made
    made.close()


def when(day=3, start="09", end="10"):
    return f"DTSTART:202611{day:02}T{start}0000Z", f"DTEND:202611{day:02}T{end}0000Z"


def test_who_comes_first_has_the_room(house):
    assert house.book(*when()) == {"all": "ACCEPTED"}
    assert house.book(*when(start="08"), uid="m2", by=BOB) == {"all": "DECLINED"}
    assert house.book(*when(start="10", end="11"), uid="m3", by=BOB) == {"all": "ACCEPTED"}
    assert house.waiting(ROOM) == []
    (declined,) = [one for one in house.texts(ROOM) if b"UID:m2" in one]
    assert values(declined, "COMMENT") == ["Not available: 2026-11-03 08:00 UTC"]
    reply = [text for text in house.inbox(BOB) if b"UID:m2" in text]
    assert values(reply[0], "COMMENT") == ["Not available: 2026-11-03 08:00 UTC"]


def test_a_meeting_that_moves_is_answered_anew(house):
    house.book(*when())
    house.book(*when(day=4), uid="m2", by=BOB)
    with house.of(BOB) as opened:
        (item,) = opened.items(opened.collection("calendar"))
    text = house.text(BOB)
    house.put(BOB, text.replace(b"1104T", b"1103T"), item.name)
    assert house.said("m2", BOB) == {"all": "DECLINED"}
    text = house.text(BOB)
    house.put(BOB, text.replace(b"1103T", b"1105T"), item.name)
    assert house.said("m2", BOB) == {"all": "ACCEPTED"}
    assert house.book(*when(day=4), uid="m3") == {"all": "ACCEPTED"}  # the time that was left is free


def test_a_meeting_that_is_called_off_frees_the_room(house):
    house.book(*when())
    house.delete(ANN)
    assert house.book(*when(), uid="m2", by=BOB) == {"all": "ACCEPTED"}


def test_a_new_title_changes_no_answer(house):
    house.book(*when())
    house.change(ANN, b"SUMMARY:Talk", b"SUMMARY:Long talk")
    assert (house.said("m1"), values(house.text(ROOM), "SUMMARY")) == ({"all": "ACCEPTED"}, ["Long talk"])


def test_a_room_is_taken_whatever_its_organizer_does_meanwhile(house):
    house.book(*when(), "TRANSP:TRANSPARENT")
    assert house.book(*when(), uid="m2", by=BOB) == {"all": "DECLINED"}


@pytest.mark.parametrize(
    ("policy", "lines", "answer", "comment"),
    [
        ({}, when(), "ACCEPTED", None),
        ({"booking": Booking.TENTATIVE}, when(), "TENTATIVE", None),
        ({"booking": Booking.MANUAL}, when(), "NEEDS-ACTION", None),
        ({"max_duration": 60}, when(), "ACCEPTED", None),
        ({"max_duration": 59}, when(), "DECLINED", "At most 59 minutes can be booked."),
        ({"horizon": 44}, when(), "ACCEPTED", None),
        ({"horizon": 42}, when(), "DECLINED", "It can be booked up to 2026-11-02"),
        ({"horizon": None}, ("DTSTART:20301103T090000Z", "DTEND:20301103T100000Z"), "ACCEPTED", None),
        ({}, SERIES, "ACCEPTED", None),
        ({"recurring": False}, SERIES, "DECLINED", "Series of meetings"),
        ({"recurring": False}, when(), "ACCEPTED", None),
        ({}, (*when(), "RRULE:FREQ=DAILY"), "DECLINED", "It can be booked up to"),
        ({"horizon": None}, (*when(), "RRULE:FREQ=WEEKLY"), "ACCEPTED", None),
        ({"horizon": None}, (*when(), "RRULE:FREQ=HOURLY"), "DECLINED", "It can be booked up to"),
        ({}, (*when(), "STATUS:TENTATIVE"), "ACCEPTED", None),
        ({}, ("DTSTART;VALUE=DATE:20261103",), "ACCEPTED", None),
        ({}, ("DTSTART;VALUE=DATE:20200103",), "NEEDS-ACTION", None),  # it is over, and nobody is told of it
    ],
)
def test_policies(house, policy, lines, answer, comment):
    house.set(**policy)
    assert house.book(*lines) == {"all": answer}
    said = [value.replace("\\", "") for text in house.texts(ROOM) for value in values(text, "COMMENT")]
    assert said == [] if comment is None else said[0].startswith(comment)


def test_who_may_not_book(house):
    house.closed_to = {BOB}
    assert house.book(*when(), by=BOB) == {"all": "DECLINED"}
    assert house.book(*when(), uid="m2") == {"all": "ACCEPTED"}


@pytest.mark.parametrize(
    ("conflicts", "expected"),
    [
        (0, {"all": "DECLINED"}),
        (10, {"all": "DECLINED"}),
        (20, {"all": "ACCEPTED", "20261103": "DECLINED", "20261105": "DECLINED"}),
    ],
)
def test_a_series_may_be_without_the_room_now_and_then(house, conflicts, expected):
    house.set(conflicts=conflicts)
    for number, day in enumerate((3, 5)):
        house.book(*when(day=day), uid=f"other{number}", by=BOB)
    assert house.book(*DAILY) == expected
    if conflicts == 20:
        assert house.book(*when(day=4), uid="late", by=BOB) == {"all": "DECLINED"}
        assert house.book(*when(day=12), uid="later", by=BOB) == {"all": "ACCEPTED"}


def test_one_meeting_of_a_series_is_elsewhere_in_time(house):
    house.book(*when(day=9, start="12", end="13"), uid="other", by=BOB)
    moved = at("20261109T100000", start="20261109T130000", people=(ROOM,))
    assert set(house.book(*SERIES, parts=(moved,)).values()) == {"DECLINED"}
    free = at("20261109T100000", start="20261109T150000", people=(ROOM,))
    free = free.replace("UID:m1", "UID:m2")
    assert house.book(*SERIES, uid="m2", parts=(free,)) == {"all": "ACCEPTED", "20261109": "ACCEPTED"}


def test_opening_hours(house):
    with house.of(ROOM) as opened:
        closed = component("VAVAILABILITY", "1", "DTSTART:20261103T000000Z", "DTEND:20261104T000000Z")
        hours.set_availability(opened, calendar(closed))
    assert house.book(*when()) == {"all": "DECLINED"}
    assert house.book(*when(day=4), uid="m2") == {"all": "ACCEPTED"}


def test_what_a_manager_declined_stays_declined_until_it_moves(house):
    house.book(*when())
    house.change(ROOM, b"PARTSTAT=ACCEPTED:mailto:room", b"PARTSTAT=DECLINED:mailto:room")
    assert house.said("m1") == {"all": "DECLINED"}
    house.change(ANN, b"SUMMARY:Talk", b"SUMMARY:Long talk")
    assert house.said("m1") == {"all": "DECLINED"}
    house.change(ANN, b"T090000Z", b"T080000Z")
    assert house.said("m1") == {"all": "ACCEPTED"}


def test_people_are_not_answered_for(house):
    house.put(ANN, meeting(part(*when())))
    assert answers(house.text(ANN), BOB) == {"all": "NEEDS-ACTION"}


def test_two_at_the_same_moment_do_not_both_get_it(tmp_path):
    house = House()
    try:
        threads = [
            threading.Thread(target=house.book, args=when(), kwargs={"uid": f"u{number}", "by": by})
            for number, by in enumerate((ANN, BOB) * 3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        texts = house.texts(ROOM)
        said = sorted(next(iter(answers(text, ROOM).values())) for text in texts)
        assert said == ["ACCEPTED"] + ["DECLINED"] * 5
        assert {read_scheduled(text).uid for text in texts} == {f"u{number}" for number in range(6)}
        assert house.now > NOW
    finally:
        house.close()
