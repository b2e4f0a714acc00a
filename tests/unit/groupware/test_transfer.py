"""Whole collections in and out."""

from optimails.groupware.api import Kind
from optimails.groupware.transfer import export_text, import_text, split
from tests.support.calendars import ACCOUNT, calendar, card, component, in_memory


def test_a_file_may_be_much_larger_than_an_item():
    parts = [component("VEVENT", str(number), "DTSTART:20261101T090000Z") for number in range(6_000)]
    with in_memory().open(ACCOUNT) as account:
        report = import_text(account, account.collection("calendar"), calendar(*parts).encode())
        assert (report.stored, report.refused, account.collection("calendar").items) == (6_000, [], 6_000)
        assert export_text(account, account.collection("calendar")).count("BEGIN:VEVENT") == 6_000


def test_the_parts_of_an_item_stay_together_with_their_zones_alone():
    zones = [f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\nEND:VTIMEZONE" for name in ("Here", "There")]
    text = calendar(
        *zones,
        component("VEVENT", "1", "DTSTART;TZID=Here:20261101T090000", "RRULE:FREQ=DAILY"),
        component("VTODO", "2"),
        component("VEVENT", "1", "DTSTART;TZID=Here:20261103T100000", "RECURRENCE-ID;TZID=Here:20261103T090000"),
    )
    found = dict(split(text, Kind.CALENDAR))
    assert found.keys() == {"1.ics", "2.ics"}
    assert (found["1.ics"].count("BEGIN:VEVENT"), found["1.ics"].count("TZID:Here"), "There" in found["1.ics"]) == (
        2, 1, False,
    )  # fmt: skip


def test_cards_without_uid_are_known_again():
    text = card("1", "Anne").replace("UID:1\r\n", "") * 2
    with in_memory().open(ACCOUNT) as account:
        for _ in range(2):
            import_text(account, account.collection("contacts"), text.encode())
        assert account.collection("contacts").items == 1
