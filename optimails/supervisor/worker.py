"""A worker: serves connections from the shared sockets, or does the periodic jobs, until it is told to end.

It learns everything from its start order (``control.StartOrder``) on descriptor 3, and ends at once when that pipe
does, for then the supervisor is gone. Signals are the supervisor's affair; only SIGTERM is taken as an order to drain.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimails.supervisor import control, privileges
from optimails.supervisor.control import Decoder, DrainOrder, Listening, Message, StartOrder, Status, encode

if TYPE_CHECKING:
    from optimails.config import Config
    from optimails.events import Bus
    from optimails.supervisor.assembly import Assembly
    from optimails.supervisor.tls import ServerTls

    Assemble = Callable[[Config, Bus, ServerTls | None], Assembly]

STATUS_INTERVAL = 5.0  # seconds
HEALTH_TIMEOUT = 5.0
GC_THRESHOLD = 3_000  # objects made before the collector looks: each TLS connection that is cut leaves a cycle
JOBS_PATIENCE = 10.0  # seconds that a job may go on when the worker ends

log = logging.getLogger("optimails.supervisor.worker")


def main(arguments: Sequence[str], assemble: "Assemble | None" = None) -> int:
    """Run a worker.

    Args:
        arguments: kind, slot of its metric files, folder of these.
        assemble: makes the service; by default the real one.
    """
    kind, slot, metrics_folder = arguments
    privileges.die_with_parent()
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a terminal sends these to the supervisor's whole group
        signal.signal(ignored, signal.SIG_IGN)

    # The order matters: metric files first, then the reactor, then everything else.
    from optimails.supervisor import metrics  # noqa: PLC0415

    metrics.use_slot(Path(metrics_folder), int(slot))

    from twisted.internet import asyncioreactor  # noqa: PLC0415

    loop = asyncio.SelectorEventLoop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]  # it has no types

    from twisted.internet import reactor  # noqa: PLC0415

    from optimails.config import parse  # noqa: PLC0415
    from optimails.supervisor import logs  # noqa: PLC0415

    if assemble is None and kind == "web":
        from optimails.supervisor.web import WebAssembly  # noqa: PLC0415

        assemble = WebAssembly
    elif assemble is None:
        from optimails.supervisor import assembly  # noqa: PLC0415

        assembly.load(doors=kind == "mail")
        assemble = assembly.ServiceAssembly
    decoder = Decoder()
    order, further = _start_order(decoder)
    config = parse(order.config, Path(order.path), os.environ)
    loop.set_default_executor(ThreadPoolExecutor(config.store.threads, "work"))
    logs.set_up(config.log, order.name)
    logs.catch_twisted()
    worker = Worker(order, config, loop, reactor, slot=int(slot), shares=Path(metrics_folder))
    worker.listen_to(decoder, further)
    loop.set_exception_handler(worker.unhandled)
    loop.add_signal_handler(signal.SIGTERM, worker.drain, config.server.drain_timeout)
    worker.go(worker.start(assemble))
    twisted: Any = reactor
    twisted.run(installSignalHandlers=False)
    return worker.exit_code


def _start_order(decoder: Decoder) -> tuple[StartOrder, list[Message]]:
    """Wait for the first line; for a spare worker that may take for ever. Gives also what came with it."""
    while data := os.read(control.COMMANDS_FD, 65536):
        messages = list(decoder.feed(data))
        if messages and isinstance(messages[0], StartOrder):
            return messages[0], messages[1:]
    os._exit(1)  # the supervisor is gone


class Worker:
    """The life of one worker."""

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        order: StartOrder,
        config: "Config",
        loop: asyncio.AbstractEventLoop,
        reactor: Any,
        *,
        slot: int,
        shares: Path,
    ) -> None:
        """``slot`` is its number among the living workers; in ``shares`` they note how many connections they have."""
        self._slot = slot
        self._shares = shares
        self._order = order
        self._config = config
        self._loop = loop
        self._reactor = reactor
        self._tasks: set[asyncio.Task[None]] = set()
        self._ports: list[Any] = []
        self._factories: list[Any] = []
        self._assembly: Assembly | None = None
        self._bus: Any = None
        self._periodic: list[asyncio.Task[None]] = []
        self._started = False
        self._wanted_drain: float | None = None  # told before we had started
        self._draining = False
        self.exit_code = 0

    def go(self, coroutine: Any) -> asyncio.Task[None]:
        """Run it to its end beside everything else; an error ends the worker."""
        task: asyncio.Task[None] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("worker_failed", exc_info=error)
            logging.shutdown()
            os._exit(1)  # the supervisor starts another

    def unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback or a forgotten task."""
        from optimails.supervisor.logs import unhandled  # noqa: PLC0415

        del loop
        unhandled(context.get("exception"), text=context.get("message", ""))

    # -- start

    async def start(self, assemble: "Assemble") -> None:
        from optimails.config import TlsMode  # noqa: PLC0415
        from optimails.events import DatagramBus  # noqa: PLC0415
        from optimails.supervisor.tls import ServerTls  # noqa: PLC0415

        config = self._config
        self._bus = DatagramBus(config.server.data / "run" / "events", f"{self._order.name}-{os.getpid()}")
        self._bus.start()
        served = [config.listener[index] for _, index in self._order.sockets]
        tls = ServerTls(config.tls) if any(listener.tls is not TlsMode.NONE for listener in served) else None
        assembly = self._assembly = assemble(config, self._bus, tls)
        await assembly.start()

        if self._order.kind == "web":
            await self._serve_web(assembly)
        else:
            self._serve_mail(assembly, tls)
        if self._order.kind == "jobs":
            from optimails.supervisor.jobs import repeat  # noqa: PLC0415

            job = repeat("maintenance", config.server.jobs_interval, assembly.maintain)
            self._periodic += [self.go(job), self.go(assembly.follow())]

        # What the start has made stays: the collector need never look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 20)
        self._report(Listening())
        self._periodic.append(self.go(self._tell_status(assembly)))
        self._started = True
        if self._wanted_drain is not None:
            self.drain(self._wanted_drain)

    def _serve_mail(self, assembly: "Assembly", tls: "ServerTls | None") -> None:
        from optimails.supervisor.ports import SharedPort, wrapped  # noqa: PLC0415
        from optimails.supervisor.shares import Shares  # noqa: PLC0415

        shares = Shares(self._shares)
        factories: dict[int, Any] = {}
        for fd, index in self._order.sockets:
            listener = self._config.listener[index]
            if index not in factories:
                factory = assembly.factory(listener)
                self._factories.append(factory)
                factories[index] = wrapped(factory, listener, tls)
            share = shares.of(fd - control.FIRST_SOCKET_FD, self._slot)
            self._ports.append(SharedPort.adopt(self._reactor, fd, factories[index], listener.label, share))

    async def _serve_web(self, assembly: "Assembly") -> None:
        from optimails.supervisor.web import WebPort  # noqa: PLC0415

        for fd, index in self._order.sockets:
            listener = self._config.listener[index]
            self._ports.append(await WebPort.adopt(fd, assembly.factory(listener), listener, self._config))

    async def _tell_status(self, assembly: "Assembly") -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0)
            healthy = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_TIMEOUT):
                    healthy = await assembly.healthy()
            due = time.monotonic() + STATUS_INTERVAL
            self._report(Status(self._open(), healthy, _resident(), max(0.0, time.monotonic() - before)))
            await asyncio.sleep(due - time.monotonic())

    def _open(self) -> int:
        return sum(len(port.connections) for port in self._ports)

    # -- supervisor

    def listen_to(self, decoder: Decoder, messages: Iterable[Message]) -> None:
        """Follow the supervisor's orders: those that came already, then all that come."""
        self._obey(messages)
        self._loop.add_reader(control.COMMANDS_FD, self._commanded, decoder)

    def _commanded(self, decoder: Decoder) -> None:
        data = os.read(control.COMMANDS_FD, 65536)
        if not data:
            os._exit(1)  # the supervisor is gone; whoever comes next must find the sockets free
        self._obey(decoder.feed(data))

    def _obey(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, DrainOrder):
                self.drain(message.timeout)

    def _report(self, message: Listening | Status) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the other pipe will tell
            os.write(control.REPORTS_FD, encode(message))

    # -- end

    def drain(self, timeout: float) -> None:
        """Take no more connections, let the open ones come to an end, then end."""
        if not self._started:
            self._wanted_drain = timeout
        elif not self._draining:
            self._draining = True
            self.go(self._drain(timeout))

    async def _drain(self, timeout: float) -> None:  # noqa: ASYNC109  # after it connections are cut; nothing is given up
        log.info("draining", extra={"fields": {"connections": self._open(), "timeout": timeout}})
        for port in self._ports:
            port.stopListening()
        for task in self._periodic:
            task.cancel()
        for factory in self._factories:
            if hasattr(factory, "drain"):
                factory.drain()
        until = time.monotonic() + timeout
        await asyncio.sleep(0.05)  # what asyncio has just accepted is known a moment later
        while self._open() and time.monotonic() < until:  # noqa: ASYNC110  # simple, and only at the end of a life
            await asyncio.sleep(0.05)
        for port in self._ports:
            for connection in list(port.connections):
                connection.abortConnection()
        await asyncio.wait(self._periodic, timeout=JOBS_PATIENCE) if self._periodic else None
        if self._assembly is not None:
            await self._assembly.close()
        await self._loop.shutdown_default_executor()
        self._bus.close()
        log.info("ended")
        self._reactor.stop()


def _resident() -> int:
    """Bytes of memory in use."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
