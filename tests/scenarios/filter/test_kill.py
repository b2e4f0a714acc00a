"""The filter killed before and after every transaction: each recipient comes to one end, and nothing is lost.

One process keeps a message with a recipient for every action and brings it to its end; it is killed at the n-th commit,
n = 1, 2, 3 … until it comes through. What it had acknowledged the next process must finish.
"""

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from optimails.delivery.api import DELIVERED, Outcome, SmtpEnvelope
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.address import EmailAddress
from optimails.queue.database import Database
from securemail.analysis import Analysis
from securemail.case import Direction
from securemail.flow import envelopes
from securemail.flow.acts import Acts
from securemail.flow.judge import Judge
from securemail.flow.runner import FilterRunner
from securemail.ledger.ledger import Ledger
from securemail.ledger.reading import Search
from securemail.ledger.values import Arrival, Findings, State

ENDS = {
    "deliver": State.DELIVERED,
    "quarantine": State.QUARANTINED,
    "hold": State.HELD,
    "redirect": State.REDIRECTED,
    "destroy": State.DESTROYED,
    "reject": State.QUARANTINED,  # a stranger was told 250 already
    "tag": State.DELIVERED,
}
CONTENT = b"From: <a@b.test>\r\nSubject: hello\r\n\r\nHello.\r\n"


class Deliveries:
    """A delivery and a postman that write down, synced, what they were given."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _note(self, who: object) -> None:
        with self._path.open("a") as file:
            file.write(f"{who}\n")
            file.flush()
            os.fsync(file.fileno())

    async def deliver(self, envelope: SmtpEnvelope, received: bytes, content: Spool) -> Any:
        del received
        assert (content.whole() or b"").endswith(b"Hello.\r\n")
        for who in envelope.recipients:
            self._note(who)
        return type("Attempt", (), {"outcomes": dict.fromkeys(envelope.recipients, DELIVERED)})

    async def settle(self, attempt: object, again: Collection[EmailAddress]) -> None:
        del attempt
        assert not again

    async def submit(
        self, sender: object, recipients: Sequence[EmailAddress], content: Spool, **more: object
    ) -> Mapping[EmailAddress, Outcome]:
        del sender, content, more
        for who in recipients:
            self._note(who)
        return dict.fromkeys(recipients, DELIVERED)

    async def account(self, account: object) -> None:
        del account

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        del recipient
        return Resolution(())

    async def look(self, content: Spool, envelope: SmtpEnvelope, arrived: float) -> Analysis:
        del content, envelope, arrived
        return Analysis(Findings(), "a@b.test", "hello")


async def policies(ledger: Ledger) -> None:
    for action in ENDS:
        more = ', to = "elsewhere@out.test"' if action == "redirect" else ""
        source = f'[[rule]]\nname = "only"\nwhen = {{}}\nthen = {{ action = "{action}"{more} }}'
        await ledger.policies.put(f"domain:{action}.test", source, "test")


async def keep(ledger: Ledger, name: str) -> None:
    """As the gate keeps a message that takes too long."""
    recipients = [f"x@{action}.test" for action in ENDS]
    envelope = SmtpEnvelope(EmailAddress.parse("a@b.test"), tuple(EmailAddress.parse(one) for one in recipients))
    arrival = Arrival(
        name, ledger.clock(), Direction.INBOUND, "a@b.test", "a@b.test", "", "", len(CONTENT), "hello", "", name,
        envelopes.written(envelope),
    )  # fmt: skip
    await ledger.keep(arrival, recipients, [CONTENT], Findings())


async def work(ledger: Ledger, notes: Path) -> None:
    """The runner, until nothing is due."""
    stub: Any = Deliveries(notes)
    acts = Acts(
        ledger, stub, stub, stub, days=30, administrator=lambda domain: EmailAddress.parse(f"postmaster@{domain}")
    )
    runner = FilterRunner(ledger, stub, Judge(ledger.policies, stub), acts)
    while await runner.step():
        pass


def killed(data: Path, at: int, *, after: bool) -> bool:
    """Keep a message and work, in a process that dies at the n-th commit; whether it died."""
    child = os.fork()
    if child == 0:
        commits = 0
        commit = Database.write_now

        def counted(self: Database, job: Any) -> Any:
            nonlocal commits
            commits += 1
            if commits == at and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = commit(self, job)
            if commits == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        Database.write_now = counted  # type: ignore[method-assign]  # in this process alone
        try:
            asyncio.run(_keep_and_work(data))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


async def _keep_and_work(data: Path) -> None:
    ledger = Ledger(data)
    await keep(ledger, "00" * 8)
    with (data / "acknowledged").open("x") as file:
        os.fsync(file.fileno())
    await work(ledger, data / "delivered")


async def finish(data: Path) -> dict[str, State]:
    ledger = Ledger(data)
    await work(ledger, data / "delivered")
    found = await ledger.find(Search())
    assert all(one.due is None for one in found)
    ledger.close()
    return {entry.address: entry.state for one in found for entry in one.recipients}


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_every_recipient_comes_to_one_end(tmp_path: Path, *, after: bool) -> None:
    survived = at = 0
    while not survived:
        at += 1
        data = tmp_path / str(at)
        data.mkdir()
        ledger = Ledger(data)
        asyncio.run(policies(ledger))
        ledger.close()
        survived = not killed(data, at, after=after)
        states = asyncio.run(finish(data))
        if not (data / "acknowledged").exists():
            assert not states or set(states) == {f"x@{action}.test" for action in ENDS}
        if states:
            assert states == {f"x@{action}.test": end for action, end in ENDS.items()}, at
        else:
            assert not (data / "acknowledged").exists(), at
            continue
        with sqlite3.connect(data / "securemail" / "securemail.sqlite") as database:
            ends = database.execute(
                "SELECT address, count(*) FROM step WHERE what IN ('delivered', 'quarantined', 'held', 'redirected', "
                "'destroyed') GROUP BY address"
            ).fetchall()
        assert dict(ends) == dict.fromkeys(states, 1), at
        delivered = Counter((data / "delivered").read_text().split())
        assert set(delivered) == {"x@deliver.test", "x@tag.test", "elsewhere@out.test"}
        assert max(delivered.values()) <= 2  # a deed may be done again when nobody wrote down that it was done
    assert at > 10
