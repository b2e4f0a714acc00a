"""One worker as the supervisor sees it."""
# ruff: noqa: N802 - Twisted names its methods so

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from optimails.supervisor import control
from optimails.supervisor.control import Decoder, DrainOrder, Listening, StartOrder, Status, encode

COMMAND = (sys.executable, "-m", "optimails.supervisor.worker")
KILL_AFTER = 15.0  # seconds beyond the drain timeout
log = logging.getLogger(__name__)


class Keeper(Protocol):
    """Who is told how a worker does."""

    def listens(self, worker: "WorkerProcess") -> None: ...
    def ended(self, worker: "WorkerProcess") -> None: ...


class WorkerProcess(ProcessProtocol):
    """Spawns the process at once, and tells its keeper how it goes."""

    def __init__(  # all are needed to start a process
        self, reactor: Any, order: StartOrder, sockets: Sequence[int], command: Sequence[str], keeper: "Keeper"
    ) -> None:
        """``sockets`` are the descriptors here that become ``order.sockets`` there."""
        self._reactor = reactor
        self._decoder = Decoder()
        self._keeper = keeper
        self._kill_timer: Any = None
        self.order = order
        self.started = time.monotonic()
        self.listening = False
        self.draining = False
        self.status: Status | None = None
        self.heard = self.started  # when it last said something
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            self._process = reactor.spawnProcess(
                self,
                command[0],
                list(command),
                env={"MALLOC_ARENA_MAX": "2", **os.environ},  # many threads, few arenas: less memory
                childFDs={
                    0: null,
                    1: 1,
                    2: 2,
                    control.COMMANDS_FD: "w",
                    control.REPORTS_FD: "r",
                    **dict(zip((fd for fd, _ in order.sockets), sockets, strict=True)),
                },
            )
        finally:
            os.close(null)
        self.pid: int = self._process.pid
        self._process.writeToChild(control.COMMANDS_FD, encode(order))

    @property
    def name(self) -> str:
        return self.order.name

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def drain(self, timeout: float) -> None:
        """Have it end in peace, and make sure that it does."""
        if not self.draining:
            self.draining = True
            self._process.writeToChild(control.COMMANDS_FD, encode(DrainOrder(timeout)))
            self._kill_timer = self._reactor.callLater(timeout + KILL_AFTER, self.kill)

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
        if self._kill_timer is not None and self._kill_timer.active():
            self._kill_timer.cancel()
        value: Any = reason.value
        self.outcome = {"exit": value.exitCode, "signal": value.signal}
        self._keeper.ended(self)
