"""Filters over a collection: the tables give what reading every text gives."""

from zoneinfo import ZoneInfo

import pytest

from optimails.groupware import search
from optimails.groupware.calendar import read_object
from optimails.groupware.card import read_card
from optimails.groupware.filters import (
    CardFilter,
    CompFilter,
    ParamFilter,
    PropFilter,
    TextMatch,
    TimeRange,
    calendar_fits,
    card_fits,
)
from optimails.groupware.freebusy import free_busy_text
from optimails.groupware.moments import EVER, NEVER
from optimails.groupware.recurrence import Budget
from tests.support.calendars import ACCOUNT, calendar, card, component, event, in_memory
from tests.unit.groupware.test_occurrences import at

ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT30M\r\nEND:VALARM"
EVENTS = {
    "plain": event("plain", "20261103T090000Z", "SUMMARY:Été Meeting 77", "LOCATION:Room\\, 3", "CATEGORIES:A,Big\\,B"),
    "alarm": event("alarm", "20261103T090000Z", "SUMMARY:other", ALARM),
    "guests": event(
        "guests", "20261105T090000Z", "SUMMARY:MEETING 78", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@b.c", end=""
    ),
    "forever": event("forever", "20000101T120000Z", "SUMMARY:Lunch", "RRULE:FREQ=DAILY", end="20000101T130000Z"),
    "floating": event("floating", "20261103T233000", "SUMMARY:late", end="20261103T234500"),
    "parts": calendar(
        component("VEVENT", "parts", "DTSTART:20261101T080000Z", "SUMMARY:apple", "RRULE:FREQ=DAILY;COUNT=3"),
        component("VEVENT", "parts", "DTSTART:20261120T080000Z", "SUMMARY:pear", "RECURRENCE-ID:20261102T080000Z"),
    ),
    "cancelled": event("cancelled", "20261103T150000Z", "STATUS:CANCELLED", end="20261103T160000Z"),
    "free": event("free", "20261103T170000Z", "TRANSP:TRANSPARENT", end="20261103T180000Z"),
    "long": event("long", "20261103T090000Z", "LOCATION:" + "x" * 5000 + "needle"),
}  # fmt: skip


def contains(text, **options):
    return TextMatch(text, **options)


def within(comp="VEVENT", time_range=None, props=(), comps=()):
    return CompFilter("VCALENDAR", comps=(CompFilter(comp, False, time_range, tuple(props), tuple(comps)),))


def prop(name, *texts, **options):
    return PropFilter(name, texts=tuple(texts), **options)


DAY = TimeRange(at("20261103 0000"), at("20261104 0000"))
CASES = [
    within(),
    within("VTODO"),
    within(time_range=DAY),
    within(time_range=TimeRange(at("20500101 0000"), at("20500102 0000"))),
    within(time_range=TimeRange(NEVER, at("20010101 0000"))),
    within(time_range=TimeRange(at("20261119 0000"), EVER)),
    within(props=[prop("SUMMARY", contains("meeting 77"))]),
    within(props=[prop("SUMMARY", contains("été"))]),
    within(props=[prop("SUMMARY", contains("ÉTÉ", collation="i;unicode-casemap"))]),
    within(props=[prop("SUMMARY", contains("Meeting", collation="i;octet"))]),
    within(props=[prop("SUMMARY", contains("meeting", negate=True))]),
    within(props=[prop("LOCATION", contains("room, 3"))]),
    within(props=[prop("LOCATION", contains("needle"))]),
    within(props=[prop("LOCATION", absent=True)]),
    within(props=[prop("CATEGORIES", contains("big,b"))]),
    within(props=[prop("X-NOT-INDEXED", absent=True)]),
    within(props=[prop("DTSTART", time_range=DAY)]),
    within(props=[prop("ATTENDEE", params=(ParamFilter("PARTSTAT", text=contains("declined")),))]),
    within(props=[prop("ATTENDEE", params=(ParamFilter("PARTSTAT", absent=True),))]),
    within(time_range=DAY, props=[prop("SUMMARY", contains("meeting"))]),
    within(time_range=TimeRange(at("20261120 0000"), at("20261121 0000")), props=[prop("SUMMARY", contains("apple"))]),
    within(time_range=TimeRange(at("20261120 0000"), at("20261121 0000")), props=[prop("SUMMARY", contains("pear"))]),
    within(comps=[CompFilter("VALARM", absent=True)]),
    within(comps=[CompFilter("VALARM", time_range=TimeRange(at("20261103 0815"), at("20261103 0845")))]),
    within(comps=[CompFilter("VALARM", time_range=TimeRange(at("20261103 0845"), at("20261103 0915")))]),
    CompFilter("VCALENDAR"),
    CompFilter("VCALENDAR", comps=(CompFilter("VTODO", absent=True),)),
    CompFilter("VCALENDAR", absent=True),
    CompFilter("VCALENDAR", time_range=DAY),
    CompFilter("VCALENDAR", props=(prop("SUMMARY", contains("meeting 77")),)),
    CompFilter("VCALENDAR", time_range=DAY, props=(prop("SUMMARY", contains("été")),)),
    CompFilter("VCALENDAR", props=(prop("PRODID", contains("t")),)),
]


@pytest.fixture(scope="module")
def account():
    with in_memory().open(ACCOUNT) as opened:
        for name, text in EVENTS.items():
            opened.put(opened.collection("calendar"), name, text.encode())
        yield opened


@pytest.mark.parametrize("zone", [None, ZoneInfo("America/New_York")])
@pytest.mark.parametrize("wanted", CASES, ids=range(len(CASES)))
def test_tables_and_texts_agree(account, wanted, zone):
    found = sorted(name for name, _, _ in account.find(account.collection("calendar"), wanted, zone))
    fits = [name for name, text in EVENTS.items() if calendar_fits(wanted, read_object(text), zone, Budget(10**6))]
    assert found == sorted(fits)


def test_the_cases_tell_items_apart(account):
    answers = {tuple(name for name, _, _ in account.find(account.collection("calendar"), one)) for one in CASES}
    assert len(answers) > 12


def test_floating_times_are_those_of_who_asks(account):
    late = within(time_range=TimeRange(at("20261104 0400"), at("20261104 0500")))
    names = [name for name, _, _ in account.find(account.collection("calendar"), late, ZoneInfo("America/New_York"))]
    assert names == ["floating"]
    assert account.find(account.collection("calendar"), late) == []


def test_a_spent_budget_gives_too_much_rather_than_too_little(account, monkeypatch):
    monkeypatch.setattr(search, "BUDGET", 0)
    wanted = within(props=[prop("X-NOT-INDEXED", contains("x"))])
    assert len(account.find(account.collection("calendar"), wanted)) == len(EVENTS)


def test_free_busy(account):
    asked = TimeRange(at("20261103 0000"), at("20261103 2340"))
    text = free_busy_text(account.busy(account.collections(), asked), asked, 0, "u")
    busy = [line.removeprefix("FREEBUSY") for line in text.splitlines() if line.startswith("FREEBUSY")]
    assert busy == [
        ":20261103T090000Z/20261103T100000Z",
        ":20261103T120000Z/20261103T130000Z",
        ":20261103T233000Z/20261103T234000Z",
    ]
    later = TimeRange(at("20500103 0000"), at("20500104 0000"))
    assert [one.start for one in account.busy(account.collections(), later)] == [at("20500103 1200")]


CARDS = {
    "anne": card("anne", "Anne Martin", "EMAIL;TYPE=WORK:anne@example.org", "item1.TEL:+33 1"),
    "eloise": card("eloise", "Éloïse Petit", "EMAIL:e@other.example", "EMAIL:petit@example.org", version="4.0"),
    "team": card("team", "Team", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:anne"),
}
UNICODE = "i;unicode-casemap"
CARD_CASES = [
    CardFilter(),
    CardFilter((prop("FN", contains("ÉLO", collation=UNICODE)),)),
    CardFilter((prop("FN", contains("anne", collation=UNICODE, match="starts-with")),)),
    CardFilter((prop("FN", contains("petit", collation=UNICODE, match="ends-with")),)),
    CardFilter((prop("FN", contains("team", collation=UNICODE, match="equals")),)),
    CardFilter((prop("FN", contains("a")), prop("EMAIL", contains("other"))), any_of=False),
    CardFilter((prop("FN", contains("anne")), prop("EMAIL", contains("other"))), any_of=True),
    CardFilter((prop("EMAIL", contains("other"), contains("petit")),)),
    CardFilter((prop("EMAIL", contains("other"), contains("petit"), any_of=True),)),
    CardFilter((prop("EMAIL", absent=True),)),
    CardFilter((prop("EMAIL", contains("example.org", negate=True)),)),
    CardFilter((prop("EMAIL", params=(ParamFilter("TYPE", text=contains("work")),)),)),
    CardFilter((prop("ITEM1.TEL"),)),
    CardFilter((prop("X-ADDRESSBOOKSERVER-KIND", contains("group")), prop("FN", contains("anne")))),
]


@pytest.mark.parametrize("wanted", CARD_CASES, ids=range(len(CARD_CASES)))
def test_cards(wanted):
    with in_memory().open(ACCOUNT) as account:
        for name, text in CARDS.items():
            account.put(account.collection("contacts"), name, text.encode())
        found = sorted(name for name, _, _ in account.find(account.collection("contacts"), wanted))
    assert found == sorted(name for name, text in CARDS.items() if card_fits(wanted, read_card(text)))
