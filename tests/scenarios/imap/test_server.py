"""IMAP on real sockets: TLS, compression, clients that send ahead, do not read, or attack; the end of a worker."""

import imaplib
import re
import socket
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.peer import MailUser, Peer
from tests.support.service import Service

SETTINGS = "[imap]\nmax_append = 20000000\nmax_pipelined = 4096\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("imap"), users=12, settings=SETTINGS)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def user(service) -> MailUser:
    return service.peer.fresh_user()


@dataclass
class Client:
    """A client that says exactly what it is told."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    pack: "zlib._Compress | None" = None
    unpack: "zlib._Decompress | None" = None
    greeting: bytes = field(default=b"", init=False)

    @classmethod
    def connect(cls, peer: Peer, *, tls: bool = False) -> "Client":
        plain = socket.create_connection((peer.host, peer.ports["imaps" if tls else "imap"]), timeout=20)
        client = cls(_context(peer).wrap_socket(plain, server_hostname=peer.host) if tls else plain)
        client.greeting = client.until(b"\r\n")
        return client

    def send(self, data: bytes) -> None:
        self.socket.sendall(self.pack.compress(data) + self.pack.flush(zlib.Z_SYNC_FLUSH) if self.pack else data)

    def until(self, end: bytes) -> bytes:
        looked = 0
        while (at := self.received.find(end, looked)) < 0:
            looked = max(0, len(self.received) - len(end))
            data = self.socket.recv(1_000_000)
            assert data, f"closed before {end!r}: {self.received[-300:]!r}"
            self.received += self.unpack.decompress(data) if self.unpack else data
        found = bytes(self.received[: at + len(end)])
        del self.received[: at + len(end)]
        return found

    def command(self, tag: bytes, text: bytes) -> bytes:
        self.send(b"%b %b\r\n" % (tag, text))
        return self.until(b"%b OK" % tag) + self.until(b"\r\n")

    def rest(self) -> bytes:
        data = bytes(self.received)
        while more := self.socket.recv(65536):
            data += more
        return data

    def login(self, user: MailUser) -> "Client":
        self.command(b"in", b"LOGIN %b {%d+}\r\n%b" % (user.login.encode(), len(user.password), user.password.encode()))
        return self

    def append(self, size: int) -> None:
        line = b"a line of sixty-four bytes, which comes again and again in it\r\n"
        text = (b"Subject: %d\r\n\r\n" % size + line * (size // len(line) + 1))[:size]
        self.send(b"ap APPEND INBOX {%d+}\r\n" % size + text + b"\r\n")
        self.until(b"ap OK")
        self.until(b"\r\n")


def _context(peer: Peer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(peer.ca_file))


def test_starttls_then_everything_works(service, user):
    with imaplib.IMAP4(service.peer.host, service.peer.ports["imap"]) as client:
        assert "STARTTLS" in client.capabilities
        client.starttls(_context(service.peer))
        assert "STARTTLS" not in client.capabilities
        client.login(user.login, user.password)
        assert client.append("INBOX", "", None, b"x: y\r\n\r\nz")[0] == "OK"
        assert client.select()[1] == [b"1"]


def test_what_came_in_the_clear_behind_starttls_is_forgotten(service, user):
    client = Client.connect(service.peer)
    client.send(b"a STARTTLS\r\nb CREATE injected\r\nc NOOP\r\n")
    client.until(b"a OK")
    client.until(b"\r\n")
    client.socket = _context(service.peer).wrap_socket(client.socket, server_hostname=service.peer.host)
    client.received.clear()
    client.send(b"d CAPABILITY\r\n")
    answer = client.until(b"d OK")
    assert answer.startswith(b"* CAPABILITY ")  # nothing was answered before, neither b nor c
    client.login(user)


def test_implicit_tls_offers_no_starttls(service):
    assert b"STARTTLS" not in Client.connect(service.peer, tls=True).greeting


@pytest.mark.parametrize("tls", [False, True])
def test_compression_both_ways(service, user, tls):
    client = Client.connect(service.peer, tls=tls).login(user)
    client.append(300_000)
    client.command(b"a", b"SELECT INBOX")
    client.send(b"b NOOP\r\nc COMPRESS DEFLATE\r\n")
    assert b"b OK" in client.until(b"c OK DEFLATE active\r\n")
    client.pack, client.unpack = zlib.compressobj(6, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    assert b"COMPRESS" not in client.command(b"d", b"CAPABILITY")
    assert len(client.command(b"e", b"FETCH 1 BODY.PEEK[]")) > 300_000
    client.send(b"f IDLE\r\n")  # the compressor is put away while the session idles
    client.until(b"+ idling\r\n")
    client.send(b"DONE\r\ng FETCH 1 RFC822.SIZE\r\n")
    assert b"RFC822.SIZE 300000" in client.until(b"g OK")


def test_a_decompression_bomb_ends_the_connection_and_nothing_else(service, user):
    client = Client.connect(service.peer).login(user)
    client.command(b"a", b"COMPRESS DEFLATE")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(bomb.compress(bytes(1_000_000)) for _ in range(100)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    try:
        client.socket.sendall(packed)
        client.rest()
    except ConnectionError:
        pass
    assert b"ready" in Client.connect(service.peer).login(user).greeting


def test_idle_hears_of_a_message_that_arrives_elsewhere(service, user):
    waiting = [Client.connect(service.peer).login(user) for _ in range(4)]  # more than workers
    for client in waiting:
        client.command(b"a", b"SELECT INBOX")
        client.send(b"b IDLE\r\n")
        client.until(b"+ idling\r\n")
    Client.connect(service.peer).login(user).append(100)
    for client in waiting:
        assert b"* 1 EXISTS" in client.until(b"EXISTS\r\n")
        client.send(b"DONE\r\n")
        client.until(b"b OK")


def test_a_large_message_comes_back_whole(service, user):
    client = Client.connect(service.peer, tls=True).login(user)
    client.append(15_000_000)
    client.command(b"a", b"SELECT INBOX")
    answer = client.command(b"b", b"FETCH 1 BODY.PEEK[]")
    size = int(re.search(rb"BODY\[\] \{(\d+)\}", answer)[1])
    assert size == 15_000_000
    part = client.command(b"c", b"FETCH 1 BODY.PEEK[]<14999990.100>")
    assert b"{10}" in part


def test_a_client_that_sends_ahead_and_reads_late_gets_every_answer_in_order(service, user):
    client = Client.connect(service.peer).login(user)
    client.append(200_000)
    client.command(b"a", b"SELECT INBOX")
    client.send(b"".join(b"t%d FETCH 1 BODY.PEEK[]<0.100000>\r\n" % number for number in range(50)))
    for number in range(50):
        answer = client.until(b"t%d OK FETCH completed\r\n" % number)
        assert answer.count(b" OK ") == 1


def test_a_message_beyond_the_limit_is_refused_before_it_is_sent(service, user):
    client = Client.connect(service.peer).login(user)
    client.send(b"a APPEND INBOX {20000001}\r\n")
    assert b"a NO [TOOBIG]" in client.until(b"\r\n")
    client.command(b"b", b"NOOP")


def test_bytes_that_are_no_imap_end_in_bye(service):
    client = Client.connect(service.peer)
    client.send(b"GET / HTTP/1.1\r\n" + b"\x16\x03\x01\x00 garbage\x00\r\n" * 20)
    assert b"* BYE" in client.rest()


def test_a_worker_that_ends_says_bye(service, user):
    client = Client.connect(service.peer).login(user)
    idle = Client.connect(service.peer).login(user)
    idle.command(b"a", b"SELECT INBOX")
    idle.send(b"b IDLE\r\n")
    idle.until(b"+ idling\r\n")
    service.stop()
    assert client.rest().startswith(b"* BYE")
    assert b"* BYE" in idle.rest()
    service.start()
    Client.connect(service.peer).login(user)
