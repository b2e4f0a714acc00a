"""POP3 on Twisted: bytes, TLS, timeouts, backpressure. What is said stands in ``pop3.session``.

Each connection is one ``Connection`` (the session's ``Peer``) and one asyncio task that runs ``converse``. Input waits
until the session takes it; beyond a limit the socket is not read. Output goes out in one write per batch; while the
client does not read, ``send`` waits.
"""
# ruff: noqa: N802 - Twisted names its methods so

import asyncio
import ipaddress
import logging
from typing import Any

from prometheus_client import Gauge
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from optimails.config.listener import Listener, TlsMode
from optimails.door.context import Services
from pop3.session.conversation import converse
from pop3.session.peer import Disconnected, TimedOut
from pop3.session.session import Count, Session, Surroundings

log = logging.getLogger(__name__)

_OPEN = Gauge("optimails_pop3_connections", "Open POP3 connections.", multiprocess_mode="livesum")
_ACCOUNTS, _ADDRESSES = Count(), Count()  # of this worker, whatever the listener
CLOSE_PATIENCE = 10.0  # seconds for the last bytes to leave before a connection is cut


class Connection(Protocol):
    """One client; see ``pop3.session.peer.Peer`` for what the session sees of it."""

    factory: "Pop3Factory"

    def __init__(self, factory: "Pop3Factory", address: str) -> None:
        self.factory = factory
        self.address = address
        self.local = _is_local(address)
        self.encrypted = factory.listener.tls is TlsMode.IMPLICIT
        self.can_start_tls = factory.listener.tls is TlsMode.STARTTLS and factory.services.tls is not None
        self.session: Session | None = None
        self.task: asyncio.Task[None] | None = None
        self._received = bytearray()
        self._reading = True
        self._lost = False
        self._woken = False
        self._sleeper: asyncio.Future[None] | None = None  # of ``wait``
        self._writable: asyncio.Future[None] | None = None  # there while the transport has enough

    # -- Twisted calls these

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self.session = Session(self.factory.surroundings, self)
        self.task = asyncio.get_running_loop().create_task(self._converse(self.session))
        self.factory.opened(self)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if self._reading and len(self._received) >= self.factory.surroundings.settings.max_pipelined:
            self._reading = False
            transport: Any = self.transport
            transport.pauseProducing()
        self._rouse()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self._lost = True
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
        data = bytes(self._received)
        self._received.clear()
        self._read_on()
        return data

    async def wait(self, seconds: float) -> None:
        if self._received or self._woken:
            self._woken = False
            return
        if self._lost:
            raise Disconnected
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        timer = loop.call_later(seconds, _expire, self._sleeper)
        try:
            await self._sleeper
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
        transport.write(data)
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
        # No await between the +OK and here: what the client sends after it belongs to TLS.
        self._received.clear()
        if self._lost:
            raise Disconnected
        self._read_on()
        transport: Any = self.transport
        transport.startTLS(self.factory.services.tls)
        self.encrypted = True

    # -- inside

    async def _converse(self, session: Session) -> None:
        try:
            await converse(session)
        except Exception:
            log.exception("pop3_session_failed", extra={"fields": {"session": session.id, "peer": self.address}})
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._lost:
            return
        transport: Any = self.transport
        transport.unregisterProducer()
        transport.loseConnection()
        asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self._cut)

    def _cut(self) -> None:
        if not self._lost:
            transport: Any = self.transport
            transport.abortConnection()

    def _rouse(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _read_on(self) -> None:
        if not self._reading and not self._lost:
            self._reading = True
            transport: Any = self.transport
            transport.resumeProducing()


class _TurnedAway(Protocol):
    """Somebody with too many connections already."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"-ERR [SYS/TEMP] Too many connections from your address\r\n")
        transport.loseConnection()


class Pop3Factory(ServerFactory):
    """One per listener and worker."""

    noisy = False

    def __init__(self, services: Services, listener: Listener) -> None:
        self.services = services
        self.listener = listener
        config = services.config
        self.surroundings = Surroundings(
            config.pop3, services.mail, services.login, _ACCOUNTS, config.login.connections_per_account
        )
        self.connections: set[Connection] = set()
        self._draining = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        address = str(getattr(addr, "host", "") or "unix")
        if not _ADDRESSES.enter(address, self.services.config.login.connections_per_address):
            log.warning("pop3_too_many_connections", extra={"fields": {"peer": address}})
            return _TurnedAway()
        return Connection(self, address)

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        _OPEN.inc()
        if self._draining and connection.session is not None:
            connection.session.kick()

    def closed(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            _ADDRESSES.leave(connection.address)
            _OPEN.dec()

    def drain(self) -> None:
        """The worker takes no more connections: who has not logged in goes, downloads come to their end."""
        self._draining = True
        for connection in list(self.connections):
            if connection.session is not None:
                connection.session.kick()


def factory(services: Services, listener: Listener) -> Pop3Factory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return Pop3Factory(services, listener)


def _expire(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_exception(TimedOut())


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "unix"
