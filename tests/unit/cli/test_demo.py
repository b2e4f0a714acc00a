"""The mail of the demo is mail as programs expect it."""

from collections import Counter
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy

import pytest
import vobject
from icalendar import Calendar

from optimails.cli.demo import agenda
from optimails.cli.demo.company import PEOPLE
from optimails.cli.demo.messages import copies

NOW = datetime.fromisoformat("2026-11-23T15:00:00+01:00")
COPIES = list(copies(NOW))


@pytest.fixture(scope="module")
def messages():
    return {copy.content: message_from_bytes(copy.content, policy=policy.default) for copy in COPIES}


def test_some_dozens_for_every_account():
    count = Counter(copy.account for copy in COPIES)
    assert set(count) == {person.short for person in PEOPLE}
    assert min(count.values()) >= 12
    assert len({copy.content for copy in COPIES}) >= 36


def test_nothing_is_broken(messages):
    for content, message in messages.items():
        assert not any(part.defects for part in message.walk())
        assert message["From"].addresses
        assert message["Date"].datetime <= NOW
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert max(map(len, content.split(b"\r\n"))) <= 998


def test_there_is_something_of_everything(messages):
    kinds = Counter(part.get_content_type() for message in messages.values() for part in message.walk())
    for kind in ("text/html", "application/pdf", "image/png", "text/csv", "text/calendar", "application/zip"):
        assert kinds[kind], kind
    assert {copy.mailbox for copy in COPIES} >= {"INBOX", "Sent", "Drafts", "Junk", "Archive"}
    assert {str(flag) for copy in COPIES for flag in copy.flags} == {"\\Seen", "\\Answered", "\\Flagged", "\\Draft"}


def test_answers_point_at_what_they_answer(messages):
    identities = {message["Message-ID"] for message in messages.values()}
    answers = [message for message in messages.values() if message["In-Reply-To"]]
    assert len(answers) > 8
    assert all(message["In-Reply-To"] in identities for message in answers)
    assert all(message["References"].split()[-1] == message["In-Reply-To"] for message in answers)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.short)
def test_calendars_and_tasks_are_read_as_they_were_meant(person):
    events = Calendar.from_ical(agenda.calendar(person.short, NOW)).events
    assert [str(event["SUMMARY"]) for event in events] == [event.summary for event in agenda.EVENTS[person.short]]
    days = [date(event.start.year, event.start.month, event.start.day) - NOW.date() for event in events]
    assert all(timedelta(-7) < day < timedelta(15) for day in days)
    assert all(event.end > event.start for event in events)
    todos = Calendar.from_ical(agenda.tasks(person.short, NOW)).todos
    assert [str(todo["SUMMARY"]) for todo in todos] == list(agenda.TASKS[person.short])


def test_contacts_have_names_and_addresses():
    cards = list(vobject.readComponents(agenda.contacts().decode()))
    assert [card.fn.value for card in cards] == ["Hélène Dupont", "Paul Garnier", "Emma Hughes"]
    assert all("@" in card.email.value for card in cards)
