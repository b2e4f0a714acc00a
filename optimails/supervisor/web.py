"""The web worker: Starlette's application on uvicorn's protocol, on sockets that the supervisor bound.

uvicorn's own server would bind, handle signals and serve one address; here sockets are inherited, the supervisor's
orders rule, and one process serves several listeners. So its HTTP protocol is used and its server is not.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
from functools import partial
from typing import Any

import h11
from starlette.types import ASGIApp
from uvicorn.config import Config as UvicornConfig
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from caldav.mount import Dav, ReportProcess
from caldav.published import PublishedPages
from optimails.audit import AuditLog
from optimails.config import Config, Listener, TlsMode
from optimails.config.server import TlsSettings, TlsVersion
from optimails.config.web import WebSettings
from optimails.directory.database import open_database
from optimails.directory.local import LocalDirectory
from optimails.door.guard import Guard
from optimails.door.login import Login
from optimails.door.rates import Rates
from optimails.events import Bus
from optimails.groupware.service import LocalGroupware, bounds_of
from optimails.lists.addresses import Addresses
from optimails.lists.store import ListStore
from optimails.model.errors import Unavailable
from optimails.supervisor.ports import counted
from optimails.supervisor.queue import waker
from optimails.supervisor.reporter import ReporterOrder
from optimails.supervisor.tls import ServerTls
from securemail.ledger.ledger import Ledger
from webmail.apple import CannotSign, Signer
from webmail.application import application
from webmail.guard import Door
from webmail.leaving import LeavePages
from webmail.quarantine import QuarantinePages

_VERSIONS = {TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3}
log = logging.getLogger(__name__)


class WebAssembly:
    """The parts of the service that the web needs: the directory, and what is shown."""

    def __init__(self, config: Config, bus: Bus, tls: ServerTls | None) -> None:
        del tls  # that of Twisted
        self._database = open_database(config.directory, config.server.data, upgrade=False)
        self._directory = LocalDirectory(self._database, config.directory, config.ldap)
        self._guard = Guard(config.login, config.server.data / "run" / "guard.sqlite")
        self._dav: Dav | None = None
        self._published: PublishedPages | None = None
        doors: list[Door] = []
        if config.dav.enabled:
            data, settings = config.server.data, config.store
            groupware = LocalGroupware(data, bounds_of(config.dav), open_accounts=settings.open_accounts)
            command = (sys.executable, "-m", "optimails.supervisor.reporter")
            process = ReportProcess(command, partial(ReporterOrder, "web-report", config.log))
            self._dav = Dav(config, self._directory, Login(self._directory, self._guard), groupware, process)
            rates = Rates(data / "run" / "rates")
            self._published = PublishedPages(config, self._directory, groupware, rates)
            doors = [self._dav, self._published]
        self._ledger = Ledger(config.server.data) if config.securemail.enabled else None
        if self._ledger is not None:
            doors.append(QuarantinePages(self._ledger, self._directory, AuditLog(config.server.data)))
        self._lists = ListStore(config.server.data, wake=waker(bus))
        doors.append(LeavePages(self._lists, self._directory, Addresses(config.server.data)))
        self._application = application(config, self._directory, _signer(config), doors)

    async def start(self) -> None:
        """Threads that read a large text give way ten times sooner than usual: who writes something takes Python's
        lock a dozen times, and would wait for up to 5 ms each time."""
        sys.setswitchinterval(0.0005)
        if self._dav is not None:
            self._dav.start()

    def factory(self, listener: Listener) -> ASGIApp:
        """The same for every listener."""
        del listener
        return self._application

    async def healthy(self) -> bool:
        try:
            await self._directory.is_local("health.invalid")
        except Unavailable:
            return False
        return True

    async def maintain(self) -> dict[str, object]:
        """A web worker has no jobs."""
        return {}

    async def follow(self) -> None:
        """The same."""

    async def close(self) -> None:
        if self._published is not None:
            await asyncio.to_thread(self._published.close)
        if self._dav is not None:
            await asyncio.to_thread(self._dav.close)
        if self._ledger is not None:
            self._ledger.close()
        self._lists.close()
        self._guard.close()
        await self._directory.close()
        self._database.close()


def _signer(config: Config) -> Signer | None:
    if not config.tls.certificate.exists():
        return None
    try:
        return Signer(config.tls)
    except CannotSign as wrong:
        log.warning("profiles_not_signed", extra={"fields": {"why": str(wrong)}})
        return None


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """As for mail (``supervisor.tls``), for asyncio. The files were tried before the worker was started."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = _VERSIONS[settings.minimum_version]
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    made.set_ciphers(settings.ciphers)
    made.set_alpn_protocols(["http/1.1"])
    made.load_cert_chain(settings.certificate, settings.key)
    return made


SETTLE = 0.25  # seconds after the last accept in which a connection shows itself


class WebConnection(H11Protocol):
    """One connection. uvicorn waits for ever for a request, or for an answer to be taken; this does not."""

    def __init__(self, port: "WebPort") -> None:
        super().__init__(port.uvicorn, port.state, {})
        self._port = port
        self._was_busy = False
        # Until TLS is agreed on nobody tells of it, and a failure is never told: it is given up after a time.
        port.beginning.add(self)
        patience = port.settings.request_timeout
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(patience, port.beginning.discard, self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._port.beginning.discard(self)
        self._stop_timer()
        super().connection_made(transport)
        self._port.gauge.inc()
        self._port.counter.inc()
        if len(self.connections) > 2 * self._port.settings.max_connections:  # from the limit on they were told 503
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()
        if self._port.closing:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._port.gauge.dec()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Cut what takes too long: a request that trickles in, an answer that is not taken.

        The timer runs once for each, and is not set back by single bytes.
        """
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy != self._was_busy or self._timer is None:
            self._stop_timer()
            settings = self._port.settings
            patience = settings.request_timeout
            if busy:
                patience += 2 * settings.answer_timeout
            elif self.cycle is not None:  # one that waits for its next request
                patience += settings.keep_alive
            self._timer = self.loop.call_later(patience, self.abortConnection)
            self._was_busy = busy

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def abortConnection(self) -> None:  # noqa: N802  # as Twisted's transports have it
        """End it now."""
        if self.transport is not None:
            self.transport.abort()


class _Accepted:
    """Stands for connections that were accepted at the last moment: asyncio makes their protocols only in later turns
    of the loop, and a worker without connections would end before that."""

    def abortConnection(self) -> None:  # noqa: N802  # as Twisted's transports have it
        """There is nothing to end."""


class WebPort:
    """A listening socket, as the worker knows those of mail: with its connections, and an end to accepting."""

    def __init__(self, app: ASGIApp, label: str, settings: WebSettings) -> None:
        self.settings = settings
        self.state = ServerState()
        self.beginning: set[WebConnection | _Accepted] = set()
        self.closing = False
        self.gauge, self.counter = counted(label)
        web: Any = app  # the two libraries write the same type down differently
        self.uvicorn = UvicornConfig(
            web,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=settings.keep_alive,
            limit_concurrency=settings.max_connections,
            h11_max_incomplete_event_size=settings.max_header,
        )
        self.uvicorn.load()
        self._server: asyncio.Server | None = None

    @classmethod
    async def adopt(cls, fd: int, app: ASGIApp, listener: Listener, config: Config) -> "WebPort":
        """Accept from a socket that was inherited as descriptor ``fd``."""
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # sentences about clients; errors of ours we log
        port = cls(app, listener.label, config.web)
        context = tls_context(config.tls) if listener.tls is TlsMode.IMPLICIT else None
        inherited = socket.socket(fileno=fd)
        inherited.setblocking(False)
        port._server = await asyncio.get_running_loop().create_server(
            lambda: WebConnection(port),
            sock=inherited,
            ssl=context,
            ssl_handshake_timeout=config.web.request_timeout if context else None,
            ssl_shutdown_timeout=5.0 if context else None,
        )
        return port

    @property
    def connections(self) -> set[Any]:
        return self.state.connections | self.beginning

    def stopListening(self) -> None:  # noqa: N802  # as Twisted's ports have it
        """Accept no more; what is idle ends, what is answered ends after its answer."""
        if self._server is not None:
            loop = asyncio.get_running_loop()
            for listening in self._server.sockets:
                loop.remove_reader(listening.fileno())
            accepted = _Accepted()
            self.beginning.add(accepted)
            loop.call_later(SETTLE, self._close, self._server, accepted)
        self.closing = True
        for connection in list(self.state.connections):
            if isinstance(connection, WebConnection) and connection.cycle is None:  # its request is on the way
                continue
            with contextlib.suppress(h11.LocalProtocolError):  # one that broke the protocol is on its way out
                connection.shutdown()

    def _close(self, server: asyncio.Server, accepted: _Accepted) -> None:
        # Not before: a closed server drops, without a word, what it accepted in the same turn of the loop.
        server.close()
        self.beginning.discard(accepted)
