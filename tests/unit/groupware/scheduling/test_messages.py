"""Messages of scheduling: from their text, and in the account's file until they are delivered."""

import re
import sqlite3

import pytest

from optimails.groupware.scheduling import outbox
from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.groupware.scheduling.messages import address_of, read_message
from optimails.groupware.service import FILE, LocalGroupware
from optimails.index.groupware import messages
from optimails.index.groupware.schema import UPGRADES, VERSION
from optimails.model.errors import BadSyntax
from tests.support.calendars import ACCOUNT, calendar, component, event, in_memory

READ = {"identity": "m1", "sender": "ann@example.org", "recipient": "bob@example.org", "created": 100}


def itip(method, *parts):
    return calendar(f"METHOD:{method}", *parts).encode()


def message(identity, recipient="bob@example.org", uid="u1", text=b"TEXT"):
    return ItipMessage(identity, Method.REQUEST, "ann@example.org", recipient, uid, "VEVENT", text, "Lunch")


@pytest.fixture
def account():
    with in_memory().open(ACCOUNT) as opened:
        yield opened


def write(account, *wanted, now=100):
    with account.database.write() as connection:
        outbox.write(connection, wanted, now)


def test_a_message_is_read_from_its_text():
    text = itip(
        "request",
        component("VEVENT", "u1", "DTSTART:20261103T090000Z", "SEQUENCE:2", "SUMMARY:Lunch\\, at\\nnoon",
                  'ORGANIZER;SENT-BY="MAILTO:pa@example.org":mailto:ann@example.org'),
        component("VEVENT", "u1", "RECURRENCE-ID:20261110T090000Z", "DTSTART:20261110T100000Z", "SEQUENCE:3"),
    )  # fmt: skip
    found = read_message(text, **READ)
    assert (found.method, found.uid, found.component) == (Method.REQUEST, "u1", "VEVENT")
    assert (found.summary, found.sequence, found.sent_by) == ("Lunch, at noon", 3, "pa@example.org")
    assert (found.id, found.sender, found.recipient, found.text) == ("m1", "ann@example.org", "bob@example.org", text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        event("u1").encode(),
        itip("PUBLISH", component("VEVENT", "u1")),
        itip("REQUEST"),
        itip("REQUEST", component("VEVENT", "")),
        itip("REQUEST", component("VEVENT", "u1"), component("VEVENT", "u2")),
        itip("REQUEST", component("VEVENT", "u1"), component("VTODO", "u1")),
        itip("REQUEST", component("VJOURNAL", "u1")),
        itip("REQUEST", component("VFREEBUSY", "u1")),
        itip("REQUEST", component("VEVENT", "u1", f"X-LONG:{'x' * 2**22}")),
    ],
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(BadSyntax):
        read_message(text, **READ)


def test_a_strange_sequence_counts_as_something():
    for value, found in (("-1", 0), ("x", 0), ("9" * 15, 2**31 - 1), ("٣", 0)):
        assert read_message(itip("CANCEL", component("VEVENT", "u", f"SEQUENCE:{value}")), **READ).sequence == found


def test_addresses_lose_their_scheme():
    assert address_of(" MailTo:ann@example.org ") == "ann@example.org"
    assert address_of("urn:uuid:1") == "urn:uuid:1"


def test_messages_wait_in_their_order_until_they_are_delivered(account):
    write(account, message("1"), message("2", "eve@example.com"), message("3", text=b"OTHER"))
    found = outbox.due(account, 100)
    assert [(one.id, one.recipient, one.text) for _, one in found] == [
        ("1", "bob@example.org", b"TEXT"), ("2", "eve@example.com", b"TEXT"), ("3", "bob@example.org", b"OTHER"),
    ]  # fmt: skip
    assert [row.id for row, _ in outbox.due(account, 100, after=found[1][0].number)] == ["3"]
    outbox.delivered(account, [row for row, _ in found[:1]])
    assert [row.id for row, _ in outbox.due(account, 100)] == ["2", "3"]
    outbox.delivered(account, [row for row, _ in found])
    assert not outbox.listed(account)
    assert outbox.next_due(account) is None
    with account.database.read() as connection:  # nor do their texts stay
        assert connection.execute("SELECT count(*) FROM message_text").fetchone() == (0,)


def test_a_text_for_many_is_kept_once(account):
    write(account, *(message(str(number), f"u{number}@example.com") for number in range(50)))
    with account.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM message_text").fetchone() == (1,)


def test_a_later_message_never_overtakes_one_that_was_put_off(account):
    write(account, message("1"), message("2"), message("3", uid="other"))
    (first, _), *_ = outbox.due(account, 100)
    outbox.put_off(account, first, 500, "away")
    assert [row.id for row, _ in outbox.due(account, 200)] == ["3"]
    assert outbox.next_due(account) == 100
    assert [row.id for row, _ in outbox.due(account, 500)] == ["1", "2", "3"]
    outbox.put_off(account, first, None, "no such user")
    assert [row.id for row, _ in outbox.due(account, 200)] == ["2", "3"]
    assert [(row.id, row.attempts, row.due, row.why) for row in outbox.listed(account)][:1] == [
        ("1", 2, None, "no such user")
    ]
    outbox.forget(account, 101)
    assert [row.id for row in outbox.listed(account)] == ["2", "3"]


def test_ids_that_came_are_remembered_for_a_time(account):
    with account.database.write() as connection:
        messages.note(connection, "m", "applied", 100)
        with pytest.raises(sqlite3.IntegrityError):
            messages.note(connection, "m", "applied", 100)
    outbox.forget(account, 100)
    with account.database.read() as connection:
        assert messages.result_of(connection, "m") == "applied"
    outbox.forget(account, 101)
    with account.database.read() as connection:
        assert messages.result_of(connection, "m") is None


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path):
    groupware = LocalGroupware(tmp_path)
    with groupware.open(ACCOUNT) as opened:
        opened.put(opened.collection("calendar"), "1.ics", event("1").encode())
    groupware.close()
    connection = sqlite3.connect(next(tmp_path.rglob(FILE)))
    for statements in UPGRADES.values():
        for statement in statements():
            if made := re.match(r"\s*CREATE TABLE (\w+)", statement):
                connection.execute(f"DROP TABLE {made[1]}")
            elif added := re.match(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", statement):
                connection.execute(f"ALTER TABLE {added[1]} DROP COLUMN {added[2]}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with groupware.open(ACCOUNT) as opened:
        assert opened.database.check() == []
        item, text = opened.read(opened.collection("calendar"), "1.ics")
        assert (item.uid, text) == ("1", event("1").encode())
        write(opened, message("1"))
        assert len(outbox.listed(opened)) == 1
        with opened.database.read() as read:
            assert read.execute("PRAGMA user_version").fetchone() == (VERSION,)
    groupware.close()
