"""The PROXY protocol of load balancers, versions 1 and 2: the true address of the client stands before its bytes.

Nothing may be sent before that header has come (a greeting would go out with the balancer's address in mind), so the
door's protocol is built only then, and takes the connection over.
"""
# ruff: noqa: N802 - Twisted names its methods so

import ipaddress
import re
import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_V1 = 107
MAX_V2 = 16 + 2048  # the header may carry more after the addresses; we allow some
WAIT = 10.0  # seconds for the header
_V1 = re.compile(rb"PROXY (?:UNKNOWN\b[^\r\n]*|(TCP[46]) (\S+) (\S+) (\d{1,5}) (\d{1,5}))\r\n")

Source = tuple[str, int]


class BadHeader(ValueError):
    """What came first is no PROXY header."""


def parse(data: bytes) -> tuple[Source | None, int] | None:
    """Source address and port (None: the connection's own) and the length of the header; None while it is incomplete.

    Raises:
        BadHeader: it is not one.
    """
    if data[:12] == V2_SIGNATURE[: len(data)]:
        return _parse_v2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _parse_v1(data)
    raise BadHeader("no PROXY header")


def _parse_v1(data: bytes) -> tuple[Source | None, int] | None:
    end = data.find(b"\n", 0, MAX_V1)
    if end < 0:
        if len(data) >= MAX_V1:
            raise BadHeader("header too long")
        return None
    match = _V1.fullmatch(data[: end + 1])
    if not match:
        raise BadHeader("malformed header")
    if not match[1]:
        return None, end + 1
    try:
        source = ipaddress.ip_address(match[2].decode("ascii"))
    except ValueError as wrong:
        raise BadHeader("malformed address") from wrong
    if source.version != int(match[1][3:]) or int(match[4]) > 65535:
        raise BadHeader("malformed address")
    return (str(source), int(match[4])), end + 1


def _parse_v2(data: bytes) -> tuple[Source | None, int] | None:
    if len(data) < 16:
        return None
    version, family, length = data[12], data[13], struct.unpack("!H", data[14:16])[0]
    end = 16 + length
    if version not in (0x20, 0x21) or end > MAX_V2:
        raise BadHeader("malformed header")
    if len(data) < end:
        return None
    if version == 0x20:  # LOCAL: the balancer itself looks whether we live
        return None, end
    if family == 0x11 and length >= 12:
        return (str(ipaddress.IPv4Address(data[16:20])), struct.unpack("!H", data[24:26])[0]), end
    if family == 0x21 and length >= 36:
        return (str(ipaddress.IPv6Address(data[16:32])), struct.unpack("!H", data[48:50])[0]), end
    return None, end


class ProxyProtocol(Protocol):
    """Waits for the header, then makes way for the door's protocol."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._buffer = b""
        self._timer: Any = None

    def connectionMade(self) -> None:
        clock: Any = reactor
        self._timer = clock.callLater(WAIT, self._give_up)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        try:
            found = parse(self._buffer)
        except BadHeader:
            self._give_up()
            return
        if found is None:
            return
        self._stop_timer()
        source, end = found
        transport: Any = self.transport
        address: Any = transport.getPeer()
        if source is not None:
            kind = IPv6Address if ":" in source[0] else IPv4Address
            address = kind("TCP", *source)
            transport.getPeer = lambda: address  # the client, not the balancer, is the peer
        protocol = self._inner.buildProtocol(address)
        if protocol is None:
            transport.abortConnection()
            return
        transport.protocol = protocol  # from now on bytes go there
        protocol.makeConnection(transport)
        if len(self._buffer) > end:
            protocol.dataReceived(self._buffer[end:])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self._stop_timer()

    def _give_up(self) -> None:
        self._stop_timer()
        transport: Any = self.transport
        transport.abortConnection()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class ProxyFactory(Factory):
    """Puts a ``ProxyProtocol`` before each connection of ``inner``; strangers are turned away."""

    noisy = False

    def __init__(self, inner: Any, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._inner = inner
        self._proxies = proxies

    def doStart(self) -> None:
        self._inner.doStart()

    def doStop(self) -> None:
        self._inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> ProxyProtocol | None:
        if not self._trusted(addr):
            return None
        return ProxyProtocol(self._inner)

    def _trusted(self, addr: IAddress | None) -> bool:
        try:
            host = ipaddress.ip_address(getattr(addr, "host", "").partition("%")[0])
        except ValueError:
            return False
        if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
            host = host.ipv4_mapped
        return any(host in network for network in self._proxies)
