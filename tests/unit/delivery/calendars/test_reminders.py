"""Reminders by mail: when, once, in the owner's language, and only of what is wanted."""

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from optimails.config import Config
from optimails.config.queue import QueueSettings
from optimails.delivery.calendars.reminders import Reminders
from optimails.groupware.alarms import AlarmKind
from optimails.groupware.service import LocalGroupware
from optimails.groupware.work import Work
from optimails.model.errors import Unavailable
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.support.calendars import event
from tests.support.memory_directory import MemoryDirectory

HOUR = 3_600
START = int(datetime(2026, 11, 3, 9, tzinfo=UTC).timestamp())  # of the events below
ALARM = ("BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT15M", "END:VALARM")
SCREEN = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM")


class Clock:
    now = START - 24 * HOUR

    def __call__(self) -> float:
        return self.now


class Desk:
    def __init__(self, data: Path, clock: Clock, **settings: object) -> None:
        self.clock = clock
        self.work = Work(data, clock=clock)
        self.directory = MemoryDirectory({"claire@example.org": "x"})
        self.account = asyncio.run(self.directory.account(next(iter(self.directory._accounts.values())).id))
        self.groupware = LocalGroupware(data)
        self.queue = Queue(data, QueueSettings())
        config = Config.model_validate({"server": {"data": str(data)}, "calendar_mail": settings})
        self.task = Reminders(self.work, self.groupware, self.directory, self.queue, config)

    def put(self, text: str, name: str = "1.ics") -> None:
        with self.groupware.open(self.account) as account:
            account._clock = self.clock
            account.put(account.collection("calendar"), name, text.encode())

    def choose(self, *kinds: AlarmKind) -> None:
        with self.groupware.open(self.account) as account:
            account._clock = self.clock
            account.choose_reminders([account.collection("calendar")], sum(1 << kind for kind in kinds))

    def at(self, moment: float) -> int:
        """Reminders that are sent when it is that time."""
        self.clock.now = moment
        return asyncio.run(self.task.step())

    def mails(self):
        found = asyncio.run(self.queue.find(Choice()))
        contents = [self.queue.contents.path(one.id).read_bytes() for one in found]
        return [message_from_bytes(content, policy=policy.default) for content in contents]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, Clock(), time_zone="Europe/Paris")


def test_a_reminder_comes_at_its_time_and_once(desk: Desk, tmp_path: Path) -> None:
    desk.put(event("1", "20261103T090000Z", "SUMMARY:Budget", "LOCATION:Room 1", *ALARM))
    assert desk.work.next_due() == START - HOUR / 4
    assert desk.at(START - HOUR / 4 - 1) == 0
    assert desk.at(START - HOUR / 4) == 1
    assert desk.at(START) == 0
    assert desk.work.next_due() is None
    (mail,) = desk.mails()
    assert mail["Subject"] == "Reminder: Budget, Tuesday 3 November 2026, 09:00 to 10:00 (UTC)"
    assert (mail["To"], mail["Auto-Submitted"]) == ("claire@example.org", "auto-generated")
    assert "Where: Room 1" in mail.get_body(("plain",)).get_content()


def test_a_process_that_dies_before_it_notes_a_reminder_sends_it_once(desk: Desk, tmp_path: Path) -> None:
    desk.put(event("1", "20261103T090000Z", *ALARM))
    desk.work.looked = lambda *_: (_ for _ in ()).throw(Unavailable("killed"))  # in the transaction that notes it
    desk.clock.now = START
    with pytest.raises(Unavailable):
        asyncio.run(desk.task.step())
    other = Desk(tmp_path, desk.clock, time_zone="Europe/Paris")
    assert other.at(START + 1) == 1
    assert len(other.mails()) == 1


def test_series_remind_of_each_occurrence(desk: Desk) -> None:
    desk.put(event("1", "20261103T090000Z", "RRULE:FREQ=DAILY;COUNT=3", *ALARM))
    assert [desk.at(START + day * 24 * HOUR) for day in range(4)] == [1, 1, 1, 0]
    days = {mail["Subject"].split(", ")[1] for mail in desk.mails()}
    assert days == {"Tuesday 3 November 2026", "Wednesday 4 November 2026", "Thursday 5 November 2026"}


def test_after_downtime_what_is_too_late_is_left_out(desk: Desk) -> None:
    desk.put(event("1", "20261103T090000Z", "RRULE:FREQ=DAILY;COUNT=3", *ALARM))
    assert desk.at(START + 48 * HOUR + 5 * HOUR) == 1, "of the last one, five hours late"
    desk.put(event("2", "20261110T090000Z", *ALARM), "2.ics")
    assert desk.at(START + 7 * 24 * HOUR + 7 * HOUR) == 0


def test_whole_days_and_floating_times_are_in_the_owners_zone(desk: Desk) -> None:
    desk.put(event("1", "20261103T090000", *ALARM, end=None))
    assert desk.at(START - HOUR - HOUR / 4 - 1) == 0
    assert desk.at(START - HOUR - HOUR / 4) == 1
    (mail,) = desk.mails()
    assert mail["Subject"] == "Reminder: (no title), Tuesday 3 November 2026, 09:00"


def test_what_was_changed_deleted_or_declined(desk: Desk) -> None:
    desk.put(event("1", "20261103T090000Z", *ALARM))
    desk.put(event("1", "20261104T090000Z", *ALARM, end="20261104T100000Z"))
    desk.put(event("2", "20261103T090000Z", *ALARM), "2.ics")
    desk.put(event("3", "20261103T090000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:claire@example.org", *ALARM), "3.ics")
    with desk.groupware.open(desk.account) as account:
        account.delete(account.collection("calendar"), "2.ics")
    assert desk.at(START) == 0
    assert desk.at(START + 24 * HOUR) == 1


def test_a_calendar_may_remind_of_every_alarm_or_of_none(desk: Desk) -> None:
    desk.put(event("1", "20261103T090000Z", *SCREEN))
    assert desk.work.next_due() is None
    desk.choose(AlarmKind.MAIL, AlarmKind.SCREEN)
    assert desk.at(START) == 1
    desk.put(event("2", "20261104T090000Z", *ALARM, end="20261104T100000Z"), "2.ics")
    desk.choose()
    assert desk.at(START + 24 * HOUR) == 0
    desk.choose(AlarmKind.MAIL)
    assert desk.at(START + 24 * HOUR + 1) == 0, "what rang before is not made up for"


def test_reminders_can_be_switched_off(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Clock(), reminders=False)
    desk.put(event("1", "20261103T090000Z", *ALARM))
    assert desk.at(START) == 0
    assert desk.work.next_due() is None
