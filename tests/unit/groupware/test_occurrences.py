"""When things happen: recurrences, exceptions, zones, and every case of RFC 4791 §9.9."""

from datetime import UTC, datetime

import pytest

from optimails.groupware.api import Kind
from optimails.groupware.calendar import occurrences, read_object
from optimails.groupware.extract import MAX_OCCURRENCES, extract
from optimails.groupware.filters import TimeRange, touches
from optimails.groupware.moments import EVER, NEVER
from optimails.groupware.recurrence import Budget
from tests.support.calendars import calendar, component

PARIS = """BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE"""


def at(text):
    return int(datetime.strptime(text.ljust(13, "0"), "%Y%m%d %H%M").replace(tzinfo=UTC).timestamp())


YEAR_2030 = at("20300101 0000")


def starts(text, start=NEVER, end=YEAR_2030):
    found = occurrences(read_object(text), start, end, Budget(), 100).found
    return [f"{datetime.fromtimestamp(one.start, UTC):%Y%m%d %H%M}" for one in sorted(found)]


def series(*lines):
    return calendar(component("VEVENT", "1", *lines))


@pytest.mark.parametrize("zone", ["Europe/Paris", "Romance Standard Time", "/mozilla.org/2005/Europe/Paris", "Here"])
def test_the_hour_on_the_wall_stays_when_clocks_change(zone):
    text = calendar(
        PARIS, component("VEVENT", "1", f"DTSTART;TZID={zone}:20261020T090000", "RRULE:FREQ=WEEKLY;COUNT=2")
    )
    assert starts(text) == ["20261020 0700", "20261027 0800"]


def test_a_zone_that_nobody_knows_floats():
    found = occurrences(read_object(series("DTSTART;TZID=Nowhere:20261020T090000")), NEVER, EVER, Budget(), 9).found
    assert [(one.start, one.floating) for one in found] == [(at("20261020 0900"), True)]


def test_exceptions_and_overrides():
    text = calendar(
        component("VEVENT", "1", "DTSTART:20261101T090000Z", "DTEND:20261101T100000Z", "RRULE:FREQ=DAILY;COUNT=5",
                  "EXDATE:20261102T090000Z", "EXDATE;VALUE=DATE:20261104", "RDATE:20261120T120000Z"),
        component("VEVENT", "1", "RECURRENCE-ID:20261103T090000Z", "DTSTART:20261110T150000Z"),
    )  # fmt: skip
    assert starts(text) == ["20261101 0900", "20261105 0900", "20261110 1500", "20261120 1200"]


def test_until_is_an_instant():
    text = series("DTSTART;TZID=America/New_York:20261101T200000", "RRULE:FREQ=DAILY;UNTIL=20261104T010000Z")
    assert starts(text) == ["20261102 0100", "20261103 0100", "20261104 0100"]


def test_a_series_without_end_is_found_anywhere_at_once():
    text = series("DTSTART:19000101T090000Z", "RRULE:FREQ=DAILY;INTERVAL=2")
    assert starts(text, at("21500101 0000"), at("21500105 0000")) == ["21500102 0900", "21500104 0900"]
    found = extract(Kind.CALENDAR, text, at("20261101 0000"))
    assert len(found.occurrences) <= MAX_OCCURRENCES
    assert found.kept_from < at("20261101 0000") < found.kept_to


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=999999999",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30;BYSETPOS=3",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9",
        "FREQ=YEARLY;BYYEARDAY=366;BYWEEKNO=20",
        "FREQ=HOURLY;BYSECOND=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9;BYSECOND=0,1,2,3,4,5,6,7,8,9",
    ],
)
def test_bombs_are_paid_from_a_budget(rule):
    found = extract(Kind.CALENDAR, series("DTSTART:20200101T000000Z", f"RRULE:{rule}"), at("20261101 0000"))
    assert len(found.occurrences) <= MAX_OCCURRENCES
    budget = Budget()
    calendar_ = read_object(series("DTSTART:20200101T000000Z", f"RRULE:{rule}"))
    occurrences(calendar_, at("20900101 0000"), at("20900102 0000"), budget, 100)
    assert budget.left > -10_000  # steps, of which one period may take some at once


def test_a_component_that_cannot_be_placed_does_not_happen():
    text = calendar(
        component("VEVENT", "1", "DTSTART:20261101T090000Z"),
        component("VEVENT", "1", "DTSTART:20261102T090000Z", "RECURRENCE-ID:sometimes"),
    )
    assert starts(text) == ["20261101 0900"]
    assert starts(calendar(component("VTODO", "1", "DUE:never"))) == []


def test_broken_parts_are_passed_over():
    text = series("DTSTART:20261101T090000Z", "RRULE:FREQ=SOMETIMES", "EXDATE:never", "RDATE:20261301", "no colon")
    assert starts(text) == ["20261101 0900"]


@pytest.mark.parametrize(
    ("kind", "lines", "hits", "misses"),
    [
        ("VEVENT", ["DTSTART:20261110T100000Z", "DTEND:20261110T110000Z"], ["0959 1001", "1059 1200"],
         ["1100 1200", "0900 1000"]),
        ("VEVENT", ["DTSTART:20261110T100000Z", "DURATION:PT1H"], ["1030 1031"], ["1100 1200"]),
        ("VEVENT", ["DTSTART:20261110T100000Z"], ["1000 1001", "0900 1001"], ["0900 1000", "1001 1100"]),
        ("VEVENT", ["DTSTART;VALUE=DATE:20261110"], ["0000 0001", "2359 2400"], []),
        ("VTODO", ["DTSTART:20261110T100000Z", "DURATION:PT1H"], ["1030 1031"], ["1101 1200"]),
        ("VTODO", ["DTSTART:20261110T100000Z", "DUE:20261110T110000Z"], ["1000 1001", "1059 1200"], ["1100 1200"]),
        ("VTODO", ["DTSTART:20261110T100000Z"], ["1000 1001"], ["0900 1000", "1001 1100"]),
        ("VTODO", ["DUE:20261110T100000Z"], ["0900 1000", "0959 1001"], ["1000 1100", "0900 0959"]),
        ("VTODO", ["COMPLETED:20261110T100000Z", "CREATED:20261110T090000Z"],
         ["0800 0900", "0930 0940", "1000 1100"], ["0700 0859", "1001 1100"]),
        ("VTODO", ["COMPLETED:20261110T100000Z"], ["0900 1000", "1000 1001"], ["1001 1100", "0900 0959"]),
        ("VTODO", ["CREATED:20261110T100000Z"], ["1030 1100"], ["0900 1000"]),
        ("VTODO", [], ["0000 0001"], []),
        ("VJOURNAL", ["DTSTART:20261110T100000Z"], ["1000 1001"], ["1001 1100", "0900 1000"]),
        ("VJOURNAL", ["DTSTART;VALUE=DATE:20261110"], ["2300 2359"], []),
        ("VJOURNAL", [], [], ["0000 2400"]),
    ],
)  # fmt: skip
def test_time_ranges(kind, lines, hits, misses):
    found = read_object(calendar(component(kind, "1", *lines)))

    def touched(span):
        start, end = (at("20261110 0000") + int(part[:2]) * 3600 + int(part[2:]) * 60 for part in span.split())
        return touches(found, TimeRange(start, end), None, Budget())

    assert [span for span in hits if not touched(span)] == []
    assert [span for span in misses if touched(span)] == []
