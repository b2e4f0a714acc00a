"""One worker as the supervisor sees it."""
# ruff: noqa: N802 - Twisted names its methods so

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from optimails.supervisor import control
from optimails.supervisor.control import Decoder, DrainOrder, Listening, StartOrder, Status, encode

if TYPE_CHECKING:
    from optimails.supervisor.generation import Surroundings

COMMAND = (sys.executable, "-m", "optimails.supervisor.worker")
KILL_AFTER = 15.0  # seconds beyond the drain timeout
log = logging.getLogger(__name__)


class Keeper(Protocol):
    """Who is told how a worker does."""

    def listens(self, worker: "WorkerProcess") -> None: ...
    def ended(self, worker: "WorkerProcess") -> None: ...


class WorkerProcess(ProcessProtocol):
    """Spawns the process at once, and tells its keeper how it goes.

    Loading the program takes a good part of a second, so a process loads it first and is told what to do when it is
    needed: one that was spawned ahead (a spare) serves within a moment.
    """

    def __init__(self, around: "Surroundings", kind: str, sockets: Sequence[int], keeper: "Keeper") -> None:
        """``sockets`` are descriptors here; there they are numbered from ``control.FIRST_SOCKET_FD``."""
        self._around = around
        self._keeper = keeper
        self._decoder = Decoder()
        self._kill_timer: Any = None
        self.kind = kind
        self.name = ""  # a spare has none yet
        self.slot = around.slots.take()
        self.started = self.heard = time.monotonic()
        self.listening = False
        self.draining = False
        self.status: Status | None = None
        self.outcome: dict[str, object] = {}
        null = os.open(os.devnull, os.O_RDONLY)
        descriptors = {0: null, 1: 1, 2: 2, control.COMMANDS_FD: "w", control.REPORTS_FD: "r"}
        descriptors |= dict(enumerate(sockets, control.FIRST_SOCKET_FD))
        try:
            self._process = around.reactor.spawnProcess(
                self,
                around.command[0],
                [*around.command, kind, str(self.slot), str(around.metrics.directory)],
                env={"MALLOC_ARENA_MAX": "2", **os.environ},  # many threads, few arenas: less memory
                childFDs=descriptors,
            )
        finally:
            os.close(null)
        self.pid: int = self._process.pid

    def start(self, order: StartOrder) -> None:
        """Have it serve; until then it only gets ready to."""
        self.name = order.name
        self.started = time.monotonic()
        self._process.writeToChild(control.COMMANDS_FD, encode(order))

    @property
    def age(self) -> float:
        """Seconds since it began to serve."""
        return time.monotonic() - self.started

    def drain(self, timeout: float) -> None:
        """Have it end in peace, and make sure that it does."""
        if not self.draining:
            self.draining = True
            self._process.writeToChild(control.COMMANDS_FD, encode(DrainOrder(timeout)))
            self._kill_timer = self._around.reactor.callLater(timeout + KILL_AFTER, self.kill)

    def kill(self) -> None:
        self.draining = True
        try:
            self._process.signalProcess(signal.SIGKILL)
        except ProcessExitedAlready:
            return

    # -- Twisted

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803  # Twisted's name
        del childFD
        self.heard = time.monotonic()
        try:
            for message in self._decoder.feed(data):
                if isinstance(message, Status):
                    self.status = message
                elif isinstance(message, Listening) and not self.listening:
                    self.listening = True
                    self._keeper.listens(self)
        except ValueError:
            log.exception("worker_talks_nonsense", extra={"fields": {"name": self.name, "pid": self.pid}})
            self.kill()

    def processEnded(self, reason: Failure) -> None:
        self._around.slots.give_back(self.slot)
        self._around.metrics.forget(self.slot, self.name)
        if self._kill_timer is not None and self._kill_timer.active():
            self._kill_timer.cancel()
        value: Any = reason.value
        self.outcome = {"exit": value.exitCode, "signal": value.signal}
        self._keeper.ended(self)
