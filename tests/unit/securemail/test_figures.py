import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from securemail.case import Direction, Health, Sureness
from securemail.ledger.figures import Counters
from securemail.ledger.ledger import End, Ledger
from securemail.ledger.values import Arrival, Findings, State
from securemail.policy.decide import Decision
from securemail.policy.document import ActionKind

DECISIONS = {
    State.DELIVERED: Decision(ActionKind.DELIVER, Sureness.HAM),
    State.REJECTED: Decision(ActionKind.REJECT, Sureness.CERTAIN),
}


class Book:
    def __init__(self, data: Path) -> None:
        self.now = 0.0
        self.ledger = Ledger(data, clock=lambda: self.now)
        self._number = 0

    def on(self, day: str, hour: int = 12) -> "Book":
        self.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC).timestamp()
        return self

    def passed(
        self,
        *recipients: str,
        sender: str = "a@b.test",
        account: str = "",
        state: State = State.DELIVERED,
        size: int = 1000,
    ) -> None:
        self._number += 1
        name = f"{self._number:016x}"
        direction = Direction.INBOUND if not account else Direction.OUTBOUND
        arrival = Arrival(name, self.now, direction, sender, sender, "", account, size, "s", "", name)
        arrival = replace(arrival, envelope={})
        health = Health.INFECTED if state is State.REJECTED else Health.CLEAN
        ends = dict.fromkeys(recipients, (DECISIONS[state], End(state)))
        asyncio.run(self.ledger.passed(arrival, Findings(health=health), ends))

    def counters(self, *domains: str) -> Counters:
        asyncio.run(self.ledger.refresh_figures(400))
        return asyncio.run(self.ledger.counters(domains))


def test_recipients_count_once_in_each_month_and_only_for_what_they_got(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for day in ("2026-01-05", "2026-02-05", "2026-03-05"):
        book.on(day).passed("anna@x.test")
        book.passed("anna+tag@x.test", "ANNA@x.test")
        book.passed("spam@x.test", state=State.REJECTED)
    book.on("2026-03-20").passed("ben@x.test")
    book.passed("carl@y.test")
    book.passed("elsewhere@z.test", sender="ben@x.test", account="1")
    book.on("2026-04-10")
    assert book.counters() == Counters(dest_3m=1, dest_30d=2, send_30d=1)
    assert book.counters("x.test") == Counters(dest_3m=1, dest_30d=1, send_30d=1)
    assert book.counters("y.test") == Counters(dest_3m=0, dest_30d=1, send_30d=0)


def test_days_can_be_made_anew_and_older_ones_stay(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.on("2026-03-01").passed("anna@x.test", size=500)
    book.on("2026-03-02").passed("anna@x.test", "ben@x.test", size=1500)
    book.passed("anna@x.test", state=State.REJECTED)
    book.on("2026-03-02", 20)
    asyncio.run(book.ledger.refresh_figures(30))
    first = asyncio.run(book.ledger.days((), 30))
    assert [
        (one.day, one.messages, one.bytes, one.delivered, one.refused, one.spam, one.infected) for one in first
    ] == [
        ("2026-03-02", 3, 4000, 2, 1, 1, 1),
        ("2026-03-01", 1, 500, 1, 0, 0, 0),
    ]
    asyncio.run(book.ledger.purge(1))
    asyncio.run(book.ledger.refresh_figures(1))
    assert asyncio.run(book.ledger.days((), 30)) == first


def test_fair_use_is_an_average_over_days(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.on("2026-03-02").passed("much@x.test", size=4 * 10**9)
    for _ in range(3):
        book.passed("some@x.test")
    asyncio.run(book.ledger.refresh_figures(30))
    found = asyncio.run(book.ledger.usage(("x.test",), 30))
    assert [(one.address, one.fair) for one in found] == [("much@x.test", False), ("some@x.test", True)]
    assert found[1].messages == 0.1
