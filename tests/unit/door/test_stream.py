"""What the doors' connections have in common: places, backpressure, STARTTLS, the end. IMAP and POP3, no sockets."""

import asyncio
from dataclasses import dataclass, field
from types import ModuleType

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

import imap.server
import pop3.server
from optimails.config import Config, Listener
from optimails.door import stream
from optimails.door.stream import StreamConnection
from optimails.model.account import AccountState
from tests.support.in_loop import in_loop
from tests.support.wire import Wire, hung_up, said
from tests.support.world import World

LOGIN = {imap.server: b"a LOGIN alice secret\r\n", pop3.server: b"USER alice\r\nPASS secret\r\n"}
NOOP = {imap.server: b"a NOOP\r\n", pop3.server: b"NOOP\r\n"}
START_TLS = {imap.server: b"s STARTTLS\r\n", pop3.server: b"STLS\r\n"}
each_door = pytest.mark.parametrize("door", [imap.server, pop3.server], ids=["imap", "pop3"])


@dataclass
class Listening:
    """One listener, and clients that connect to it."""

    door: ModuleType
    world: World = field(default_factory=World)
    limits: dict[str, int] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.protocol = self.door.__name__.partition(".")[0]
        self.world.sessions = self.world.limited(**self.limits)
        config = Config.model_validate({self.protocol: self.settings})
        listener = Listener(protocol=self.protocol, address="127.0.0.1:0", tls="starttls")
        self.factory = self.door.factory(self.world.services(config, tls=object()), listener)

    def connect(self, host: str = "127.0.0.1") -> tuple[StreamConnection, Wire]:
        wire = Wire()
        kind = IPv6Address if ":" in host else IPv4Address
        connection = self.factory.buildProtocol(kind("TCP", host, 4000) if host else UNIXAddress(b""))
        connection.makeConnection(wire)
        return connection, wire

    async def logged_in(self) -> tuple[StreamConnection, Wire]:
        connection, wire = self.connect()
        await said(wire)
        for line in LOGIN[self.door].splitlines(keepends=True):
            connection.dataReceived(line)
            assert b"OK" in await said(wire)
        return connection, wire

    async def close(self) -> None:
        for connection in list(self.factory.connections):
            await gone(connection)
        assert not self.factory.connections
        assert not self.world.sessions._entries
        await self.world.close()


async def gone(connection: StreamConnection) -> None:
    connection.connectionLost()
    if connection.task is not None:
        await asyncio.wait_for(connection.task, 5)


@each_door
@in_loop
async def test_too_many_connections_of_one_address_are_told_and_cut(
    door: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CLOSE_PATIENCE", 0.01)
    listening = Listening(door, limits={"connections_per_address": 2})
    first, _ = listening.connect("192.0.2.1")
    await listening.logged_in()
    listening.connect("::ffff:192.0.2.1")
    refused, wire = listening.connect("192.0.2.1")
    assert b"Too many connections from your address" in wire.value()
    assert wire.disconnecting
    await asyncio.sleep(0.05)
    assert wire.aborted  # who does not even take that does not stay
    refused.dataReceived(b"x" * 100)
    refused.connectionLost()
    assert not listening.connect("192.0.2.2")[1].disconnecting
    assert listening.connect("192.0.2.1")[1].disconnecting
    await gone(first)
    await gone(first)
    assert not listening.connect("192.0.2.1")[1].disconnecting
    assert listening.connect("192.0.2.1")[1].disconnecting
    await listening.close()


@each_door
@in_loop
async def test_places_come_back_whatever_way_a_session_ends(door: ModuleType) -> None:
    limits = {"connections_per_address": 1, "connections_per_account": 1}
    listening = Listening(door, limits=limits)
    for words in (b"", b"a LOGOUT\r\nQUIT\r\n", b"\xff\x00 {x}\r\n" * 200):
        connection, wire = await listening.logged_in()
        if words:
            connection.dataReceived(words)
            await hung_up(wire)
        await gone(connection)
    connection, wire = await listening.logged_in()
    listening.world.change("alice", state=AccountState.SUSPENDED)
    await hung_up(wire)
    await gone(connection)
    listening.world.change("alice", state=AccountState.ACTIVE)
    connection, wire = await listening.logged_in()
    await listening.close()


@each_door
@in_loop
async def test_starttls_drops_what_came_with_it(door: ModuleType) -> None:
    listening = Listening(door)
    connection, wire = listening.connect("192.0.2.1")
    await said(wire)
    connection.dataReceived(START_TLS[door] + LOGIN[door])
    answer = await said(wire)
    assert answer.count(b"\r\n") == 1
    assert wire.tls is listening.factory.services.tls
    connection.dataReceived(NOOP[door].replace(b"a ", b"b "))
    assert b"secret" not in (answer := await said(wire))
    assert answer.count(b"\r\n") == 1
    assert connection.encrypted
    assert not listening.world.sessions._entries
    await listening.close()


@each_door
@in_loop
async def test_a_client_that_sends_ahead_or_does_not_read_is_held_back(door: ModuleType) -> None:
    listening = Listening(door, settings={"max_pipelined": 4096})
    connection, wire = await listening.logged_in()
    connection.pauseProducing()
    connection.dataReceived(NOOP[door])
    await said(wire)
    for _ in range(100):
        connection.dataReceived(NOOP[door] * 10)
    await asyncio.sleep(0.01)
    assert wire.value() == b""
    assert not wire.reading
    connection.resumeProducing()
    got = b""
    while got.count(b"OK") < 1000:
        more = await said(wire)
        assert more
        got += more
    assert wire.reading
    await listening.close()


@each_door
@in_loop
async def test_who_never_reads_is_cut(door: ModuleType) -> None:
    listening = Listening(door, settings={"send_timeout": 1})
    connection, wire = await listening.logged_in()
    connection.pauseProducing()
    connection.dataReceived(NOOP[door])
    async with asyncio.timeout(10):
        while not wire.aborted:  # noqa: ASYNC110 - the transport has no event
            await asyncio.sleep(0.02)
    await listening.close()


@each_door
@in_loop
async def test_a_worker_that_ends_sends_its_clients_away(door: ModuleType) -> None:
    listening = Listening(door)
    _, wire = listening.connect()
    await said(wire)
    listening.factory.drain()
    await hung_up(wire)
    _, late = listening.connect()
    await hung_up(late)
    await listening.close()


@in_loop
async def test_where_a_client_sits() -> None:
    listening = Listening(imap.server)
    for host, address, local in (
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("", "", True),
        ("192.0.2.1", "192.0.2.1", False),
        ("fe80::1%eth0", "fe80::1", False),
    ):
        connection, _ = listening.connect(host)
        assert (connection.address, connection.local) == (address, local)
    await listening.close()
