"""Doors on Twisted: bytes, TLS, timeouts, backpressure; beside each door's ``server.py`` the only place that knows it.

``DoorFactory`` serves every door. ``StreamConnection`` is for sessions that pull (``optimails.door.session``): each is
one connection (the session's ``Peer``) and one asyncio task that runs its conversation. Input waits in a list until
the session takes it; beyond a limit the socket is not read. Output goes out in one write per batch; while the client
does not read, ``send`` waits. Nothing of a connection lives in threads or timers of its own, except one timer while it
waits for input, and one while it closes.
"""
# ruff: noqa: N802 - Twisted names its methods so

import asyncio
import contextlib
import logging
from abc import abstractmethod
from typing import Any, Generic, TypeVar
from typing import Protocol as Interface

from prometheus_client import Gauge
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from optimails.config.listener import Listener, TlsMode
from optimails.door.connections import Held
from optimails.door.context import Services
from optimails.door.guard import normal_address
from optimails.door.peer import Disconnected, TimedOut
from optimails.door.sessions import Ending
from optimails.model.errors import Refused

log = logging.getLogger(__name__)

CLOSE_PATIENCE = 10.0  # seconds for the last bytes to leave before a connection is cut


class DoorConnection(Protocol):
    """What a ``DoorFactory`` needs of its connections."""

    transport: Any
    held: Held | None = None  # its place among the connections of its address

    @abstractmethod
    def drain(self) -> None:
        """Come to an end soon, at a moment that suits the client."""


C = TypeVar("C", bound=DoorConnection)


class DoorFactory(ServerFactory, Generic[C]):
    """One per listener and worker: the open connections, counted, and the end of all of them."""

    noisy = False

    def __init__(self, services: Services, listener: Listener, gauge: Gauge) -> None:
        self.services = services
        self.listener = listener
        self.implicit_tls = listener.tls is TlsMode.IMPLICIT
        self.can_start_tls = listener.tls is TlsMode.STARTTLS and services.tls is not None
        self.connections: set[C] = set()
        self.draining = False
        self._gauge = gauge

    @abstractmethod
    def connection(self, address: str) -> C:
        """For a client at that IP address, empty on a Unix socket."""

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self.connection(client_address(addr))

    def opened(self, connection: C) -> None:
        """It is served, or will be told why not."""
        self.connections.add(connection)
        self._gauge.inc()

    def closed(self, connection: C) -> None:
        """It is gone; calling this again does nothing."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._gauge.dec()
        if connection.held is not None:
            connection.held.release()

    def has_room(self, connection: C, address: str) -> bool:
        """Take a place among the connections of the address, on this whole host; ``closed`` gives it back."""
        try:
            connection.held = self.services.connections.from_address(address)
        except Refused:
            fields = {"peer": address, "protocol": self.listener.protocol.value}
            log.warning("too_many_connections", extra={"fields": fields})
            return False
        return True

    def drain(self) -> None:
        """The worker takes no more connections: those that are open come to their end."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()


class StreamSettings(Interface):
    """Of any door whose sessions pull."""

    @property
    def max_pipelined(self) -> int: ...
    @property
    def send_timeout(self) -> float: ...


class StreamSession(Interface):
    """What a connection sees of its session."""

    id: str

    def kick(self, why: Ending) -> None: ...


class StreamConnection(DoorConnection):
    """One client of a session that pulls; see ``optimails.door.peer.Peer`` for what the session sees of it."""

    factory: "DoorFactory[Any]"

    def __init__(self, factory: "DoorFactory[Any]", address: str, settings: StreamSettings) -> None:
        self.factory = factory
        self.settings = settings
        self.address = address
        self.local = is_local(address)
        self.encrypted = factory.implicit_tls
        self.held: Held | None = None
        self.session: StreamSession | None = None
        self.task: asyncio.Task[None] | None = None
        self._received: list[bytes] = []
        self._waiting_size = 0
        self._reading = True
        self._lost = False
        self._woken = False
        self._sleeper: asyncio.Future[None] | None = None  # of ``wait``
        self._writable: asyncio.Future[None] | None = None  # there while the transport has enough
        self._cutter: asyncio.TimerHandle | None = None

    # -- the door says these

    @abstractmethod
    def begin(self) -> tuple[StreamSession, Any]:
        """A new session, and the coroutine that is its conversation."""

    @abstractmethod
    def too_many(self) -> bytes:
        """What to say to an address that has too many connections."""

    # -- Twisted calls these

    def connectionMade(self) -> None:
        with contextlib.suppress(AttributeError):  # a Unix socket
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        self.factory.opened(self)
        if not self.factory.has_room(self, self.address):
            self.transport.write(self.too_many())
            self._hang_up()
            return
        self.session, conversation = self.begin()
        self.task = asyncio.get_running_loop().create_task(self._run(self.session.id, conversation))
        if self.factory.draining:
            self.drain()

    def dataReceived(self, data: bytes) -> None:
        if self._cutter is not None:
            return  # nobody listens any more
        self._received.append(data)
        self._waiting_size += len(data)
        if self._reading and self._waiting_size >= self.settings.max_pipelined:
            self._reading = False
            self.transport.pauseProducing()
        self._rouse()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self._lost = True
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

    # -- the factory calls this

    def drain(self) -> None:
        if self.session is not None:
            self.session.kick(Ending.GOING_DOWN)

    # -- the session calls these

    @property
    def can_start_tls(self) -> bool:
        return self.factory.can_start_tls

    def take(self) -> bytes:
        received = self._received
        if not received:
            return b""
        data = received[0] if len(received) == 1 else b"".join(received)
        received.clear()
        self._waiting_size = 0
        self._read_on()
        return data

    @property
    def has_input(self) -> bool:
        """Whether ``take`` has something to give."""
        return bool(self._received)

    async def wait(self, seconds: float) -> None:
        if self._woken:
            self._woken = False
            return
        if self.has_input:
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
        self.transport.write(data)
        if self._writable is not None:
            try:
                async with asyncio.timeout(self.settings.send_timeout):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                self.transport.abortConnection()
                raise Disconnected from None
            if self._lost:
                raise Disconnected

    async def start_tls(self) -> None:
        # No await between the door's OK and here: what the client sends after it belongs to TLS.
        self._received.clear()
        self._waiting_size = 0
        if self._lost:
            raise Disconnected
        self._read_on()
        self.transport.startTLS(self.factory.services.tls)
        self.encrypted = True

    # -- inside

    async def _run(self, name: str, conversation: Any) -> None:
        try:
            await conversation
        except Exception:
            log.exception("session_failed", extra={"fields": {"session": name, "peer": self.address}})
        finally:
            self.session = None  # a circle of references would wait for the collector
            self._hang_up()

    def _hang_up(self) -> None:
        """Close once everything is written; cut when that takes too long."""
        if self._lost:
            return
        self._cutter = asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self._cut)
        self._received.clear()
        self._read_on()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _cut(self) -> None:
        if not self._lost:
            self.transport.abortConnection()

    def _rouse(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _read_on(self) -> None:
        if not self._reading and not self._lost:
            self._reading = True
            self.transport.resumeProducing()


def client_address(addr: IAddress | None) -> str:
    """The client's IP address, IPv4 also where it came mapped into IPv6; empty on a Unix socket."""
    return str(normal_address(str(getattr(addr, "host", "") or "")) or "")


def is_local(address: str) -> bool:
    """Whether the client sits on this machine."""
    found = normal_address(address)
    return found is None or found.is_loopback


def _expire(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_exception(TimedOut())
