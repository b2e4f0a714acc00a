"""A recurrence as a component of its own, whatever its times are written in; and lines changed one by one."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.groupware.moments import Moment
from optimails.groupware.recurrence import Budget, clocks, parse
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.objects import date_line, instance, message_text, read_scheduled, span
from optimails.groupware.scheduling.rules import meaning
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


SAME = {
    "order and defaults": ("FREQ=DAILY;COUNT=3", "COUNT=3;INTERVAL=1;FREQ=DAILY"),
    "the start's weekday": ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO;WKST=SU"),
    "the start's day": ("FREQ=MONTHLY;INTERVAL=2", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=2"),
    "the start's date": ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=2"),
    "the start's time": ("FREQ=DAILY", "FREQ=DAILY;BYHOUR=10;BYMINUTE=0;BYSECOND=0"),
    "an end in UTC": ("FREQ=DAILY;UNTIL=20261231T100000", "FREQ=DAILY;UNTIL=20261231T090000Z"),
    "nonsense": ("FREQ=NEVER", "freq=never "),
}
OTHER = {
    "an end": ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=4"),
    "another weekday": ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=TU"),
    "every day of that number": ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTHDAY=2"),
    "where weeks begin": ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU"),
    "the last one": ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1"),
}


@pytest.mark.parametrize(("one", "two"), [*SAME.values(), *OTHER.values()], ids=[*SAME, *OTHER])
def test_rules_that_mean_the_same(one, two):
    def when(rule):
        text = calendar(component("VEVENT", "1", "DTSTART;TZID=Europe/Paris:20261102T100000", f"RRULE:{rule}"))
        of = read_scheduled(text.encode())
        return span(of.master, of)

    assert (when(one) == when(two)) is ((one, two) in SAME.values())


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


def by(name, least, most):
    return st.lists(st.integers(least, most), max_size=2).map(
        lambda found: f";{name}={','.join(map(str, found))}" if found else ""
    )


PARTS = st.tuples(
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]).map("FREQ={}".format),
    st.sampled_from(["", ";INTERVAL=2", ";WKST=SU", ";INTERVAL=2;WKST=SU"]),
    by("BYMONTH", 11, 12), by("BYMONTHDAY", 1, 3), by("BYHOUR", 9, 10), by("BYMINUTE", 0, 1),
    st.sampled_from(["", ";BYDAY=MO", ";BYDAY=MO,SU", ";BYDAY=TU", ";BYDAY=1MO"]),
    st.sampled_from(["", "", "", ";BYSETPOS=1", ";BYWEEKNO=45"]),
)  # fmt: skip


@given(PARTS.map("".join))
def test_what_is_left_out_of_a_rule_changes_nothing(text):
    first = datetime(2026, 11, 2, 10)  # noqa: DTZ001 - a wall clock, a Monday

    def times(rule):
        return list(islice(clocks(rule, first, Budget(), start=None, end=datetime(2032, 1, 1)), 20))  # noqa: DTZ001

    rule, _ = meaning(text, Moment(first))
    assert times(rule) == times(parse(text))
