"""The queue at work: takes what is due, has it carried away, writes down what became of it.

One runner per process; several processes may run beside each other (while the service reloads, they do), for what one
has leased the others leave alone.

**Told at once.** ``wake`` is called when something was queued, and by every delivery that ends; otherwise the runner
sleeps until the next moment at which anything is due, and never longer than ``LOOK_AROUND``.

**Ending.** Cancelling ``run`` takes no further jobs and lets those under way come to their end for ``DRAIN`` seconds;
then they are cut and given back. A process that is killed instead leaves its leases behind, and the next runner finds
that it is dead.
"""

import asyncio
import logging
import secrets
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from prometheus_client import Counter, Gauge

from optimails.model.address import EmailAddress
from optimails.model.errors import MailError, Unavailable
from optimails.queue import reports
from optimails.queue.api import Courier, Job, RecipientResult, Report, Ret, Route, State
from optimails.queue.leases import Leased, Places
from optimails.queue.store import Queue

log = logging.getLogger(__name__)

LOOK_AROUND = 30.0  # seconds between two looks when nothing happens
BREATH = 1.0  # seconds between two looks when something is due that cannot be taken yet
RECOVERY = 5.0  # seconds between two looks for leases of dead processes
DRAIN = 8.0  # seconds that deliveries may go on at the end; the worker waits a little longer
PURGE = 3_600.0
FIRST_WINDOW = 2  # deliveries at a time to a destination that has not proven itself
MAX_RETURNED = 10_485_760  # bytes of a message that a report brings back whole
_REMEMBERED = 20_000  # destinations

_ATTEMPTS = Counter("optimails_queue_attempts_total", "Attempts to deliver, one a recipient, by result.", ["result"])
_WAITING = Gauge(
    "optimails_queue_waiting", "Recipients waiting for their next attempt.", multiprocess_mode="livemostrecent"
)
_REPORTS = Counter("optimails_queue_reports_total", "Reports to senders, by what they tell.", ["action"])


Reported = Callable[[Report], Awaitable[None]]
"""Hears of a report before its reader does."""


class Notices(Protocol):
    """Who carries our reports to their readers."""

    async def language(self, reader: EmailAddress) -> str:
        """Ours that suits the reader best."""

    async def send(self, reader: EmailAddress, content: bytes) -> None:
        """Deliver here, or queue, with the null sender. Raises ``Refused`` when it never can, ``Unavailable``."""


class Runner:
    """Use ``run``; tests call ``step`` and ``settled``."""

    def __init__(  # noqa: PLR0913 - all that it works with
        self,
        queue: Queue,
        courier: Courier,
        notices: Notices,
        hostname: str,
        routes: Mapping[str, Route] | None = None,
        *,
        reported: Reported | None = None,
    ) -> None:
        """``reported`` hears of what senders are told, before they are told."""
        self._reported = reported
        self._queue = queue
        self._courier = courier
        self._notices = notices
        self._hostname = hostname
        self._routes = routes or {}
        self._awake = asyncio.Event()
        self._running: dict[asyncio.Task[None], Leased] = {}
        self._carrying: set[asyncio.Task[None]] = set()  # of these, those that wait for the courier
        self._reporter: asyncio.Task[None] | None = None
        self._windows: dict[str, int] = {}
        self._recovered = self._purged = self._counted = float("-inf")
        self._stopping = False

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                self._awake.clear()
                try:
                    await self.step()
                    wait = await self._until_next()
                except Unavailable:
                    log.exception("queue_unavailable")
                    wait = BREATH * 5
                try:
                    async with asyncio.timeout(wait):
                        await self._awake.wait()
                except TimeoutError:
                    continue
        finally:
            await self._drain()

    async def step(self) -> int:
        """Do everything that is due now; deliveries go on in the background. Gives how many were begun."""
        queue, now = self._queue, self._queue.clock()
        if now - self._recovered >= RECOVERY:
            self._recovered = now
            freed, isolated = await queue.recover()
            if freed:
                log.warning("queue_leases_freed", extra={"fields": {"recipients": freed}})
            for message in isolated:
                log.error("queue_message_isolated", extra={"fields": {"message": message}})
        if await queue.expire():
            self._awake.set()  # one batch at a time: what is due goes on meanwhile
        if now - self._purged >= PURGE:
            self._purged = now
            await queue.purge()
        if now - self._counted >= RECOVERY:
            self._counted = now
            _WAITING.set(await queue.waiting())
        if self._reporter is None or self._reporter.done():
            self._reporter = asyncio.create_task(self._report_all())
        leased = await queue.lease(self._places()) if not self._stopping else []
        for one in leased:
            task = asyncio.create_task(self._carry(one))
            self._running[task] = one
            task.add_done_callback(self._ended)
        return len(leased)

    async def settled(self) -> None:
        """All deliveries begun so far, and their reports, are done."""
        while self._running or (self._reporter is not None and not self._reporter.done()):
            await asyncio.wait([*self._running, *([self._reporter] if self._reporter else [])])
        await self._report_all()

    def _places(self) -> Places:
        settings = self._queue.settings
        running = self._running.values()
        probes = sum(one.probe for one in running)
        return Places(
            running=Tally(one.job.destination for one in running),
            free=settings.concurrency - len(self._running),
            probes=settings.concurrency // 2 - probes,
            suspects=any(one.suspect for one in running),
            window=lambda name: self._windows.get(name, min(FIRST_WINDOW, settings.destination_concurrency)),
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._awake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("queue_settle_failed", exc_info=error)  # the lease stays until this process ends

    async def _until_next(self) -> float:
        moment = await self._queue.next_ready()
        if moment is None:
            return LOOK_AROUND
        return min(LOOK_AROUND, max(BREATH, moment - self._queue.clock()))

    # -- one delivery

    async def _carry(self, leased: Leased) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            results = await self._attempt(replace(leased.job, route=self._routes.get(leased.job.destination)))
        except asyncio.CancelledError:
            await self._queue.give_back(leased)
            raise
        finally:
            self._carrying.discard(task)
        while True:
            try:
                await self._queue.settle(leased, results)
                break
            except Unavailable:
                # What was delivered must be written down, else it is delivered again: nothing is more urgent.
                log.exception("queue_unavailable")
                await asyncio.sleep(BREATH)
        self._note(leased.job, results)

    async def _attempt(self, job: Job) -> list[RecipientResult]:
        if not await asyncio.to_thread(job.content.is_file):
            log.error("queue_content_missing", extra={"fields": {"message": job.message_id}})
            return _all(job, State.FAILED, "5.3.0", "The content of the message is lost")
        try:
            async with asyncio.timeout(self._queue.settings.attempt_timeout):
                return await self._courier.deliver(job)
        except TimeoutError:
            return _all(job, State.DEFERRED, "4.4.1", "The delivery took too long")
        except Exception:
            error = secrets.token_hex(4)
            log.exception("queue_courier_failed", extra={"fields": {"message": job.message_id, "error": error}})
            return _all(job, State.DEFERRED, "4.3.0", f"Internal error {error}")

    def _note(self, job: Job, results: Iterable[RecipientResult]) -> None:
        """Log and count, and let the destination have more at a time when it takes what it gets."""
        name = job.destination
        for result in results:
            _ATTEMPTS.labels(result.state.value).inc()
            fields = {
                "message": job.message_id,
                "sender": str(job.sender or ""),
                "recipient": str(result.recipient),
                "state": result.state.value,
                "status": result.status,
                "reply": result.reply,
                "remote": result.remote,
            }
            log.info("queue_attempt", extra={"fields": fields})
        if any(result.unreachable for result in results):
            self._windows.pop(name, None)
        elif any(result.state is State.DELIVERED for result in results):
            if len(self._windows) > _REMEMBERED:
                self._windows.clear()
            most = self._queue.settings.destination_concurrency
            self._windows[name] = min(most, self._windows.get(name, FIRST_WINDOW) + 1)

    # -- reports

    async def _report_all(self) -> None:
        """Tell all senders who wait to be told. Who cannot be told now waits for the next time."""
        try:
            while waiting := await self._queue.reports():
                told = [await self._report(message) for message in waiting]
                if not any(told):
                    return
        except Unavailable:
            log.exception("queue_unavailable")

    async def _report(self, message: str) -> bool:
        report = await self._queue.report(message)
        try:
            if report is not None:
                if self._reported is not None:
                    await self._reported(report)
                content, whole = await asyncio.to_thread(self._returned, report)
                language = await self._notices.language(report.sender)
                now = self._queue.clock()
                written = reports.build(
                    report, content, whole=whole, hostname=self._hostname, language=language, now=now
                )
                await self._notices.send(report.sender, written)
                for one in report.recipients:
                    _REPORTS.labels(one.action).inc()
                fields = {"message": message, "sender": str(report.sender), "recipients": len(report.recipients)}
                log.info("queue_report", extra={"fields": fields})
        except Unavailable:
            log.warning("queue_report_waits", extra={"fields": {"message": message}})
            return False
        except MailError as refused:
            log.warning("queue_report_lost", extra={"fields": {"message": message, "why": str(refused)}})
        except Exception:
            log.exception("queue_report_lost", extra={"fields": {"message": message}})
        await self._queue.told(message, report)
        return True

    def _returned(self, report: Report) -> tuple[bytes, bool]:
        """What the report brings back: the whole message only of a failure, and only when the sender said so."""
        if report.ret is Ret.FULL and any(one.action == "failed" for one in report.recipients):
            whole = self._queue.contents.whole(report.message_id, MAX_RETURNED)
            if whole is not None:
                return whole, True
        return self._queue.contents.header(report.message_id), False

    # -- the end

    async def _drain(self) -> None:
        self._stopping = True
        if self._running:
            await asyncio.wait(list(self._running), timeout=DRAIN)
        for task in list(self._carrying):
            task.cancel()
        if self._running:
            await asyncio.wait(list(self._running), timeout=BREATH)
        if self._reporter is not None and not self._reporter.done():
            await asyncio.wait([self._reporter], timeout=1)
            self._reporter.cancel()


def _all(job: Job, state: State, status: str, reply: str) -> list[RecipientResult]:
    """The same result for every recipient."""
    return [RecipientResult(recipient.address, state, status, reply) for recipient in job.recipients]
