"""Mail workers share out the connections that come, and nobody waits long for a worker that does not."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.protocol import Factory, Protocol

from optimails.supervisor import shares
from optimails.supervisor.ports import PATIENCE, SharedPort
from optimails.supervisor.shares import LISTENERS, SLOTS, Shares


class Reactor:
    """As much of one as a port needs; time passes when told to."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.later: list[tuple[float, Callable[[], object]]] = []
        self.now = 100.0

    def seconds(self) -> float:
        return self.now

    def addReader(self, one: object) -> None:  # noqa: N802  # as Twisted's
        self.readers.add(one)

    def removeReader(self, one: object) -> None:  # noqa: N802
        self.readers.discard(one)

    removeWriter = removeReader  # noqa: N815

    def callLater(self, after: float, call: Callable[[], object], *arguments: object) -> None:  # noqa: N802
        self.later.append((self.now + after, lambda: call(*arguments)))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self.later if at <= self.now]
        self.later = [one for one in self.later if one[0] > self.now]
        for call in due:
            call()


class Workers:
    """Ports of several workers on one socket."""

    def __init__(self, folder: Path, count: int) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.reactor = Reactor()
        self.folder = folder
        self.ports = [self._port(slot) for slot in range(count)]
        self.clients: list[socket.socket] = []

    def _port(self, slot: int) -> SharedPort:
        factory = Factory.forProtocol(Protocol)
        share = Shares(self.folder).of(0, slot)
        return SharedPort.adopt(self.reactor, os.dup(self.socket.fileno()), factory, "test", share)

    def come(self, first: int) -> None:
        """A client comes; the worker ``first`` is quickest to look, then the others, then a moment passes."""
        self.clients.append(socket.create_connection(self.socket.getsockname()))
        before = self.served
        for _ in range(3):
            for port in (*self.ports[first:], *self.ports[:first]):
                if port in self.reactor.readers and sum(self.served) == sum(before):
                    port.doRead()
            self.reactor.pass_time(PATIENCE)

    @property
    def served(self) -> list[int]:
        return [len(port.connections) for port in self.ports]

    def end(self) -> None:
        for port in self.ports:
            for connection in list(port.connections):
                connection.abortConnection()
        for one in (self.socket, *self.clients, *(port.socket for port in self.ports if port.connected)):
            one.close()


@pytest.fixture
def workers(tmp_path):
    two = Workers(tmp_path, 2)
    yield two
    two.end()


def test_each_has_its_share_though_one_is_always_quicker(workers):
    for _ in range(6):
        workers.come(first=0)
    assert workers.served == [3, 3]


def test_who_has_more_takes_it_when_the_other_does_not(workers):
    busy = workers.ports[1]
    workers.reactor.readers.discard(busy)  # in the middle of something long
    for _ in range(4):
        workers.come(first=0)
    assert workers.served == [4, 0]
    workers.reactor.readers.add(busy)
    for _ in range(2):
        workers.come(first=0)
    assert workers.served == [4, 2]


def test_nobody_waits_for_a_worker_that_ends(workers):
    workers.ports.pop().stopListening()
    workers.clients.append(socket.create_connection(workers.socket.getsockname()))
    workers.clients.append(socket.create_connection(workers.socket.getsockname()))
    for _ in range(2):
        workers.ports[0].doRead()
    assert workers.served == [2]


def test_a_port_that_is_closed_while_it_waits_stays_closed(workers):
    workers.come(first=0)
    workers.clients.append(socket.create_connection(workers.socket.getsockname()))
    port = workers.ports[0]
    port.doRead()
    assert port not in workers.reactor.readers
    port.stopListening()
    workers.reactor.pass_time(PATIENCE)
    assert not port.connected
    assert port not in workers.reactor.readers


def test_the_dead_and_the_last_run_are_forgotten(tmp_path):
    one, other = (Shares(tmp_path).of(3, slot) for slot in (0, 1))
    one.note(2)
    assert one.others_have_fewer()
    Shares(tmp_path).forget(1)
    assert not one.others_have_fewer()
    other.note(0)
    assert one.others_have_fewer()
    shares.clear(tmp_path)
    shares.clear(tmp_path)
    new = Shares(tmp_path).of(3, 2)
    new.note(9)
    assert not new.others_have_fewer()


def test_where_there_is_no_room_everybody_takes_what_comes(tmp_path, monkeypatch):
    beyond = Shares(tmp_path).of(LISTENERS, 0), Shares(tmp_path).of(0, SLOTS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    without = Shares(tmp_path / ".")
    for share in (*beyond, without.of(0, 0)):
        share.note(5)
        assert not share.others_have_fewer()
        share.leave()
    without.forget(0)
