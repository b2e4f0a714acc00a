"""SMTP, submission and LMTP on Twisted: bytes, TLS, timeouts, backpressure. What is said stands in ``smtp.session``.

A connection between two reads is its session and nothing else: no task, no timer. A read that finds nobody at work
starts one asyncio task, which works off all input there is, writes the replies in one go, and ends. One timer for each
listener looks for connections whose time is over. While a client sends faster than it is served, or does not read its
replies, the socket is not read.
"""
# ruff: noqa: N802 - Twisted names its methods so

import asyncio
import contextlib
import logging
from ipaddress import ip_address
from typing import Any

from prometheus_client import Counter, Gauge
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

from optimails.audit import AuditLog
from optimails.authentication.authenticator import Authenticator
from optimails.config import Listener
from optimails.config import Protocol as Spoken
from optimails.dkim import Signer
from optimails.dns import Resolver
from optimails.door.connections import Held
from optimails.door.context import Services
from optimails.door.sessions import Ending
from optimails.door.stream import CLOSE_PATIENCE, DoorConnection, DoorFactory
from smtp.milter.chain import Filters
from smtp.milter.macros import Tls
from smtp.session.authenticity import Authenticity
from smtp.session.door import Door, Peer
from smtp.session.session import Session
from smtp.wire import replies

log = logging.getLogger(__name__)

_OPEN = Gauge("optimails_smtp_connections", "Open connections.", ["protocol"], multiprocess_mode="livesum")
_TURNED_AWAY = Counter("optimails_smtp_turned_away_total", "Connections not served, by reason.", ["reason"])
LONGEST_LOOK = 5.0  # seconds between two looks for connections whose time is over


@implementer(IHandshakeListener, IHalfCloseableProtocol)
class Connection(DoorConnection):
    """One client."""

    factory: "SmtpFactory"
    transport: Any

    def __init__(self, factory: "SmtpFactory", peer: Peer) -> None:
        self.factory = factory
        self.session = Session(factory.door, peer, tls=factory.implicit_tls)
        self.deadline = 0.0
        self.held: Held | None = None
        self._refusal: bytes | None = None  # what is said instead of a greeting
        self._task: asyncio.Task[None] | None = None
        self._greeting: asyncio.TimerHandle | None = None  # while an early talker would be found out
        self._progress = -1
        self._flooded = False  # the client is ahead of us by too much
        self._choked = False  # the client does not read its replies
        self._leaving = False
        self._ended = False  # the client has said all it will say

    # -- Twisted calls these

    def connectionMade(self) -> None:
        with contextlib.suppress(AttributeError):  # a Unix socket
            self.transport.setTcpNoDelay(True)
        self.factory.opened(self)
        self.session.wake = self._part
        self.session.moved = self._moved
        self.session.secured = self._tls_facts
        self._look_at_clock()
        self._refusal = self.factory.refusal(self)
        if self._refusal is not None:
            self.deadline = self.factory.time() + CLOSE_PATIENCE
        if not self.factory.implicit_tls:
            self._begin()

    def handshakeCompleted(self) -> None:
        """With implicit TLS we begin here: a greeting written before would be held back, which stops the reading, and
        with it the handshake."""
        if self.factory.implicit_tls:
            self._begin()

    def _begin(self) -> None:
        self.transport.registerProducer(self, True)
        peer, door = self.session.peer, self.factory.door
        if self._refusal is not None:
            self._say_last(self._refusal)
            return
        delay = door.settings.early_talker_delay
        if door.protocol is Spoken.SMTP and delay and not peer.loopback and not self.session.tls:
            self._greeting = asyncio.get_running_loop().call_later(delay, self._greet)
        else:
            self._greet()

    def dataReceived(self, data: bytes) -> None:
        if self._leaving:
            return
        if self._greeting is not None:
            # RFC 5321 §3.1: the server speaks first. Programs that send spam often do not wait.
            self._stop_greeting()
            _TURNED_AWAY.labels("early talker").inc()
            self._say_last(replies.EARLY_TALKER)
            return
        self.session.receive(data)
        if self._task is None and not self._choked:
            self._task = asyncio.get_running_loop().create_task(self._work())
        elif not self._flooded and self.session.waiting > self.factory.door.settings.max_pipelined:
            self._flooded = True
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self._leaving = True
        self._stop_greeting()
        # A delivery in progress comes to its end. What else was pipelined is not begun: nobody would hear of it.
        self.session.closing = True
        if self._task is None:
            self.session.close()
        self.factory.closed(self)

    def readConnectionLost(self) -> None:
        """The client sends no more, and may still be reading: scripts do that."""
        self._ended = True
        if self._task is None:
            self._leave()

    def writeConnectionLost(self) -> None:
        """The client reads no more, so nothing can be acknowledged."""
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """The transport has enough to send: what comes now waits. Reading goes on until it is too much, for TLS may
        have to read before it can write."""
        self._choked = True

    def resumeProducing(self) -> None:
        self._choked = False
        if self._leaving or self._task is not None:
            return
        if self.session.waiting:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def stopProducing(self) -> None:
        """The transport is closing."""

    # -- the factory calls these

    def look(self, now: float) -> None:
        """Hang up when the client's time is over."""
        if now < self.deadline or self._task is not None:
            return
        if self._leaving or self._choked:
            self.transport.abortConnection()
        else:
            self._say_last(replies.TIMED_OUT)

    def drain(self) -> None:
        """Ask the client to come back, once it is between two messages."""
        self.session.kick(Ending.GOING_DOWN)

    # -- inside

    def _part(self) -> None:
        """Somebody wishes the session's end; a task that is at work sees to it by itself."""
        if self._task is None and not self._leaving:
            self.session.part()
            self._write()

    def _tls_facts(self) -> Tls | None:
        handle: Any = self.transport.getHandle()  # pyOpenSSL's connection
        cipher = handle.get_cipher_name()
        if cipher is None:  # the handshake is not over
            return None
        return Tls(handle.get_protocol_version_name(), cipher, handle.get_cipher_bits())

    def _moved(self) -> bytes | None:
        """A server in front of us named the client: the connection counts as that client's."""
        if self.held is not None:
            self.held.release()
            self.held = None
        return self.factory.no_room(self)

    def _greet(self) -> None:
        self._greeting = None
        self.session.welcome()
        self.transport.write(self.session.take_output())

    def _stop_greeting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    async def _work(self) -> None:
        session = self.session
        try:
            await session.advance()  # with what comes in the meantime
            self._write()
        except Exception:
            log.exception("smtp_session_failed", extra={"fields": {"session": session.id}})
            self._leave()
        finally:
            self._task = None
            if self._flooded and not self._leaving:
                self._flooded = False
                self.transport.resumeProducing()
            self._look_at_clock()
            if self._leaving:
                session.close()

    def _write(self) -> None:
        """The replies, and what comes after them."""
        session = self.session
        if self._leaving:
            session.take_output()
            return
        out = session.take_output()
        if out:
            self.transport.write(out)
        if session.closing or self._ended:
            self._leave()
        elif session.wants_tls:
            # No await since the input was dropped: what comes now belongs to TLS.
            self.transport.startTLS(self.factory.services.tls)
            session.tls_started()

    def _look_at_clock(self) -> None:
        """A new span of time begins, when the client got anywhere in the last one."""
        session = self.session
        if session.progress != self._progress:
            self._progress = session.progress
            self.deadline = self.factory.time() + session.timeout

    def _say_last(self, reply: bytes) -> None:
        self.transport.write(reply)
        self._leave()

    def _leave(self) -> None:
        """Close once everything is written; cut when that takes too long."""
        if self._leaving:
            return
        self._leaving = True
        self._stop_greeting()
        self.deadline = self.factory.time() + CLOSE_PATIENCE
        self.transport.unregisterProducer()
        self.transport.loseConnection()


class SmtpFactory(DoorFactory[Connection]):
    """One for each listener and worker."""

    def __init__(self, services: Services, listener: Listener) -> None:
        super().__init__(services, listener, _OPEN.labels(listener.protocol.value))
        config = services.config
        filters = [one for one in config.milter if one.sees(listener)]
        resolver = Resolver(config.dns)
        self.door = Door(
            listener.protocol,
            config.smtp,
            config.server.hostname,
            services.directory,
            services.delivery_of(listener),
            services.login,
            services.sessions,
            self.can_start_tls,
            Signer(config.server.data),
            Filters(filters, listener.label, listener.port, resolver) if filters else None,
            Authenticity.of(config, Authenticator(resolver, config.authentication)),
            audit=AuditLog(config.server.data),
            traffic=services.traffic,
            greylist=services.greylist if listener.protocol is Spoken.SMTP else None,
            footers=services.footers if listener.protocol is Spoken.SUBMISSION else None,
        )
        self._timer: asyncio.TimerHandle | None = None
        shortest = min(config.smtp.command_timeout, config.smtp.data_timeout)
        self._interval = min(LONGEST_LOOK, shortest / 4)

    @staticmethod
    def time() -> float:
        """The event loop's clock, seconds."""
        return asyncio.get_running_loop().time()

    def connection(self, address: str) -> Connection:
        return Connection(self, Peer(address))

    def refusal(self, connection: Connection) -> bytes | None:
        """What to say to somebody who is not served at all."""
        peer = connection.session.peer
        if self.draining:
            return replies.SHUTTING_DOWN
        if self.door.lmtp:
            # RFC 2033 §3: there is no password; who may deliver is a matter of configuration. Who may is not counted.
            networks = self.door.settings.lmtp_networks
            if not peer.address or any(ip_address(peer.address) in network for network in networks):
                return None
            _TURNED_AWAY.labels("not trusted").inc()
            return replies.NOT_TRUSTED
        return self.no_room(connection)

    def no_room(self, connection: Connection) -> bytes | None:
        """What to say when the client has too many connections, or opens them too fast; LMTP is not counted."""
        if self.door.lmtp:
            return None
        address, traffic = connection.session.peer.address, self.door.traffic
        if traffic is not None and not traffic.connection(address):
            _TURNED_AWAY.labels("too fast").inc()
            return replies.TOO_FAST
        if self.has_room(connection, address):
            return None
        _TURNED_AWAY.labels("too many").inc()
        return replies.TOO_MANY_CONNECTIONS

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)

    def closed(self, connection: Connection) -> None:
        super().closed(connection)
        if not self.connections and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self.time()
        for connection in list(self.connections):
            connection.look(now)
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._look) if self.connections else None


def factory(services: Services, listener: Listener) -> SmtpFactory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return SmtpFactory(services, listener)
