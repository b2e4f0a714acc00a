"""The management address: health, readiness, metrics and facts over HTTP. It has no log-in; it belongs to loopback or
a private network."""

import json
import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.web.resource import Resource
from twisted.web.server import Site

from optimails import __version__
from optimails.supervisor.settings import JOBS, MAIL, WEB
from optimails.supervisor.sockets import bind

if TYPE_CHECKING:
    from optimails.supervisor.supervisor import Supervisor

REQUEST_TIMEOUT = 30
STALE = 60.0  # seconds; a worker that has not told its status for so long is stuck


class Management:
    """The listening side; it can move to another address at a reload."""

    def __init__(self, reactor: Any, supervisor: "Supervisor") -> None:
        self._reactor = reactor
        self._site: Any = Site(_Pages(supervisor), timeout=REQUEST_TIMEOUT)  # type: ignore[no-untyped-call]  # it has no types
        self._site.noisy = False
        self._address = ""
        self._sockets: list[socket.socket] = []
        self._ports: list[Any] = []

    def bind(self, address: str) -> None:
        """Raises ``CannotListen``."""
        self._sockets = bind(address) if address else []
        self._address = address

    def serve(self) -> None:
        """Answer from now on; in the running reactor."""
        for one in self._sockets:
            self._ports.append(self._reactor.adoptStreamPort(one.fileno(), one.family, self._site))
            one.close()
        self._sockets = []

    def move(self, address: str) -> None:
        """To another address; raises ``CannotListen`` and stays where it is."""
        if address == self._address:
            return
        before = self._ports
        self.bind(address)
        self._ports = []
        self.serve()
        for port in before:
            port.stopListening()


class _Pages(Resource):
    isLeaf = True  # noqa: N815  # Twisted's name

    def __init__(self, supervisor: "Supervisor") -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # it has no types
        self._supervisor = supervisor
        self._pages: dict[bytes, Callable[[], tuple[int, str, bytes]]] = {
            b"/healthz": lambda: (200, "text/plain", b"ok\n"),
            b"/readyz": self._ready,
            b"/metrics": self._metrics,
            b"/info": self._info,
        }

    def render_GET(self, request: Any) -> bytes:  # noqa: N802  # Twisted's name
        page = self._pages.get(request.path)
        code, kind, body = page() if page else (404, "text/plain", b"no such page\n")
        request.setResponseCode(code)
        request.setHeader(b"Content-Type", f"{kind}; charset=utf-8".encode())
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"Server", b"optimails")
        return body

    def _ready(self) -> tuple[int, str, bytes]:
        reasons = self._reasons()
        answer = {"ready": not reasons, "reasons": reasons}
        return 503 if reasons else 200, "application/json", json.dumps(answer).encode() + b"\n"

    def _reasons(self) -> list[str]:
        """Why the service is not ready; nothing when it is."""
        generation = self._supervisor.current
        if generation is None:
            return ["starting or stopping"]
        reasons = []
        if not generation.all_listen():
            reasons.append("a worker is being replaced")
        if any(worker.status and not worker.status.directory for worker in generation.workers.values()):
            reasons.append("the directory does not answer")
        if any(time.monotonic() - worker.heard > STALE for worker in generation.workers.values()):
            reasons.append("a worker is stuck")
        space = os.statvfs(self._supervisor.data)
        if space.f_bavail * space.f_frsize < generation.settings.config.management.minimum_free:
            reasons.append("the data disk is nearly full")
        return reasons

    def _metrics(self) -> tuple[int, str, bytes]:
        metrics, generation = self._supervisor.metrics, self._supervisor.current
        workers = list(generation.workers.values()) if generation else []
        for kind in (MAIL, WEB, JOBS):
            metrics.workers.labels(kind).set(sum(one.listening and one.kind == kind for one in workers))
        for worker in workers:
            if worker.status:
                metrics.memory.labels(worker.name).set(worker.status.memory)
                metrics.delay.labels(worker.name).set(worker.status.delay)
        return 200, "text/plain; version=0.0.4", metrics.page()

    def _info(self) -> tuple[int, str, bytes]:
        generation = self._supervisor.current
        workers = [
            {
                "name": worker.name,
                "pid": worker.pid,
                "age": round(worker.age, 1),
                "listening": worker.listening,
                "connections": worker.status.connections if worker.status else 0,
                "memory": worker.status.memory if worker.status else 0,
            }
            for worker in (generation.workers.values() if generation else ())
        ]
        listeners = [
            {"name": one.label, "protocol": one.protocol.value, "address": one.address, "tls": one.tls.value}
            for one in (generation.settings.listeners if generation else ())
        ]
        answer = {
            "version": __version__,
            "pid": os.getpid(),
            "uptime": round(time.time() - self._supervisor.metrics.started, 1),
            "workers": workers,
            "listeners": listeners,
        }
        return 200, "application/json", json.dumps(answer, indent=1).encode() + b"\n"
