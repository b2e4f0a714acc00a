"""A queue in a folder of its own, with a clock that we turn and a courier that does what it is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from optimails.config.queue import QueueSettings
from optimails.config.relay import RelaySettings
from optimails.model.address import EmailAddress
from optimails.queue.api import Job, Notify, Origin, Outbound, QueuedRecipient, RecipientResult, State
from optimails.queue.runner import Runner
from optimails.queue.store import Queue

START = 1_800_000_000.0
CONTENT = b"From: a@here.test\r\nSubject: Hello\r\n\r\nText\r\n"


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


def addresses(*texts: str, notify: frozenset[Notify] | None = None) -> tuple[QueuedRecipient, ...]:
    return tuple(QueuedRecipient(EmailAddress.parse(text), notify) for text in texts)


def mail(*recipients: str, sender: str | None = "a@here.test", notify: frozenset[Notify] | None = None) -> Outbound:
    return Outbound(
        EmailAddress.parse(sender) if sender else None, addresses(*recipients, notify=notify), Origin.SUBMISSION
    )


@dataclass
class FakeCourier:
    """``answers`` decides by domain, or by address: delivered when nothing is said."""

    answers: dict[str, Callable[[EmailAddress], RecipientResult]] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    delivered: list[tuple[str, str]] = field(default_factory=list)  # message and address
    gate: asyncio.Event | None = None
    pause: float = 0  # seconds that a delivery takes
    most: int = 0  # at a time
    _now: int = 0

    async def deliver(self, job: Job) -> list[RecipientResult]:
        self.jobs.append(job)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.pause)
            results = []
            for recipient in job.recipients:
                address = recipient.address
                answer = self.answers.get(str(address)) or self.answers.get(address.domain) or delivered
                result = answer(address)
                results.append(result)
                if result.state is State.DELIVERED:
                    self.delivered.append((job.message_id, str(address)))
            return results
        finally:
            self._now -= 1


def delivered(address: EmailAddress) -> RecipientResult:
    return RecipientResult(address, State.DELIVERED, "2.0.0", "250 2.0.0 Ok", "mx.there.test")


def refused(address: EmailAddress) -> RecipientResult:
    return RecipientResult(address, State.FAILED, "5.1.1", "550 5.1.1 No such user", "mx.there.test")


def later(address: EmailAddress) -> RecipientResult:
    return RecipientResult(address, State.DEFERRED, "4.2.0", "450 4.2.0 Greylisted", "mx.there.test")


def away(address: EmailAddress) -> RecipientResult:
    return RecipientResult(address, State.DEFERRED, "4.4.1", "Connection refused", unreachable=True)


@dataclass
class FakeNotices:
    sent: list[tuple[EmailAddress, bytes]] = field(default_factory=list)
    problem: Exception | None = None

    async def language(self, reader: EmailAddress) -> str:
        return "fr" if reader.local.startswith("fr") else "en"

    async def send(self, reader: EmailAddress, content: bytes) -> None:
        if self.problem is not None:
            raise self.problem
        self.sent.append((reader, content))


class Post:
    """All of it together."""

    def __init__(
        self,
        folder: Path,
        settings: QueueSettings | None = None,
        relays: tuple[RelaySettings, ...] = (),
        owner: str | None = None,
    ) -> None:
        self.clock = Clock()
        self.queue = Queue(folder, settings or QueueSettings(), relays, clock=self.clock, owner=owner)
        self.courier = FakeCourier()
        self.notices = FakeNotices()
        self.runner = Runner(self.queue, self.courier, self.notices, "mail.here.test")

    async def accept(self, *recipients: str, **wishes: object) -> str:
        return await self.queue.accept(mail(*recipients, **wishes), [CONTENT])  # type: ignore[arg-type]  # as mail()

    async def go(self, seconds: float = 0) -> int:
        """Let time pass, then do all that is due; gives the number of jobs."""
        self.clock.now += seconds
        jobs = 0
        while begun := await self.runner.step():
            jobs += begun
            await self.runner.settled()
        await self.runner.settled()
        return jobs

    async def state(self, message: str) -> dict[str, str]:
        """The states of a message's recipients."""
        from optimails.queue.control import Choice  # only here

        found = await self.queue.find(Choice(messages=(message,), finished=True))
        return {entry.address: entry.state for entry in found[0].recipients} if found else {}

    def close(self) -> None:
        self.queue.close()
