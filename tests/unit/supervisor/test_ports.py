"""What is written to a connection arrives in its order, whatever the kernel takes at once."""

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol

from optimails.supervisor.ports import Connection


class Reactor:
    """Notes who wants to be told when there is room again."""

    def __init__(self) -> None:
        self.writers: set[object] = set()
        self.changes = 0

    def addWriter(self, one: object) -> None:  # noqa: N802  # as Twisted's
        self.writers.add(one)
        self.changes += 1

    def removeWriter(self, one: object) -> None:  # noqa: N802
        self.writers.discard(one)

    def addReader(self, one: object) -> None:  # noqa: N802
        pass

    removeReader = addReader  # noqa: N815


class Port:
    _realPortNumber = 25  # noqa: N815  # as Twisted has it

    def opened(self, one: object) -> None:
        pass

    closed = opened


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket, Reactor]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
    ):
        ours, address = listening.accept()
        ours.setblocking(False)
        reactor = Reactor()
        yield Connection(ours, Protocol(), address, Port(), 1, reactor), client, reactor
        ours.close()


def test_an_answer_goes_at_once(ends: tuple[Connection, socket.socket, Reactor]) -> None:
    connection, client, reactor = ends
    connection.write(b"* OK\r\n")
    connection.write(b"")
    assert client.recv(100) == b"* OK\r\n"
    assert reactor.changes == 0


def test_what_does_not_fit_follows_in_order(ends: tuple[Connection, socket.socket, Reactor]) -> None:
    connection, client, reactor = ends
    pieces = [bytes([number]) * 700_000 for number in range(20)]
    for piece in pieces:
        connection.write(piece)
    assert connection in reactor.writers
    wanted = b"".join(pieces)
    received = bytearray()
    while len(received) < len(wanted):
        received += client.recv(1 << 20)
        if reactor.writers:
            connection.doWrite()
            connection.write(b"")
    connection.write(b"the end")
    assert bytes(received) == wanted
    assert client.recv(100) == b"the end"


def test_a_client_that_is_gone_is_the_reactors_to_tell(ends: tuple[Connection, socket.socket, Reactor]) -> None:
    connection, client, reactor = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    for _ in range(3):
        connection.write(b"anybody there?")
    assert connection in reactor.writers
    assert isinstance(connection.doWrite(), Exception)


def test_nothing_is_written_after_the_end(ends: tuple[Connection, socket.socket, Reactor]) -> None:
    connection, client, _ = ends
    connection.write(b"bye")
    connection.loseWriteConnection()
    connection.doWrite()
    connection.write(b"too late")
    assert client.recv(100) == b"bye"
    assert client.recv(100) == b""
