"""When alarms ring: against times written down, and within a budget whatever the rule."""

from datetime import UTC, datetime

import pytest

from optimails.groupware.alarms import AlarmKind, next_looks, rings
from optimails.groupware.calendar import read_object
from optimails.groupware.moments import DAY, utc_text
from optimails.groupware.zones import named
from tests.support.calendars import calendar, component

NOW = int(datetime(2026, 11, 28, tzinfo=UTC).timestamp())
MAIL = ("ACTION:EMAIL", "TRIGGER:-PT15M")


def event(*lines, alarm=MAIL, kind="VEVENT"):
    return read_object(calendar(component(kind, "1", *lines, "BEGIN:VALARM", *alarm, "END:VALARM")))


@pytest.mark.parametrize(
    ("lines", "alarm", "look"),
    [
        (["DTSTART:20261201T100000Z"], MAIL, "20261201T094500Z"),
        (["DTSTART:20291201T100000Z"], MAIL, "20291201T094500Z"),
        (["DTSTART:20251201T100000Z"], MAIL, None),
        (["DTSTART:20251201T100000Z", "RRULE:FREQ=DAILY"], MAIL, "20261128T094500Z"),
        (["DTSTART:20251201T100000Z", "RRULE:FREQ=DAILY;COUNT=3"], MAIL, None),
        (["DTSTART:20251201T100000Z", "RRULE:FREQ=YEARLY"], MAIL, "20261201T094500Z"),
        (["DTSTART;TZID=Europe/Paris:20261201T100000"], MAIL, "20261201T084500Z"),
        (["DTSTART:20261201T100000Z", "DTEND:20261201T113000Z"], ("ACTION:EMAIL", "TRIGGER;RELATED=END:PT0S"),
         "20261201T113000Z"),
        (["DTSTART:20261201T100000Z"], ("ACTION:EMAIL", "TRIGGER;VALUE=DATE-TIME:20261129T070000Z"),
         "20261129T070000Z"),
        (["DTSTART:20261128T000500Z"], ("ACTION:EMAIL", "TRIGGER:-PT15M", "REPEAT:2", "DURATION:PT6M"),
         "20261128T000200Z"),
        (["DTSTART:20261201T100000Z"], (*MAIL, "ACKNOWLEDGED:20261201T094500Z"), None),
        (["DTSTART:20261201T100000Z", "STATUS:CANCELLED"], MAIL, None),
        (["DTSTART:20261201T100000Z"], ("ACTION:PROCEDURE", "TRIGGER:-PT15M"), None),
        (["DTSTART:20261201T100000Z"], ("ACTION:EMAIL", "TRIGGER:nonsense"), None),
        (["DTSTART:20261201T100000Z"], ("ACTION:EMAIL", "TRIGGER:-P9999D"), None),
    ],
)  # fmt: skip
def test_the_next_one(lines, alarm, look):
    looks = {kind: utc_text(at) for kind, at in next_looks(event(*lines, alarm=alarm), NOW).items()}
    assert looks == ({AlarmKind.MAIL: look} if look else {})


def test_floating_times_are_looked_for_as_early_as_they_come_anywhere_and_ring_in_the_owners_zone():
    found = event("DTSTART:20261201T100000")
    assert utc_text(next_looks(found, NOW)[AlarmKind.MAIL]) == "20261130T194500Z"
    paris = named("Europe/Paris")
    assert [utc_text(ring.at) for ring in rings(found, NOW, NOW + 7 * DAY, paris)] == ["20261201T084500Z"]
    assert utc_text(next_looks(found, NOW, paris)[AlarmKind.MAIL]) == "20261201T084500Z"


def test_an_occurrence_that_was_moved_has_alarms_of_its_own():
    found = read_object(
        calendar(
            component("VEVENT", "1", "DTSTART:20261130T100000Z", "RRULE:FREQ=DAILY;COUNT=3", "BEGIN:VALARM", *MAIL,
                      "END:VALARM"),
            component("VEVENT", "1", "RECURRENCE-ID:20261201T100000Z", "DTSTART:20261201T150000Z", "BEGIN:VALARM",
                      "ACTION:EMAIL", "TRIGGER:-PT1H", "END:VALARM"),
        )
    )  # fmt: skip
    assert [utc_text(ring.at) for ring in rings(found, NOW, NOW + 7 * DAY, None)] == [
        "20261130T094500Z",
        "20261201T140000Z",
        "20261202T094500Z",
    ]


def test_tasks_ring_before_they_are_due_until_they_are_done():
    lines = ("DTSTART:20261201T080000Z", "DUE:20261201T100000Z")
    of_end = ("ACTION:DISPLAY", "TRIGGER;RELATED=END:-PT1H")
    assert next_looks(event(*lines, alarm=of_end, kind="VTODO"), NOW) == {AlarmKind.SCREEN: NOW + 3 * DAY + 9 * 3_600}
    assert next_looks(event(*lines, "COMPLETED:20261127T100000Z", alarm=of_end, kind="VTODO"), NOW) == {}


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;INTERVAL=99"])
def test_what_cannot_be_known_is_looked_at_again(rule):
    look = next_looks(event("DTSTART:20201201T100000Z", f"RRULE:{rule}"), NOW)[AlarmKind.MAIL]
    assert look >= NOW + 1
