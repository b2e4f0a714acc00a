"""The POP3 door on sockets: TLS both ways, clients that do not read, that send ahead, that go away."""

import json
import poplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.pop3_door import large_message as message

ROOT = Path(__file__).parents[3]
SETTINGS = "[pop3]\nmax_pipelined = 4096\nlogin_timeout = 1\nsend_timeout = 1\n[login]\ndelay_seconds = 0\n"


@dataclass
class Door:
    process: "subprocess.Popen[str]"
    plain: int
    tls: int
    ca: Path

    def order(self, text: str) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def client(self) -> poplib.POP3:
        client = poplib.POP3("localhost", self.plain, timeout=20)
        client.user("alice")
        client.pass_("secret")
        return client


pytestmark = pytest.mark.timeout(30)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running(tmp_path_factory.mktemp("pop3")) as door:
        yield door


@pytest.fixture
def door(shared: Door) -> Door:
    shared.order("empty")
    return shared


@contextmanager
def running(folder: Path) -> Iterator[Door]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.pop3_process", str(folder), SETTINGS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        plain, tls = json.loads(process.stdout.readline())
        yield Door(process, plain, tls, folder / "ca.pem")
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _send_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"NOOP\r\n" * 100)


def all_of(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    data = b""
    while part := connection.recv(65_536):
        data += part
    return data


def test_a_session_over_stls_and_one_over_tls_from_the_start(door: Door) -> None:
    door.order("1000")
    client = poplib.POP3("localhost", door.plain, timeout=20)
    assert "STLS" in client.capa()
    client.stls(door.context())
    assert "STLS" not in client.capa()
    client.user("alice")
    client.pass_("secret")
    assert client.stat() == (1, len(message(1000)))
    client.quit()
    client = poplib.POP3_SSL("localhost", door.tls, context=door.context(), timeout=20)
    assert "STLS" not in client.capa()
    client.user("alice")
    client.pass_("secret")
    _, lines, _ = client.retr(1)
    assert b"".join(line + b"\r\n" for line in lines) == message(1000)
    client.dele(1)
    client.quit()
    client = door.client()
    assert client.stat() == (0, 0)
    client.quit()


def test_commands_sent_in_the_clear_behind_stls_are_dropped(door: Door) -> None:
    with socket.create_connection(("localhost", door.plain)) as plain:
        assert plain.recv(1000).startswith(b"+OK")
        plain.sendall(b"STLS\r\nUSER mallory\r\n")
        assert plain.recv(1000) == b"+OK Begin TLS\r\n"
        with door.context().wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"PASS secret\r\nQUIT\r\n")
            answers = all_of(secure).split(b"\r\n")
            assert [answer[:4] for answer in answers] == [b"-ERR", b"+OK ", b""]


def test_a_client_that_reads_slowly_gets_the_whole_message(door: Door) -> None:
    door.order("5000000")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", door.plain))
        slow.sendall(b"USER alice\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n")
        answers = all_of(slow).split(b"\r\n", 4)
    assert answers[4] == message(5_000_000).replace(b"\n.", b"\n..") + b".\r\n+OK Goodbye\r\n"


def test_a_client_that_never_reads_is_cut_off(door: Door) -> None:
    door.order("5000000")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", door.plain))
        slow.sendall(b"USER alice\r\nPASS secret\r\n" + b"RETR 1\r\n" * 20)
        watch = door.client()  # the others are served all the time
        slow.settimeout(20)
        with pytest.raises(ConnectionError):
            _send_for_ever(slow)
        watch.quit()


def test_many_pipelined_commands_are_all_answered_in_order(door: Door) -> None:
    with socket.create_connection(("localhost", door.plain)) as client:
        client.sendall(b"USER alice\r\nPASS secret\r\n" + b"NOOP\r\nSTAT\r\n" * 5000 + b"QUIT\r\n")
        answers = all_of(client).split(b"\r\n")[3:-2]
        assert answers == [b"+OK", b"+OK 0 0"] * 5000


def test_a_silent_stranger_is_cut_off(door: Door) -> None:
    with socket.create_connection(("localhost", door.plain)) as stranger:
        assert all_of(stranger).startswith(b"+OK")


def test_a_lost_connection_deletes_nothing(door: Door) -> None:
    door.order("100")
    client = door.client()
    client.dele(1)
    client.sock.shutdown(socket.SHUT_RDWR)
    client.close()
    assert door.client().stat()[0] == 1


def test_drain_lets_a_session_finish_and_sends_strangers_away(tmp_path: Path) -> None:
    with running(tmp_path) as door:
        door.order("100")
        client = door.client()
        with socket.create_connection(("localhost", door.plain)) as stranger:
            assert stranger.recv(1000).startswith(b"+OK")
            door.order("drain")
            assert all_of(stranger) == b"-ERR The service is restarting. Connect again.\r\n"
        client.dele(1)
        assert client.quit() == b"+OK Goodbye"
