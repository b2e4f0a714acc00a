"""Sockets as the worker uses them: shared with the other workers, and every connection known."""
# ruff: noqa: N802 - Twisted names its methods so

from __future__ import annotations

import socket
from typing import Any

from prometheus_client import Counter, Gauge
from twisted.internet import tcp
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory

from optimails.config import Listener, TlsMode
from optimails.supervisor.proxy import ProxyFactory
from optimails.supervisor.shares import Share
from optimails.supervisor.tls import ServerTls

PATIENCE = 0.002  # seconds for which a connection is left to a worker that has fewer

_OPEN = Gauge("optimails_connections", "Open connections.", ["listener"], multiprocess_mode="livesum")
_ACCEPTED = Counter("optimails_accepted_connections_total", "Connections accepted.", ["listener"])


def counted(label: str) -> tuple[Gauge, Counter]:
    """Open connections, and those ever accepted, of the listener of that name."""
    return _OPEN.labels(label), _ACCEPTED.labels(label)


class Connection(tcp.Server):
    """An accepted connection; its port knows it until it ends."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setTcpNoDelay(True)
        self.setTcpKeepAlive(True)
        port: Any = self.server
        port.opened(self)

    def write(self, data: bytes) -> None:
        """At once, when nothing waits before it: that spares every answer a turn of the event loop and two changes of
        what it watches. What the kernel does not take goes the usual way, and so does every error."""
        if data and self.connected and not (self.TLS or self._waiting()):
            try:
                sent = self.socket.send(data)
            except OSError:
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        super().write(data)  # type: ignore[no-untyped-call]  # it has no types

    def _waiting(self) -> bool:
        ending = self.disconnecting or self._writeDisconnecting or self._writeDisconnected
        return bool(self._tempDataLen or self.dataBuffer or ending)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        port: Any = self.server
        port.closed(self)
        super().connectionLost(reason)


class SharedPort(tcp.Port):
    """A listening socket that other processes accept from, too."""

    transport = Connection  # type: ignore[assignment]  # a kind of Server, which is all that Port makes of it
    connections: set[Connection]
    gauge: Gauge
    counter: Counter
    share: Share
    _patient_until = 0.0

    @property
    def numberAccepts(self) -> int:
        """One at a time: in a burst each worker takes its share, where Twisted would take twenty at once."""
        return 1

    @numberAccepts.setter
    def numberAccepts(self, number: int) -> None:
        del number  # Twisted adapts it to the traffic

    @classmethod
    def adopt(cls, reactor: Any, fd: int, factory: Any, label: str, share: Share) -> SharedPort:
        """Accept from a socket that was inherited as descriptor ``fd``; it is closed here once it is taken over."""
        with socket.socket(fileno=fd) as inherited:
            inherited.setblocking(False)
            port = cls._fromListeningDescriptor(reactor, fd, inherited.family, factory)  # type: ignore[no-untyped-call]  # it has no types
        assert isinstance(port, cls)
        port.connections = set()
        port.gauge, port.counter = counted(label)
        port.share = share
        port.startListening()
        return port

    def doRead(self) -> None:
        """Take a connection, unless a worker that has fewer may take it in a moment (``shares``)."""
        now = self.reactor.seconds()
        if now >= self._patient_until and self.share.others_have_fewer():
            self._patient_until = now + 2 * PATIENCE
            self.stopReading()  # type: ignore[no-untyped-call]  # it has no types
            self.reactor.callLater(PATIENCE, self._again)
        else:
            super().doRead()  # type: ignore[no-untyped-call]

    def _again(self) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()  # type: ignore[no-untyped-call]

    def loseConnection(self, connDone: Any = connectionDone) -> Any:  # noqa: N803  # Twisted's name
        self.share.leave()
        return super().loseConnection(connDone)  # type: ignore[no-untyped-call]  # it has no types

    stopListening = loseConnection  # noqa: N815  # Twisted has both names

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.share.note(len(self.connections))
        self.gauge.inc()
        self.counter.inc()

    def closed(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            self.share.note(len(self.connections))
            self.gauge.dec()


def wrapped(factory: Any, listener: Listener, tls: ServerTls | None) -> Any:
    """The door's factory with what the listener puts before it: PROXY header, then TLS."""
    if listener.tls is TlsMode.IMPLICIT:
        context: Any = tls  # its interface is declared by zope, which the checker does not see
        factory = TLSMemoryBIOFactory(context, False, factory)
    if listener.proxy_protocol:
        factory = ProxyFactory(factory, listener.proxies)
    factory.noisy = False
    return factory
