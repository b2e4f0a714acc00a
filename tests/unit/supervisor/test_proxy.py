"""PROXY headers: any bytes give an address, a wait, or a refusal; whole input is as byte by byte."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport

from optimails.supervisor.proxy import MAX_V2, V2_SIGNATURE, BadHeader, ProxyFactory, parse


def v2(command, family, body):
    return V2_SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body)) + body


FOUR = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 143)
SIX = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("::1").packed + struct.pack("!HH", 4711, 143)


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 143\r\n", ("192.0.2.7", 4711)),
        (b"PROXY TCP6 2001:DB8::7 ::1 4711 143\r\n", ("2001:db8::7", 4711)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        (v2(1, 0x11, FOUR), ("192.0.2.7", 4711)),
        (v2(1, 0x11, FOUR + b"\x03\x00\x04abcd"), ("192.0.2.7", 4711)),
        (v2(1, 0x21, SIX), ("2001:db8::7", 4711)),
        (v2(0, 0x00, b""), None),
        (v2(1, 0x31, bytes(216)), None),
    ],
)
def test_headers(header, source):
    assert parse(header + b"a1 NOOP\r\n") == (source, len(header))
    for length in range(len(header)):
        assert parse(header[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"a1 LOGIN\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.700 127.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 70000 2\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\n",
        b"PROXY " + b"x" * 200,
        V2_SIGNATURE + b"\x31\x11\x00\x0c",
        V2_SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header(data):
    with pytest.raises(BadHeader):
        parse(data)


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda rest: V2_SIGNATURE + rest))
@example(b"")
def test_any_bytes(data):
    try:
        found = parse(data)
    except BadHeader:
        return
    if found is None:
        assert len(data) < MAX_V2
    else:
        assert 0 < found[1] <= len(data)


class Door(Protocol):
    def connectionMade(self):  # noqa: N802 - Twisted's name
        self.transport.write(f"hello {self.transport.getPeer().host}".encode())

    def dataReceived(self, data):  # noqa: N802 - Twisted's name
        self.transport.write(data.upper())


class Transport(StringTransport):
    """Hands data to whatever protocol it has, as a connection does."""

    def arrive(self, data):
        self.protocol.dataReceived(data)


BALANCER = (ipaddress.ip_network("10.0.0.1/32"),)


def connect(proxies=BALANCER, peer="10.0.0.1"):
    transport = Transport(peerAddress=IPv4Address("TCP", peer, 1))
    protocol = ProxyFactory(Factory.forProtocol(Door), proxies).buildProtocol(transport.getPeer())
    if protocol is not None:
        transport.protocol = protocol
        protocol.makeConnection(transport)
    return transport


def test_the_door_speaks_only_after_the_header_and_sees_the_client():
    transport = connect()
    for byte in b"PROXY TCP6 2001:db8::7 ::1 4711 143\r":
        transport.arrive(bytes([byte]))
    assert transport.value() == b""
    transport.arrive(b"\nfirst")
    assert transport.value() == b"hello 2001:db8::7FIRST"
    assert transport.getPeer() == IPv6Address("TCP", "2001:db8::7", 4711)
    transport.arrive(b" later")
    assert transport.value().endswith(b" LATER")


def test_without_a_header_the_connection_is_cut():
    transport = connect()
    transport.arrive(b"a1 NOOP\r\n")
    assert transport.disconnected or transport.disconnecting
    assert transport.value() == b""


def test_only_known_proxies_are_believed():
    networks = [ipaddress.ip_network("10.0.0.0/8")]
    transport = connect(networks)
    transport.arrive(b"PROXY UNKNOWN\r\n")
    assert transport.value() == b"hello 10.0.0.1"
    assert not hasattr(connect(networks, "192.0.2.1"), "protocol")
    assert not hasattr(connect(()), "protocol")
