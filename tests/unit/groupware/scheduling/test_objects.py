"""A recurrence as a component of its own, whatever its times are written in; and lines changed one by one."""

from datetime import UTC, datetime

import pytest

from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.objects import date_line, instance, message_text, read_scheduled
from optimails.groupware.text import Component
from tests.support.calendars import calendar, component


def at(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp())


OUTLOOK = component(
    "VTIMEZONE", "", "TZID:Our own zone", "BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0400",
    "TZOFFSETTO:+0400", "END:STANDARD",
).replace("UID:\r\nDTSTAMP:20260101T000000Z\r\n", "")  # fmt: skip
CASES = {
    "UTC": (["DTSTART:20261102T090000Z", "DTEND:20261102T100000Z"], at(2026, 11, 9, 9),
            ["DTSTART:20261109T090000Z", "DTEND:20261109T100000Z", "RECURRENCE-ID:20261109T090000Z"]),
    "a zone, behind the end of summer": (
        ["DTSTART;TZID=Europe/Paris:20261019T100000", "DTEND;TZID=Europe/Paris:20261019T110000"], at(2026, 10, 26, 9),
        ["DTSTART;TZID=Europe/Paris:20261026T100000", "DTEND;TZID=Europe/Paris:20261026T110000",
         "RECURRENCE-ID;TZID=Europe/Paris:20261026T100000"]),
    "Windows' name of it": (
        ["DTSTART;TZID=Romance Standard Time:20261102T100000", "DURATION:PT1H"], at(2026, 11, 9, 9),
        ["DTSTART;TZID=Romance Standard Time:20261109T100000", "DURATION:PT1H",
         "RECURRENCE-ID;TZID=Romance Standard Time:20261109T100000"]),
    "a zone of its own": (
        ["DTSTART;TZID=Our own zone:20261102T100000", "DURATION:PT1H"], at(2026, 11, 9, 6),
        ["DTSTART;TZID=Our own zone:20261109T100000", "DURATION:PT1H",
         "RECURRENCE-ID;TZID=Our own zone:20261109T100000"]),
    "two zones": (
        ["DTSTART;TZID=Europe/Paris:20261102T100000", "DTEND;TZID=Europe/London:20261102T100000"], at(2026, 11, 9, 9),
        ["DTSTART;TZID=Europe/Paris:20261109T100000", "DTEND;TZID=Europe/London:20261109T100000",
         "RECURRENCE-ID;TZID=Europe/Paris:20261109T100000"]),
    "days": (["DTSTART;VALUE=DATE:20261102", "DTEND;VALUE=DATE:20261104"], at(2026, 11, 9),
             ["DTSTART;VALUE=DATE:20261109", "DTEND;VALUE=DATE:20261111", "RECURRENCE-ID;VALUE=DATE:20261109"]),
    "floating": (["DTSTART:20261102T100000", "DURATION:PT1H"], at(2026, 11, 9, 10),
                 ["DTSTART:20261109T100000", "DURATION:PT1H", "RECURRENCE-ID:20261109T100000"]),
}  # fmt: skip


def series(*times):
    text = calendar(OUTLOOK, component("VEVENT", "1", *times, "RRULE:FREQ=WEEKLY", "X-KEPT:1"))
    return read_scheduled(text.encode())


@pytest.mark.parametrize(("times", "key", "expected"), CASES.values(), ids=CASES)
def test_a_recurrence_is_written_as_its_series(times, key, expected):
    made = instance(series(*times), key)
    assert [line for line in made.lines if not line.startswith(("UID", "DTSTAMP", "X-KEPT"))] == expected
    assert "X-KEPT:1" in made.lines
    assert date_line("EXDATE", key, series(*times)) == expected[-1].replace("RECURRENCE-ID", "EXDATE")
    assert instance(series(*times), key + 60) is None


def test_a_message_has_the_zones_that_it_needs():
    of = series("DTSTART;TZID=Our own zone:20261102T100000", "DURATION:PT1H")
    assert message_text("REQUEST", of, [of.master]).count(b"BEGIN:VTIMEZONE") == 1
    of = series("DTSTART:20261102T100000Z", "DURATION:PT1H")
    assert message_text("REQUEST", of, [of.master]).count(b"BEGIN:VTIMEZONE") == 0


LINES = {
    "ATTENDEE:mailto:a@b": "ATTENDEE;P=new:mailto:a@b",
    'ATTENDEE;CN="A; B: C";P=old;X=1:mailto:a@b': 'ATTENDEE;CN="A; B: C";X=1;P=new:mailto:a@b',
    "ATTENDEE;p=old:mailto:a@b": "ATTENDEE;P=new:mailto:a@b",
    'ATTENDEE;M="mailto:x@y","mailto:z@y":mailto:a@b': 'ATTENDEE;M="mailto:x@y","mailto:z@y";P=new:mailto:a@b',
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_parameter_changes_alone(line, expected):
    assert editing.with_params(line, {"P": "new"}) == expected


def test_a_parameter_never_ends_its_line():
    made = editing.with_params("ATTENDEE:mailto:a@b", {"CN": 'A"\r\nX-INJECTED:1; B'})
    assert made == 'ATTENDEE;CN="AX-INJECTED:1; B":mailto:a@b'


def test_a_property_that_is_there_once_takes_its_own_place():
    part = Component("VEVENT")
    for line in ("UID:1", "SEQUENCE:1", "SUMMARY:x", "SEQUENCE:2"):
        editing.add(part, line)
    editing.put(part, "SEQUENCE:3")
    assert part.lines == ["UID:1", "SEQUENCE:3", "SUMMARY:x"]
    assert [one.value for one in part.properties] == ["1", "3", "x"]
