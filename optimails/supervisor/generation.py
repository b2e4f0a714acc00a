"""The workers that run with one state of the configuration.

A generation is complete when all its workers listen. A worker that dies is replaced at once; one that keeps dying
young is replaced ever more slowly, so that a broken machine is not kept busy by starting processes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optimails.supervisor.control import FIRST_SOCKET_FD, StartOrder
from optimails.supervisor.metrics import SupervisorMetrics
from optimails.supervisor.process import WorkerProcess
from optimails.supervisor.settings import JOBS, MAIL, WEB, Settings
from optimails.supervisor.shares import Shares
from optimails.supervisor.sockets import Sockets

MATURE = 10.0  # seconds after which a death is an accident, and not a failed start
FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
log = logging.getLogger(__name__)


class Slots:
    """Numbers for what workers note in files: the lowest that no living worker has."""

    def __init__(self, shares: Shares) -> None:
        self._taken: set[int] = set()
        self._shares = shares

    def take(self) -> int:
        slot = next(number for number in range(len(self._taken) + 1) if number not in self._taken)
        self._taken.add(slot)
        return slot

    def give_back(self, slot: int) -> None:
        self._taken.discard(slot)
        self._shares.forget(slot)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all generations of one supervisor share."""

    reactor: Any
    sockets: Sockets
    slots: Slots
    metrics: SupervisorMetrics
    command: Sequence[str]  # that starts a worker


class Observer(Protocol):
    """Who is told how a generation does."""

    def complete(self, generation: "Generation") -> None:
        """All workers listen, for the first time."""

    def failed(self, generation: "Generation", why: str) -> None:
        """A worker died before that."""

    def empty(self, generation: "Generation") -> None:
        """The last worker of a draining generation has ended."""


class Generation:
    """Keeps its workers alive until it is drained."""

    def __init__(self, settings: Settings, around: Surroundings, observer: Observer) -> None:
        self.settings = settings
        self.workers: dict[str, WorkerProcess] = {}
        self.drained = False
        self._around = around
        self._observer = observer
        self._spare: WorkerProcess | None = None
        self._was_complete = False
        self._young_deaths: dict[str, int] = {}
        self._names = {f"mail-{number}": MAIL for number in range(1, settings.workers + 1)}
        if settings.of_kind(WEB):
            self._names[WEB] = WEB
        if settings.jobs:
            self._names[JOBS] = JOBS

    def start(self) -> None:
        for name in self._names:
            self._spawn(name)

    def _spawn(self, name: str) -> None:
        if self.drained:
            return
        kind = self._names[name]
        if kind == MAIL and self._spare is not None:
            worker, self._spare = self._spare, None
        else:
            worker = self._process(kind)
        self.workers[name] = worker
        sockets = list(enumerate(self._indexes(kind), FIRST_SOCKET_FD))
        worker.start(StartOrder(name, kind, self.settings.text, str(self.settings.path), sockets))
        log.info("worker_started", extra={"fields": {"name": name, "pid": worker.pid}})
        self._ensure_spare()

    def _indexes(self, kind: str) -> list[int]:
        """The listener of each socket, in the order in which workers inherit them."""
        return [index for index, listener in self.settings.of_kind(kind) for _ in self._around.sockets.of(listener)]

    def _process(self, kind: str) -> WorkerProcess:
        served = self.settings.of_kind(kind)
        descriptors = [one.fileno() for _, listener in served for one in self._around.sockets.of(listener)]
        return WorkerProcess(self._around, kind, descriptors, self)

    def _ensure_spare(self) -> None:
        """One mail worker more than serve, for the moment when one dies."""
        wanted = self.settings.config.server.spare_worker and self.settings.workers
        if wanted and self._was_complete and self._spare is None and not self.drained:
            self._spare = self._process(MAIL)

    def listens(self, worker: WorkerProcess) -> None:
        log.info("worker_listens", extra={"fields": {"name": worker.name, "pid": worker.pid}})
        if not self._was_complete and self.all_listen():
            self._was_complete = True
            self._ensure_spare()
            self._observer.complete(self)

    def all_listen(self) -> bool:
        """Whether every worker is there and serves."""
        return len(self.workers) == len(self._names) and all(worker.listening for worker in self.workers.values())

    def ended(self, worker: WorkerProcess) -> None:
        if worker is self._spare:
            self._spare = None
            # One that cannot even load would otherwise keep a processor busy with trying.
            delay = max(FIRST_DELAY * 4, self._delay(worker))
            self._around.reactor.callLater(delay, self._ensure_spare)
        self.workers.pop(worker.name, None)
        if self.drained:
            if not self._processes():
                self._observer.empty(self)
            return
        if not worker.name:
            return
        fields = {"name": worker.name, "pid": worker.pid, **worker.outcome}
        log.error("worker_died", extra={"fields": fields})
        self._around.metrics.deaths.labels(worker.kind).inc()
        if not self._was_complete:
            self._observer.failed(self, f"{worker.name} ended before it listened")
            return
        delay = self._delay(worker)
        if delay:
            self._around.reactor.callLater(delay, self._spawn, worker.name)
        else:
            self._spawn(worker.name)

    def _delay(self, worker: WorkerProcess) -> float:
        """Seconds to wait before its successor is started."""
        if worker.age > MATURE:
            self._young_deaths.pop(worker.name, None)
            return 0.0
        deaths = self._young_deaths[worker.name] = self._young_deaths.get(worker.name, 0) + 1
        return 0.0 if deaths == 1 else min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (deaths - 2))

    def _processes(self) -> list[WorkerProcess]:
        return [*self.workers.values(), *([self._spare] if self._spare else [])]

    def drain(self, timeout: float) -> None:
        """Let the workers end in peace."""
        self.drained = True
        for worker in self.workers.values():
            worker.drain(timeout)
        if self._spare is not None:
            self._spare.kill()
        if not self._processes():
            self._around.reactor.callLater(0, self._observer.empty, self)

    def kill(self) -> None:
        """End them now."""
        self.drained = True
        for worker in self._processes():
            worker.kill()
        if not self._processes():
            self._around.reactor.callLater(0, self._observer.empty, self)
