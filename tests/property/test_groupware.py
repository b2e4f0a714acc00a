"""Calendars from strangers: any text is a value or an error, within bounds; recurrences are those of dateutil."""

import itertools
import os
import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.groupware import recurrence
from optimails.groupware.api import Kind, NewCollection, Unfit
from optimails.groupware.calendar import read_object
from optimails.groupware.expanding import expanded, limited, text_of
from optimails.groupware.extract import MAX_OCCURRENCES, extract
from optimails.groupware.filters import CompFilter, TimeRange
from optimails.groupware.moments import EVER, NEVER, read
from optimails.groupware.recurrence import STEPS, Budget
from optimails.groupware.text import parse, read_line, unfold, write
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax
from tests.support.calendars import ACCOUNT, calendar, component, in_memory

WILD = int(os.environ.get("OPTIMAILS_WILD", "160"))
FREQS = [freq.name for freq in recurrence.Freq]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
NOW = 1_795_000_000
ODD = [
    "RRULE:FREQ=DAILY", "EXDATE:20260302T120000", "RDATE:20260401,x,20260402T120000Z", "DURATION:P1000000W",
    "DTEND:20250101", "RECURRENCE-ID:20260302", "DURATION:-PT1H", "RRULE:FREQ=;;COUNT=-1", "EXDATE:;", ":",
    "DTEND;TZID=Nowhere:99991231T000000", "RECURRENCE-ID:never",
]  # fmt: skip


@given(st.text())
def test_any_text_is_a_value_or_an_error(text):
    for kind in Kind:
        try:
            extract(kind, text, NOW)
        except Unfit:
            continue


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40), max_size=8))
def test_any_lines_in_an_event(lines):
    try:
        found = extract(Kind.CALENDAR, calendar(component("VEVENT", "1", "DTSTART:20261101", *lines)), NOW)
    except Unfit:
        return
    assert len(found.occurrences) <= MAX_OCCURRENCES


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300))
def test_folded_lines_come_back(value):
    written = write(parse(calendar(component("VEVENT", "1", f"SUMMARY:{value}")))[0])
    assert all(len(line.encode()) <= 75 for line in written.split("\r\n"))
    assert f"SUMMARY:{value}" in unfold(written)


@given(st.text(max_size=60))
def test_any_line(text):
    found = read_line(text)
    assert found is None or found.name


@given(st.text(max_size=20))
def test_any_moment(text):
    try:
        found = read(text, "Europe/Paris", Zones())
    except BadSyntax:
        return
    assert isinstance(found.seconds, int)


def rules(chance):
    """A rule as other programs, and nobody, write it."""
    freq = chance.choice(FREQS)
    parts = [f"FREQ={freq}"]
    lists = {
        "BYMONTH": range(1, 13), "BYMONTHDAY": [1, 2, 13, 28, 29, 30, 31, -1, -2], "BYHOUR": range(24),
        "BYMINUTE": range(60), "BYSECOND": range(60), "BYYEARDAY": [1, 60, 100, 366, -1], "BYSETPOS": [1, 2, -1],
    }  # fmt: skip
    if chance.random() < 0.5:
        parts.append(f"INTERVAL={chance.randint(1, 7)}")
    if chance.random() < 0.3:
        parts.append(f"COUNT={chance.choice([1, 5, 30, 10**6])}")
    elif chance.random() < 0.3:
        parts.append(f"UNTIL={chance.choice(['20260101T000000', '20400101T000000Z', '20300101'])}")
    for name, values in lists.items():
        if chance.random() < 0.15:
            parts.append(f"{name}=" + ",".join(map(str, chance.sample(values, 2))))
    if chance.random() < 0.3:
        number = chance.choice(["", "1", "-1", "2"])
        parts.append("BYDAY=" + ",".join(number + day for day in chance.sample(DAYS, 2)))
    if chance.random() < 0.3:
        parts.append(f"WKST={chance.choice(DAYS)}")
    return ";".join(parts)


def wild(count):
    """Events with whatever may be wrong with them."""
    chance = random.Random(11)
    for number in range(count):
        zone = chance.choice(["", ";TZID=Europe/Paris", ";TZID=Pacific Standard Time", ";TZID=Nowhere", ";VALUE=DATE"])
        start = chance.choice(["20260301T120000", "19000101T000000Z", "99991231T235959", "00010101", "20260101"])
        lines = [f"DTSTART{zone}:{start}", f"RRULE:{rules(chance)}"]
        lines += chance.sample(ODD, chance.randint(0, 4))
        text = calendar(component("VEVENT", str(number), *lines))
        if chance.random() < 0.1:
            cut = chance.randrange(len(text))
            text = text[:cut] + chr(chance.randrange(1, 0x300)) + text[cut + 1 :]
        yield text


def test_wild_calendars_neither_crash_nor_stall():
    """The cost of each is counted in steps; a clock would count the neighbours'."""
    for text in wild(WILD):
        try:
            found = extract(Kind.CALENDAR, text, NOW)
        except Unfit:
            continue
        assert len(found.occurrences) <= MAX_OCCURRENCES


def test_wild_calendars_can_be_asked_anything():
    windows = [TimeRange(NOW, NOW + 604_800), TimeRange(NEVER, NOW), TimeRange(NOW, EVER)]
    with in_memory().open(ACCOUNT) as account:
        where = account.create("wild", NewCollection(Kind.CALENDAR))
        stored, _ = account.put_all(where, [(f"{n}.ics", text.encode()) for n, text in enumerate(wild(WILD // 4))])
        assert stored > WILD // 8
        for asked in windows:
            part = CompFilter("VEVENT", time_range=asked, comps=(CompFilter("VALARM", absent=True),))
            account.find(where, CompFilter("VCALENDAR", comps=(part,)), ZoneInfo("America/New_York"))
            account.busy([where], asked)
        budget = Budget(100_000)
        for _, _, text in account.find(where, CompFilter("VCALENDAR")):
            found = read_object(text.decode())
            for change in (expanded, limited):
                parse(text_of(change(found, windows[0], None, budget)))


@settings(deadline=None, max_examples=10)
@given(st.integers(min_value=0))
def test_a_budget_bounds_every_rule(seed):
    chance = random.Random(seed)
    rule, budget = recurrence.parse(rules(chance)), Budget()
    first = datetime(2020, chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23))  # noqa: DTZ001
    end = datetime(9999, 12, 31)  # noqa: DTZ001
    for _ in itertools.islice(recurrence.clocks(rule, first, budget, start=None, end=end), STEPS):
        pass
    assert budget.left > -90_000  # one day may have a step for each of its seconds


@pytest.mark.parametrize("freq", FREQS)
def test_recurrences_are_those_of_dateutil(freq):
    """On rules that it can walk through in no time, and about which the two read the RFC alike."""
    chance = random.Random(freq)
    compared = 0
    for _ in range(30 if freq != "SECONDLY" else 5):
        parts = [f"FREQ={freq}", f"INTERVAL={chance.randint(1, 5)}"]
        if chance.random() < 0.3:
            parts.append(f"COUNT={chance.randint(1, 30)}")
        if chance.random() < 0.3:
            parts.append("BYMONTH=" + ",".join(map(str, chance.sample(range(1, 13), 6))))
        if chance.random() < 0.3 and freq in ("YEARLY", "MONTHLY", "DAILY"):
            parts.append("BYMONTHDAY=" + ",".join(map(str, chance.sample([1, 13, 29, 31, -1, -2], 2))))
        if chance.random() < 0.4:
            number = chance.choice(["", "1", "-1", "2"]) if freq in ("YEARLY", "MONTHLY") else ""
            parts.append("BYDAY=" + ",".join(number + day for day in chance.sample(DAYS, 3)))
        if freq in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY") and chance.random() < 0.3:
            parts.append("BYHOUR=9,14;BYMINUTE=0,30")
        if freq == "MONTHLY" and len(parts) > 3 and chance.random() < 0.4:
            parts.append("BYSETPOS=1,-1")
        if chance.random() < 0.3:
            parts.append(f"WKST={chance.choice(DAYS)}")
        text = ";".join(parts)
        first = datetime(2020 + chance.randrange(6), chance.randint(1, 12), chance.randint(1, 28), 10, 30)  # noqa: DTZ001
        end = first + timedelta(days=800 if freq in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY") else 2)
        ours = list(recurrence.clocks(recurrence.parse(text), first, Budget(10**6), start=None, end=end))[:300]
        rule = rrulestr(text, dtstart=first)
        if freq in ("HOURLY", "MINUTELY", "SECONDLY") and "BYMONTH" in text and not ours:
            continue  # dateutil would walk for minutes
        theirs = list(itertools.islice(itertools.takewhile(lambda clock, end=end: clock < end, rule), 300))
        assert ours == theirs, text
        compared += 1
        middle = first + (end - first) / 2
        later = recurrence.clocks(recurrence.parse(text), first, Budget(10**6), start=middle, end=end)
        wanted = recurrence.clocks(recurrence.parse(text), first, Budget(10**6), start=None, end=end)
        assert [clock for clock in later if clock >= middle] == [clock for clock in wanted if clock >= middle], text
    assert compared > 3
