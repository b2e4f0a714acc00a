"""What came by mail is applied once and in its order; what came back is shown at whom it did not reach."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from optimails.delivery.calendars.arrivals import Arrivals
from optimails.delivery.calendars.failures import Undelivered, key_of
from optimails.delivery.calendars.runner import CalendarRunner
from optimails.groupware.scheduling.api import ItipMessage, Outcome, Result
from optimails.groupware.service import LocalGroupware
from optimails.groupware.work import Arrival, Work
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.queue.api import Report, Reported
from tests.support.calendars import event
from tests.support.memory_directory import MemoryDirectory

ME = "claire@example.org"
ITIP = event("1", "20261103T090000Z", "ORGANIZER:mailto:bob@b.test", f"ATTENDEE:mailto:{ME}").replace(
    "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST"
)


@dataclass
class Engine:
    """Notes what it is given; ``away`` accounts cannot be written to."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    broken: bool = False

    def apply(self, account: Account, message: ItipMessage) -> Outcome:
        if self.broken:
            raise ZeroDivisionError
        if str(account.address) in self.away:
            raise Unavailable("The disk is full")
        self.seen.append((str(account.address), message.id))
        return Outcome(Result.APPLIED)


class Office:
    def __init__(self, data: Path) -> None:
        self.now = 1_800_000_000.0
        self.work = Work(data, clock=lambda: self.now)
        self.directory = MemoryDirectory({ME: "x", "dora@example.org": "x"})
        self.engine = Engine()
        self.task = Arrivals(self.work, self.directory, self.engine)

    def arrive(self, identity: str, to: str = ME, text: str = ITIP) -> None:
        account = asyncio.run(self.directory.resolve(EmailAddress.parse(to))).accounts[0]
        self.work.arrive(Arrival(account.id, identity, "bob@b.test", to, text.encode()))

    def step(self, seconds: float = 0) -> int:
        self.now += seconds
        return asyncio.run(CalendarRunner(self.work, [self.task]).step())


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_what_came_is_applied_in_its_order_and_struck_out(office: Office) -> None:
    for number in "123":
        office.arrive(number)
    assert office.step() == 3
    assert office.engine.seen == [(ME, "1"), (ME, "2"), (ME, "3")]
    assert office.step() == 0
    assert office.work.next_due() is None


def test_an_account_that_is_away_keeps_its_order_and_holds_up_nobody(office: Office) -> None:
    office.engine.away = {ME}
    office.arrive("1")
    office.arrive("2")
    office.arrive("3", "dora@example.org")
    office.step()
    assert office.engine.seen == [("dora@example.org", "3")]
    office.engine.away = set()
    assert office.step() == 0, "not at once"
    office.step(60)
    assert office.engine.seen[1:] == [(ME, "1"), (ME, "2")]


def test_what_makes_no_sense_or_makes_trouble_is_dropped(office: Office) -> None:
    office.arrive("1", text="nonsense")
    office.step()
    office.engine.broken = True
    office.arrive("2")
    office.step()
    assert (office.engine.seen, office.work.next_due()) == ([], None)


@pytest.mark.parametrize(("smtp", "shown"), [("5.1.1", "3.7"), ("5.2.2", "5.1"), ("4.4.1", "5.1"), ("5.1.10", "3.7")])
def test_who_was_not_reached_is_marked_in_the_calendar(tmp_path: Path, smtp: str, shown: str) -> None:
    directory = MemoryDirectory({ME: "x"})
    account = asyncio.run(directory.resolve(EmailAddress.parse(ME))).accounts[0]
    groupware = LocalGroupware(tmp_path)
    guests = ("ATTENDEE;CN=Bob;SCHEDULE-STATUS=1.1:mailto:Bob@b.test", "ATTENDEE:mailto:eve@b.test")
    with groupware.open(account) as opened:
        text = event("1 x", "20261103T090000Z", f"ORGANIZER:mailto:{ME}", *guests)
        opened.put(opened.collection("calendar"), "1.ics", text.encode())
    who = EmailAddress.parse("bob@b.test")
    reported = (Reported(who, "", "failed", smtp, "no", "", 0, 0),)
    report = Report("m", account.address, "", None, 0, False, reported, key_of(account, "id", "1 x"))
    asyncio.run(Undelivered(groupware, directory)(report))
    with groupware.open(account) as opened:
        _, after = opened.read(opened.collection("calendar"), "1.ics")
    assert after.decode().replace("\r\n ", "") == text.replace("STATUS=1.1", f"STATUS={shown}")
    for key in ("", "reminder 1", "itip", "itip id nobody 1"):
        asyncio.run(Undelivered(groupware, directory)(Report("m", account.address, "", None, 0, False, reported, key)))
