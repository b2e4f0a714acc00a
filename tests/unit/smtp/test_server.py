"""The Twisted side: greetings, who is turned away, timeouts, backpressure, STARTTLS, draining. Sockets in memory."""

import asyncio

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from optimails.config import Listener, Protocol
from optimails.delivery.local import LocalDelivery
from optimails.model.account import AccountState
from smtp.server import Connection, SmtpFactory, factory
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor
from tests.support.wire import Wire, hung_up, said


class Listening:
    """One listener, and clients that connect to it."""

    def __init__(
        self, protocol: Protocol = Protocol.SMTP, limits: dict[str, int] | None = None, **settings: object
    ) -> None:
        self.door = SmtpDoor(protocol, settings=settings)
        config = self.door.config()
        delivery = LocalDelivery(self.door.directory, self.door.mail, config)
        world = self.door.world
        if limits:
            world.sessions = world.limited(**limits)
        services = world.services(config, delivery=delivery, tls=object())
        self.factory: SmtpFactory = factory(services, Listener(protocol=protocol, address="127.0.0.1:0"))

    def connect(self, host: str = "127.0.0.1") -> tuple[Connection, Wire]:
        wire = Wire()
        kind = IPv6Address if ":" in host else IPv4Address
        connection = self.factory.buildProtocol(kind("TCP", host, 4000) if host else UNIXAddress(b""))
        assert isinstance(connection, Connection)
        connection.makeConnection(wire)
        return connection, wire

    async def close(self) -> None:
        for connection in list(self.factory.connections):
            connection.connectionLost()
        await self.door.close()


@in_loop
async def test_a_message_in_one_read_is_answered_in_one_write() -> None:
    listening = Listening(Protocol.LMTP)
    connection, wire = listening.connect()
    assert await said(wire) == b"220 mx.demo.test LMTP Optimails\r\n"
    writes: list[bytes] = []
    wire.write = writes.append  # type: ignore[method-assign]  # to count them
    recipients = b"RCPT TO:<alice@demo.test>\r\nRCPT TO:<nobody@demo.test>\r\n"
    connection.dataReceived(b"LHLO c\r\nMAIL FROM:<>\r\n" + recipients + b"BDAT 4 LAST\r\nx: yQUIT\r\n")
    await hung_up(wire)
    assert len(writes) == 1
    assert [line[:3] for line in writes[0].split(b"\r\n") if line[3:4] != b"-"] == [
        *(b"250", b"250", b"250", b"550", b"250", b"221", b"")
    ]
    assert len(await listening.door.inbox("alice")) == 1
    await listening.close()


@in_loop
async def test_who_speaks_first_on_port_25_is_turned_away_unless_it_sits_here() -> None:
    listening = Listening(early_talker_delay=0.05)
    early, wire = listening.connect("192.0.2.1")
    early.dataReceived(b"EHLO bot\r\n")
    assert await said(wire) == b"554 You spoke before the greeting\r\n"
    assert wire.disconnecting
    patient, wire = listening.connect("192.0.2.1")
    assert wire.value() == b""
    assert (await said(wire)).startswith(b"220 ")
    patient.dataReceived(b"QUIT\r\n")
    assert await said(wire) == b"221 2.0.0 Bye\r\n"
    for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1", ""):
        assert listening.connect(host)[1].value().startswith(b"220 ")
    gone, wire = listening.connect("192.0.2.1")
    gone.connectionLost()
    await asyncio.sleep(0.06)
    assert wire.value() == b""
    await listening.close()


@in_loop
async def test_too_many_connections_of_one_address() -> None:
    listening = Listening(limits={"connections_per_address": 2}, early_talker_delay=0)
    first, _ = listening.connect("192.0.2.1")
    listening.connect("192.0.2.1")
    assert listening.connect("192.0.2.2")[1].value().startswith(b"220 ")
    refused, wire = listening.connect("192.0.2.1")
    assert wire.value() == b"421 Too many connections from your address, try again later\r\n"
    assert wire.disconnecting
    refused.connectionLost()
    first.connectionLost()
    assert listening.connect("192.0.2.1")[1].value().startswith(b"220 ")
    await listening.close()


@in_loop
async def test_lmtp_is_for_trusted_networks_and_unix_sockets() -> None:
    listening = Listening(Protocol.LMTP, lmtp_networks=["192.0.2.0/28", "127.0.0.0/8"])
    for host, welcome in (("192.0.2.7", True), ("192.0.2.77", False), ("::1", False), ("", True)):
        assert listening.connect(host)[1].value().startswith(b"220 " if welcome else b"554 "), host
    await listening.close()


@in_loop
async def test_a_silent_client_is_told_and_hung_up_on_also_in_mid_line() -> None:
    listening = Listening(command_timeout=1)
    connection, wire = listening.connect()
    await said(wire)
    now = listening.factory.time()
    connection.dataReceived(b"NOO")  # a line that never ends does not buy time
    await asyncio.sleep(0.01)
    connection.look(now + 0.5)
    assert not wire.disconnecting
    connection.look(now + 1.5)
    assert wire.value() == b"421 4.4.2 Timed out, closing connection\r\n"
    assert wire.disconnecting
    connection.look(now + 5)
    assert not wire.aborted
    connection.look(now + 20)
    assert wire.aborted
    await listening.close()


@in_loop
async def test_a_client_that_does_not_read_is_not_worked_for() -> None:
    listening = Listening(max_pipelined=4096)
    connection, wire = listening.connect()
    await said(wire)
    connection.pauseProducing()
    connection.dataReceived(b"NOOP\r\n" * 500)
    assert wire.reading
    connection.dataReceived(b"NOOP\r\n" * 500)
    await asyncio.sleep(0.01)
    assert not wire.reading
    assert wire.value() == b""
    connection.resumeProducing()
    await asyncio.sleep(0.05)
    assert wire.value() == b"250 2.0.0 Ok\r\n" * 1000
    assert wire.reading
    connection.pauseProducing()
    connection.look(listening.factory.time() + 1000)
    assert wire.aborted
    await listening.close()


@in_loop
async def test_starttls_drops_what_came_with_it() -> None:
    listening = Listening(Protocol.SUBMISSION)
    connection, wire = listening.connect("192.0.2.1")
    await said(wire)
    connection.dataReceived(b"EHLO c\r\n")
    assert b"AUTH" not in await said(wire)
    connection.dataReceived(b"STARTTLS\r\nEHLO injected\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    assert await said(wire) == b"220 2.0.0 Ready to start TLS\r\n"
    assert wire.tls is listening.factory.services.tls
    connection.dataReceived(b"MAIL FROM:<alice@demo.test>\r\n")
    assert await said(wire) == b"503 5.5.1 Say hello first\r\n"
    connection.dataReceived(b"EHLO c\r\n")
    answer = await said(wire)
    assert b"AUTH " in answer
    assert b"STARTTLS" not in answer
    await listening.close()


@in_loop
async def test_draining_waits_for_the_message_in_progress() -> None:
    listening = Listening()
    idle, idle_wire = listening.connect()
    busy, wire = listening.connect()
    await said(wire)
    busy.dataReceived(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n")
    await said(wire)
    idle_wire.clear()
    listening.factory.drain()
    assert idle_wire.value() == b"421 4.3.2 Service is restarting, try again at once\r\n"
    assert idle_wire.disconnecting
    assert not wire.disconnecting
    busy.dataReceived(b"x: y\r\n.\r\n")
    await hung_up(wire)
    accepted, bye, _ = wire.value().split(b"\r\n")
    assert accepted.startswith(b"250 2.0.0 Accepted as ")
    assert bye.startswith(b"421 4.3.2 ")
    assert len(await listening.door.inbox("alice")) == 1
    del idle
    await listening.close()


@in_loop
async def test_a_suspended_account_loses_its_connections_between_two_messages() -> None:
    listening = Listening(Protocol.SUBMISSION)
    idle, idle_wire = listening.connect()
    busy, wire = listening.connect()
    stranger, stranger_wire = listening.connect()
    for connection in (idle, busy):
        connection.dataReceived(b"EHLO c\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    await said(wire)
    await said(idle_wire)
    busy.dataReceived(b"MAIL FROM:<alice@demo.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\n")
    await said(wire)
    listening.door.world.change("alice", state=AccountState.SUSPENDED)
    await hung_up(idle_wire)
    assert idle_wire.value() == b"421 4.7.0 This account is not available\r\n"
    assert not wire.disconnecting
    busy.dataReceived(b"x: y\r\n.\r\nNOOP\r\n")
    await hung_up(wire)
    accepted, bye, _ = wire.value().split(b"\r\n")
    assert accepted.startswith(b"250 2.0.0 ")
    assert bye.startswith(b"421 4.7.0 ")
    assert not stranger_wire.disconnecting
    del stranger
    await listening.close()
    assert not listening.door.world.sessions._entries


@in_loop
async def test_submission_counts_the_sessions_of_an_account() -> None:
    listening = Listening(Protocol.SUBMISSION, limits={"connections_per_account": 1})
    log_in = b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
    first, wire = listening.connect()
    first.dataReceived(b"EHLO c\r\n" + log_in)
    assert b"235 " in await said(wire)
    second, wire = listening.connect()
    second.dataReceived(b"EHLO c\r\n" + log_in)
    assert b"454 4.7.0 Too many connections" in await said(wire)
    first.connectionLost()
    second.dataReceived(log_in)
    assert (await said(wire)).startswith(b"235 ")
    await listening.close()


@in_loop
async def test_a_client_that_vanishes_in_mid_message_leaves_nothing() -> None:
    listening = Listening()
    connection, wire = listening.connect()
    await said(wire)
    connection.dataReceived(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\nx: y\r\n")
    await said(wire)
    connection.connectionLost()
    assert connection.session.transaction is None
    assert await listening.door.inbox("alice") == []
    assert not listening.factory.connections
    await listening.close()


@in_loop
async def test_a_client_that_closes_its_sending_side_still_gets_its_answers() -> None:
    listening = Listening(Protocol.LMTP)
    connection, wire = listening.connect()
    await said(wire)
    connection.dataReceived(b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nBDAT 4 LAST\r\nx: y")
    connection.readConnectionLost()
    assert not wire.disconnecting
    await hung_up(wire)
    assert wire.value().split(b"\r\n")[-2].startswith(b"250 2.0.0 Delivered as ")
    connection, wire = listening.connect()
    connection.readConnectionLost()
    assert wire.disconnecting
    connection, wire = listening.connect()
    connection.writeConnectionLost()
    assert wire.aborted
    await listening.close()


@in_loop
async def test_the_client_that_a_trusted_server_speaks_for_is_the_one_that_counts() -> None:
    listening = Listening(
        limits={"connections_per_address": 1}, xclient_networks=["192.0.2.0/28"], early_talker_delay=0
    )
    proxied, wire = listening.connect("192.0.2.1")
    await said(wire)
    proxied.dataReceived(b"XCLIENT ADDR=203.0.113.5\r\n")
    assert (await said(wire)).startswith(b"220 ")
    assert listening.connect("203.0.113.5")[1].value().startswith(b"421 ")
    again, wire = listening.connect("192.0.2.1")  # its own place is free again
    await said(wire)
    again.dataReceived(b"XCLIENT ADDR=203.0.113.5\r\n")
    assert await said(wire) == b"421 Too many connections from your address, try again later\r\n"
    assert wire.disconnecting
    proxied.connectionLost()
    assert listening.connect("203.0.113.5")[1].value().startswith(b"220 ")
    await listening.close()
