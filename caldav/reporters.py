"""The web worker's side of the processes that make long answers.

Reports and listings are computation in Python: on threads of the web worker, each would hold back everybody's short
requests by what the interpreter's lock costs. So each thread here has a process behind it, started when it is first
needed, that answers one request at a time. A process that dies is replaced and asked once more, for nothing that it
answers changes anything; one that takes longer than a client waits is ended, which no thread could be.
"""

import logging
import pickle
import socket
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from prometheus_client import Counter, Gauge

from caldav.answering import Asked
from caldav.reporter import Finished, Question, Told
from caldav.session.exchange import Answer
from optimails.door import incident
from optimails.model.errors import Refused, Unavailable

LARGEST = 256 * 2**20  # bytes of memory; a process that has grown beyond that ends after its answer
_BUSY = Answer(503, {"Retry-After": "30"}, b"")
_DEATHS = Counter("optimails_dav_report_deaths_total", "Processes for calendar reports that died or took too long.")
_MEMORY = Gauge(
    "optimails_dav_report_memory_bytes", "Memory of the processes for calendar reports.", multiprocess_mode="livesum"
)
log = logging.getLogger(__name__)


class Reporters:
    """As many processes as ``size``, started by ``command``, to which ``first`` is said at its start."""

    def __init__(self, command: Sequence[str], first: object, asked: Asked, *, size: int, patience: float) -> None:
        """``patience`` is the seconds for which a client waits."""
        self._idle = deque(_Reporter(command, first, asked) for _ in range(size))
        self._all = tuple(self._idle)
        self._patience = patience
        self._closed = False
        self.threads = ThreadPoolExecutor(size, "dav-reports")
        """On which ``answer`` runs: as many as there are processes."""

    def warm(self) -> None:
        """Start one, so that nobody waits for it."""
        self.threads.submit(self._start_one)

    def _start_one(self) -> None:
        reporter = self._idle.pop()
        try:
            reporter.start()
        finally:
            self._idle.append(reporter)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """Waits for it. Never raises."""
        reporter = self._idle.pop()  # the one that was used last: the others are perhaps never started
        try:
            until = time.monotonic() + self._patience
            for _ in range(2):
                answer = None if self._closed else self._once(reporter, environ, until)
                if answer is not None:
                    return answer
            return _BUSY
        finally:
            self._idle.append(reporter)
            _MEMORY.set(sum(one.memory for one in self._all))

    def _once(self, reporter: "_Reporter", environ: dict[str, Any], until: float) -> Answer | None:
        """None when the process did not live to answer."""
        try:
            return reporter.answer(environ, until)
        except (OSError, EOFError, pickle.UnpicklingError):
            late = time.monotonic() >= until
            if not self._closed:
                _DEATHS.inc()
                log.warning("report_late" if late else "report_died", extra={"fields": {"pid": reporter.pid}})
            reporter.end()
            return _BUSY if late else None

    def close(self) -> None:
        """Whoever still waits is told to come again."""
        self._closed = True
        for reporter in self._all:
            reporter.kill()
        self.threads.shutdown(wait=True, cancel_futures=True)
        for reporter in self._all:
            reporter.end()


class _Reporter:
    """One process, when it runs."""

    def __init__(self, command: Sequence[str], first: object, asked: Asked) -> None:
        self._command = command
        self._first = first
        self._asked = asked
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self.pid = 0
        self.memory = 0

    def start(self) -> Connection:
        if self._running is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(self._command, stdin=theirs.fileno())  # noqa: S603  # ourselves
            self._running = process, Connection(ours.detach())
            self.pid = process.pid
            self._running[1].send(self._first)
        return self._running[1]

    def kill(self) -> None:
        """From any thread: the one that waits for an answer sees the connection end."""
        running = self._running
        if running is not None:
            running[0].kill()

    def end(self) -> None:
        """From the thread that uses it."""
        running, self._running, self.memory = self._running, None, 0
        if running is not None:
            process, connection = running
            process.kill()
            process.wait()
            connection.close()

    def answer(self, environ: dict[str, Any], until: float) -> Answer:
        """Raises ``OSError``, ``EOFError``, ``UnpicklingError`` when the process dies or is late."""
        connection = self.start()
        connection.send(environ)
        while connection.poll(max(0.0, until - time.monotonic())):
            message = connection.recv()
            if isinstance(message, Question):
                connection.send(self._told(message))
            elif isinstance(message, Finished):
                answer = Answer(message.status, message.headers, connection.recv_bytes())
                self.memory = message.memory
                if message.memory > LARGEST:
                    self.end()
                return answer
        raise TimeoutError

    def _told(self, question: Question) -> Told:
        try:
            return Told(getattr(getattr(self._asked, question.part), question.name)(*question.arguments))
        except Refused as refused:
            return Told(refused=(refused.reason, str(refused)))
        except Unavailable as away:
            return Told(away=str(away) or "not there")
        except Exception as error:  # noqa: BLE001  # an error of ours, and somebody waits for a word
            return Told(away=f"internal error {incident.note(error, question=question.name)}")
