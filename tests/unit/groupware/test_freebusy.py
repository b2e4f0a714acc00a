"""When somebody is busy: answers to invitations, working hours, and what a colleague is told."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from optimails.groupware import hours
from optimails.groupware.api import Kind, NewCollection, Unfit
from optimails.groupware.availability import closed
from optimails.groupware.colleagues import ANY, Colleagues, No
from optimails.groupware.filters import TimeRange
from optimails.groupware.freebusy import NAMES
from optimails.groupware.moments import clock_of
from optimails.groupware.service import LocalGroupware
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from tests.support.calendars import ACCOUNT, calendar, component, event
from tests.unit.groupware.test_occurrences import at

DAY = TimeRange(at("20261103 0000"), at("20261104 0000"))  # a Tuesday
JAMES = replace(ACCOUNT, id=AccountId("a2"), address=EmailAddress.parse("james@example.org"))
STRANGER = replace(ACCOUNT, id=AccountId("a3"), address=EmailAddress.parse("mia@example.net"))
ME, ORGANIZER = "mailto:Claire@Example.org", "ORGANIZER:mailto:james@example.org"


def shown(periods):
    """``09:00-10:00``, with the kind where it is not BUSY."""
    return [
        f"{clock_of(start):%H:%M}-{clock_of(end):%H:%M}" + (f" {NAMES[kind][5:]}" if kind != 1 else "")
        for start, end, kind in periods
    ]


class Everybody:
    """A directory in which all colleagues see each other's times, but for the ``closed`` objects."""

    def __init__(self):
        self.closed = frozenset()
        self.accounts = {str(one.address): one for one in (ACCOUNT, JAMES, STRANGER)}

    def by_address(self, address):
        return self.accounts.get(address)

    def addresses(self, account):
        return [account.address, EmailAddress.parse(f"{account.address.local}.alias@example.org")]

    def busy_seen(self, viewer, owner, calendars):
        alike = {viewer, owner} <= {ACCOUNT.id, JAMES.id}
        return frozenset(one for one in calendars if alike and one.id not in self.closed)


class Office:
    def __init__(self):
        self.groupware, self.directory = LocalGroupware(None), Everybody()
        self.lookup = Colleagues(self.groupware, self.directory)

    def put(self, text, name="1", where="calendar"):
        with self.groupware.open(ACCOUNT) as account:
            account.put(account.collection(where), name, text.encode())

    def ask(self, viewer=JAMES, address="claire@example.org", **options):
        return self.lookup.told(viewer, address, DAY, **options)

    def busy(self, **options):
        return shown(self.ask(**options).periods)


@pytest.fixture
def office():
    return Office()


@pytest.mark.parametrize(
    ("lines", "busy"),
    [
        ([], ["09:00-10:00"]),
        ([ORGANIZER, f"ATTENDEE;PARTSTAT=ACCEPTED:{ME}"], ["09:00-10:00"]),
        ([ORGANIZER, f"ATTENDEE:{ME}"], ["09:00-10:00"]),
        ([ORGANIZER, f"ATTENDEE;PARTSTAT=DECLINED:{ME}"], []),
        ([ORGANIZER, f"ATTENDEE;PARTSTAT=DELEGATED:{ME}"], []),
        ([ORGANIZER, "ATTENDEE;PARTSTAT=DECLINED:mailto:claire.alias@example.org"], []),
        ([ORGANIZER, f"ATTENDEE;PARTSTAT=TENTATIVE:{ME}"], ["09:00-10:00 TENTATIVE"]),
        ([ORGANIZER, f"ATTENDEE;PARTSTAT=needs-action:{ME}"], ["09:00-10:00 TENTATIVE"]),
        ([ORGANIZER, "ATTENDEE;PARTSTAT=DECLINED:mailto:mia@example.net"], ["09:00-10:00"]),
        ([f"ORGANIZER:{ME}", f"ATTENDEE;PARTSTAT=NEEDS-ACTION:{ME}"], ["09:00-10:00"]),
        (["STATUS:TENTATIVE", ORGANIZER, f"ATTENDEE;PARTSTAT=ACCEPTED:{ME}"], ["09:00-10:00 TENTATIVE"]),
        (["STATUS:CANCELLED", ORGANIZER, f"ATTENDEE;PARTSTAT=TENTATIVE:{ME}"], []),
        (["TRANSP:TRANSPARENT"], []),
        (["CLASS:PRIVATE", "SUMMARY:dentist"], ["09:00-10:00"]),
    ],
)
def test_what_was_answered_counts(office, lines, busy):
    office.put(event("1", "20261103T090000Z", *lines))
    assert office.busy() == busy
    series = event("2", "20160105T090000Z", "RRULE:FREQ=WEEKLY", *lines, end="20160105T100000Z")
    office.put(series, "2")  # its tables do not reach so far back
    old = TimeRange(at("20160112 0000"), at("20160113 0000"))
    assert shown(office.lookup.busy(JAMES, ACCOUNT, old)) == busy


def test_one_meeting_of_a_series_is_declined(office):
    declined = f"ATTENDEE;PARTSTAT=DECLINED:{ME}"
    office.put(
        calendar(
            component("VEVENT", "1", "DTSTART:20261102T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
            component("VEVENT", "1", "RECURRENCE-ID:20261103T090000Z", "DTSTART:20261103T090000Z", "DURATION:PT1H",
                      ORGANIZER, declined),
        )
    )  # fmt: skip
    assert office.busy() == []
    next_day = TimeRange(at("20261104 0000"), at("20261105 0000"))
    assert shown(office.lookup.busy(JAMES, ACCOUNT, next_day)) == ["09:00-10:00"]


def test_what_is_planned_anew_does_not_count(office):
    office.put(event("moved", "20261103T090000Z"))
    office.put(event("stays", "20261103T110000Z", end="20261103T120000Z"), "2")
    assert office.busy(masked=["moved"]) == ["11:00-12:00"]
    assert office.busy() == ["09:00-10:00", "11:00-12:00"]


def test_every_calendar_counts_that_is_not_set_apart_or_closed(office):
    with office.groupware.open(ACCOUNT) as account:
        account.create("work", NewCollection(Kind.CALENDAR))
        account.create("holidays", NewCollection(Kind.CALENDAR, transparent=True))
        secret = account.create("secret", NewCollection(Kind.CALENDAR)).object_id
    for hour, name in enumerate(("calendar", "work", "holidays", "secret"), 10):
        office.put(event(name, f"20261103T{hour}0000Z", end=f"20261103T{hour}3000Z"), where=name)
    assert office.busy() == ["10:00-10:30", "11:00-11:30", "13:00-13:30"]
    office.directory.closed = frozenset({secret})
    assert office.busy() == ["10:00-10:30", "11:00-11:30"]
    assert office.busy(viewer=None) == ["10:00-10:30", "11:00-11:30", "13:00-13:30"]


def test_who_is_told_nothing(office):
    assert office.ask(address="nobody@example.org").no is No.UNKNOWN
    strangers = [office.ask(address=one) for one in ("mia@example.net", "nobody@example.net")]
    assert [(one.no, one.owner) for one in strangers] == [(No.STRANGER, None)] * 2
    assert office.ask().no is None  # claire never used her calendars: free, and no file is made for her
    assert not office.groupware.exists(ACCOUNT.id)
    office.directory.closed = frozenset({ANY.id})
    assert office.ask().no is No.FORBIDDEN
    office.put(event("1", "20261103T090000Z"))
    with office.groupware.open(ACCOUNT) as account:
        office.directory.closed |= {one.object_id for one in account.collections()}
    assert (office.ask().no, office.ask().periods) == (No.FORBIDDEN, ())


def test_floating_times_are_in_the_zone_of_their_calendar(office):
    zone = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:America/New_York\r\nEND:VTIMEZONE\r\nEND:VCALENDAR"
    with office.groupware.open(ACCOUNT) as account:
        account.create("york", NewCollection(Kind.CALENDAR, time_zone=zone))
    office.put(event("1", "20261103T090000", end="20261103T100000"), where="york")
    office.put(event("2", "20261103T090000", end="20261103T100000"))
    assert office.busy() == ["09:00-10:00", "14:00-15:00"]


# -- working hours -----------------------------------------------------------------------------------------------------


def available(start, end, *lines, uid="a"):
    return "\r\n".join(["BEGIN:AVAILABLE", f"UID:{uid}", f"DTSTART{start}", f"DTEND{end}", *lines, "END:AVAILABLE"])


def availability(*lines, uid="v"):
    return calendar(component("VAVAILABILITY", uid, *lines))


PARIS, TUESDAY = ";TZID=Europe/Paris:20260105T", ";TZID=Europe/Paris:20261103T"
OFFICE = available(f"{PARIS}090000", f"{PARIS}170000", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU")
OFFICE_IS_SHUT = ["00:00-08:00 UNAVAILABLE", "16:00-00:00 UNAVAILABLE"]
AWAY = ("DTSTART:20261103T100000Z", "DTEND:20261103T120000Z")


@pytest.mark.parametrize(
    ("texts", "shut"),
    [
        ([], []),
        ([availability()], ["00:00-00:00 UNAVAILABLE"]),
        ([availability("BUSYTYPE:BUSY-TENTATIVE")], ["00:00-00:00 TENTATIVE"]),
        ([availability("BUSYTYPE:BUSY", "DTSTART:20261103T200000Z")], ["20:00-00:00"]),
        ([availability("DTSTART:20261103T010000Z", "DURATION:PT2H")], ["01:00-03:00 UNAVAILABLE"]),
        ([availability(OFFICE)], OFFICE_IS_SHUT),
        ([availability(*AWAY, OFFICE)], []),  # it is all open where it speaks
        # A better priority counts alone where it speaks, also where it is open and the other is not.
        ([availability(OFFICE, "PRIORITY:5"), availability(*AWAY, "PRIORITY:1", "BUSYTYPE:BUSY")],
         [OFFICE_IS_SHUT[0], "10:00-12:00", OFFICE_IS_SHUT[1]]),
        ([availability(*AWAY, "BUSYTYPE:BUSY"), availability(OFFICE, "PRIORITY:9")], OFFICE_IS_SHUT),
        ([availability("PRIORITY:0"), availability(OFFICE, "PRIORITY:9")], OFFICE_IS_SHUT),
        ([availability("BUSYTYPE:BUSY"),
          availability("DTSTART:20261103T000000Z", "DTEND:20261103T120000Z", "PRIORITY:2",
                       available(":20261103T000000Z", ":20261103T060000Z"))],
         ["06:00-12:00 UNAVAILABLE", "12:00-00:00"]),
        # The same priority: open in one is open; else the strongest.
        ([availability(OFFICE), availability(*AWAY, "BUSYTYPE:BUSY")], OFFICE_IS_SHUT),
        ([availability(*AWAY), availability("BUSYTYPE:BUSY", "DTSTART:20261103T110000Z", "DURATION:PT2H")],
         ["10:00-11:00 UNAVAILABLE", "11:00-13:00"]),
        # One day is different, one is left out.
        ([availability(OFFICE, available(f"{TUESDAY}100000", f"{TUESDAY}120000", f"RECURRENCE-ID{TUESDAY}090000"))],
         ["00:00-09:00 UNAVAILABLE", "11:00-00:00 UNAVAILABLE"]),
        ([availability(available(f"{PARIS}090000", f"{PARIS}170000", "RRULE:FREQ=DAILY",
                                 f"EXDATE{TUESDAY}090000"))], ["00:00-00:00 UNAVAILABLE"]),
        (["nonsense", availability("DTSTART:x"), calendar(component("VEVENT", "1", "DTSTART:20261103")), ""], []),
        ([availability(available(":x", ":y"))], ["00:00-00:00 UNAVAILABLE"]),
    ],
)  # fmt: skip
def test_working_hours_are_put_together(texts, shut):
    assert shown(closed(texts, DAY)) == shut


def test_working_hours_without_a_zone_are_those_of_the_calendar():
    text = availability(available(":20261103T090000", ":20261103T170000"))
    assert shown(closed([text], DAY, ZoneInfo("America/New_York")))[0] == "00:00-14:00 UNAVAILABLE"


def test_hostile_working_hours_end():
    bomb = available(":20000101T000000Z", ":20000101T000001Z", "RRULE:FREQ=SECONDLY", uid="b")
    text = availability(*(bomb.replace("UID:b", f"UID:{number}") for number in range(500)))
    assert shown(closed([text] * 300, DAY))[-1].endswith("UNAVAILABLE")


def test_hours_are_kept_with_the_account_and_in_calendars(office):
    office.put(event("1", "20261103T070000Z", end="20261103T090000Z"))
    with office.groupware.open(ACCOUNT) as account:
        hours.set_availability(account, availability(OFFICE))
        assert hours.availability(account) == availability(OFFICE)
        account.create("hours", NewCollection(Kind.CALENDAR, ("VEVENT", "VAVAILABILITY")))
    assert office.busy() == ["00:00-08:00 UNAVAILABLE", "07:00-09:00", "16:00-00:00 UNAVAILABLE"]
    office.put(availability("PRIORITY:1", *AWAY, "BUSYTYPE:BUSY"), where="hours")
    assert "10:00-12:00" in office.busy()
    with office.groupware.open(ACCOUNT) as account:
        hours.set_availability(account, "")
    assert office.busy() == ["07:00-09:00", "10:00-12:00"]


@pytest.mark.parametrize(
    "text", ["nonsense", event("1"), calendar(), calendar(component("VAVAILABILITY", "1"), component("VTODO", "2")),
             availability("X:" + "x" * 70_000)]
)  # fmt: skip
def test_what_cannot_be_working_hours(office, text):
    with office.groupware.open(ACCOUNT) as account, pytest.raises(Unfit):
        hours.set_availability(account, text)


def test_hours_from_days_and_times():
    from datetime import time

    text = hours.working_hours("Europe/Paris", [("TU", [(time(9), time(12)), (time(22), time(0))]), ("WE", [])])
    assert shown(closed([text], DAY)) == [
        "00:00-08:00 UNAVAILABLE",
        "11:00-21:00 UNAVAILABLE",
        "23:00-00:00 UNAVAILABLE",
    ]
    assert "BEGIN:VTIMEZONE" in text
