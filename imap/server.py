"""IMAP on Twisted: bytes, TLS, compression, timeouts, backpressure. What is said stands in ``imap.session``.

Each connection is one ``Connection`` (the session's ``Peer``) and one asyncio task that runs ``converse``. Input waits
in a list until the session takes it; beyond a limit the socket is not read. Output goes out in one write per batch;
while the client does not read, ``send`` waits. Nothing of a connection lives in threads or timers of its own, except
one timer while it waits for input.
"""
# ruff: noqa: N802 - Twisted names its methods so

import asyncio
import ipaddress
import logging
from collections import deque
from typing import Any

from prometheus_client import Gauge
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from imap.deflate import BadStream, Deflater, Inflater
from imap.session.conversation import converse
from imap.session.peer import Disconnected, TimedOut
from imap.session.session import Session, Surroundings
from optimails.config.listener import Listener, TlsMode
from optimails.door.connections import Connections, Held
from optimails.door.context import Services
from optimails.model.errors import Refused

log = logging.getLogger(__name__)

_OPEN = Gauge("optimails_imap_connections", "Open IMAP connections.", multiprocess_mode="livesum")
_GOING_DOWN = "Server is going down, please connect again"
CLOSE_PATIENCE = 10.0  # seconds for the last bytes to leave before a connection is cut


class Connection(Protocol):
    """One client; see ``imap.session.peer.Peer`` for what the session sees of it."""

    factory: "ImapFactory"

    def __init__(self, factory: "ImapFactory", address: str, held: Held) -> None:
        self.factory = factory
        self.held = held
        self.address = address
        self.local = _is_local(address)
        self.encrypted = factory.listener.tls is TlsMode.IMPLICIT
        self.can_start_tls = factory.listener.tls is TlsMode.STARTTLS and factory.services.tls is not None
        self.session: Session | None = None
        self.task: asyncio.Task[None] | None = None
        self._received: deque[bytes] = deque()
        self._waiting_size = 0
        self._reading = True
        self._lost = False
        self._woken = False
        self._sleeper: asyncio.Future[None] | None = None  # of ``wait``
        self._writable: asyncio.Future[None] | None = None  # there while the transport has enough
        self._cutter: asyncio.TimerHandle | None = None
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None

    # -- Twisted calls these

    def connectionMade(self) -> None:
        transport: Any = self.transport
        try:
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        except AttributeError:
            pass  # a Unix socket
        transport.registerProducer(self, True)
        self.session = Session(self.factory.surroundings, self)
        self.task = asyncio.get_running_loop().create_task(self._converse(self.session))
        self.factory.opened(self)

    def dataReceived(self, data: bytes) -> None:
        self._received.append(data)
        self._waiting_size += len(data)
        if self._reading and self._waiting_size >= self.factory.surroundings.settings.max_pipelined:
            self._reading = False
            transport: Any = self.transport
            transport.pauseProducing()
        self._rouse()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self._lost = True
        self.held.release()
        if self._cutter is not None:
            self._cutter.cancel()
        self._rouse()
        self.resumeProducing()
        self.factory.closed(self)

    def pauseProducing(self) -> None:
        """The transport has enough to send."""
        if self._writable is None and not self._lost:
            self._writable = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def stopProducing(self) -> None:
        self.resumeProducing()

    # -- the session calls these

    def take(self) -> bytes:
        if self._inflater is not None:
            return self._unpacked(self._inflater)
        return self._next_received()

    async def wait(self, seconds: float) -> None:
        if self._woken:
            self._woken = False
            return
        if self._received or (self._inflater is not None and self._inflater.ready):
            return
        if self._lost:
            raise Disconnected
        loop = asyncio.get_running_loop()
        sleeper = self._sleeper = loop.create_future()
        timer = loop.call_later(seconds, _expire, sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._sleeper = None
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self._rouse()

    async def send(self, data: bytes) -> None:
        if self._lost:
            raise Disconnected
        transport: Any = self.transport
        transport.write(data if self._deflater is None else self._deflater.pack(data))
        if self._writable is not None:
            try:
                async with asyncio.timeout(self.factory.surroundings.settings.send_timeout):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                transport.abortConnection()
                raise Disconnected from None
            if self._lost:
                raise Disconnected

    async def start_tls(self) -> None:
        # No await between the tagged OK and here: what the client sends after it belongs to TLS.
        self._received.clear()
        self._waiting_size = 0
        transport: Any = self.transport
        if self._lost:
            raise Disconnected
        self._read_on()
        transport.startTLS(self.factory.services.tls)
        self.encrypted = True

    def compress(self, rest: bytes) -> None:
        self._inflater = Inflater()
        self._deflater = Deflater()
        if rest:
            self._received.appendleft(rest)
            self._waiting_size += len(rest)

    def slim(self) -> None:
        if self._deflater is not None:
            self._deflater.rest()

    # -- inside

    async def _converse(self, session: Session) -> None:
        try:
            await converse(session)
        except Exception:
            log.exception("imap_session_failed", extra={"fields": {"session": session.id, "peer": self.address}})
        finally:
            self.session = None  # a circle of references would wait for the collector
            self._hang_up()

    def _hang_up(self) -> None:
        if self._lost:
            return
        transport: Any = self.transport
        transport.unregisterProducer()
        transport.loseConnection()
        self._cutter = asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self._cut)

    def _cut(self) -> None:
        if not self._lost:
            transport: Any = self.transport
            transport.abortConnection()

    def _rouse(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _next_received(self) -> bytes:
        if not self._received:
            return b""
        data = self._received.popleft()
        self._waiting_size -= len(data)
        if not self._reading and self._waiting_size <= self.factory.surroundings.settings.max_pipelined // 2:
            self._read_on()
        return data

    def _read_on(self) -> None:
        if not self._reading and not self._lost:
            self._reading = True
            transport: Any = self.transport
            transport.resumeProducing()

    def _unpacked(self, inflater: Inflater) -> bytes:
        """A portion; only when zlib has nothing left to give is more input handed to it."""
        try:
            while inflater.ready or self._received:
                if data := inflater.take(b"" if inflater.ready else self._next_received()):
                    return data
        except BadStream:
            raise Disconnected from None
        return b""


class _TurnedAway(Protocol):
    """Somebody with too many connections already."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"* BYE [LIMIT] Too many connections from your address\r\n")
        transport.loseConnection()


class ImapFactory(ServerFactory):
    """One per listener and worker."""

    noisy = False

    def __init__(self, services: Services, listener: Listener) -> None:
        self.services = services
        self.listener = listener
        held = services.connections or Connections(services.config.login)
        self.surroundings = Surroundings(services.config.imap, services.mail, services.login, held)
        self.connections: set[Connection] = set()
        self._drained: asyncio.Future[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        address = str(getattr(addr, "host", "") or "unix")
        try:
            held = self.surroundings.connections.from_address(address)
        except Refused:
            log.warning("imap_too_many_connections", extra={"fields": {"peer": address}})
            return _TurnedAway()
        return Connection(self, address, held)

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        _OPEN.inc()
        if self._drained is not None and connection.session is not None:
            connection.session.kick(_GOING_DOWN)

    def closed(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            _OPEN.dec()
            self._look_drained()

    def drain(self) -> "asyncio.Future[None]":
        """Say BYE to every session as soon as no command is in progress; done when all are gone."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
            for connection in list(self.connections):
                if connection.session is not None:
                    connection.session.kick(_GOING_DOWN)
            self._look_drained()
        return self._drained

    def _look_drained(self) -> None:
        if self._drained is not None and not self.connections and not self._drained.done():
            self._drained.set_result(None)


def factory(services: Services, listener: Listener) -> ImapFactory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return ImapFactory(services, listener)


def _expire(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_exception(TimedOut())


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "unix"
