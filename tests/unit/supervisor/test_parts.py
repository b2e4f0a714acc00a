"""The supervisor's smaller parts: certificate and TLS, sockets, messages, the data folder, roles, systemd."""

import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from optimails.config import Listener
from optimails.config.server import TlsSettings
from optimails.supervisor import control, notify
from optimails.supervisor.certificate import make_self_signed
from optimails.supervisor.folder import DataFolder
from optimails.supervisor.generation import Slots
from optimails.supervisor.settings import CannotStart, read
from optimails.supervisor.shares import Shares
from optimails.supervisor.sockets import CannotListen, Sockets, bind
from optimails.supervisor.tls import BadCertificate, ServerTls


@pytest.fixture
def tls(tmp_path):
    settings = TlsSettings(certificate=tmp_path / "tls" / "c.pem", key=tmp_path / "tls" / "k.pem")
    make_self_signed(settings.certificate, settings.key, ["mail.example", "127.0.0.1", "bücher.example"])
    return settings


def handshake(settings, client):
    """TLS between our context and a client's; gives what the client ended up with."""
    ours, theirs = socket.socketpair()

    def serve():
        connection = SSL.Connection(ServerTls(settings).context, ours)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            connection.send(b"x")
        except SSL.Error:
            pass
        ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname="mail.example") as secure:
            return secure.version(), secure.cipher()[0]
    finally:
        thread.join()
        theirs.close()


def test_a_client_that_trusts_the_certificate_connects(tls):
    client = ssl.create_default_context(cafile=tls.certificate)
    assert handshake(tls, client)[0] == "TLSv1.3"
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    version, cipher = handshake(tls, client)
    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE")


def test_old_tls_is_refused(tls):
    client = ssl.create_default_context(cafile=tls.certificate)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(tls.model_copy(update={"minimum_version": "1.3"}), client)


def test_the_key_is_private(tls):
    assert tls.key.stat().st_mode & 0o077 == 0


def test_what_is_wrong_with_a_certificate_is_told(tls, tmp_path):
    make_self_signed(tmp_path / "other.pem", tmp_path / "other.key", ["x.example"])
    for changed, told in (
        ({"key": tmp_path / "none"}, "none: No such file"),
        ({"key": tmp_path / "other.key"}, "other.key"),
        ({"certificate": tls.key}, "k.pem"),
        ({"ciphers": "NONSENSE"}, "ciphers"),
    ):
        with pytest.raises(BadCertificate, match=told):
            ServerTls(tls.model_copy(update=changed))


def listener(address):
    return Listener(protocol="imap", address=address)


def test_sockets_are_opened_all_or_none_and_kept():
    sockets = Sockets()
    (held,) = bind("127.0.0.1:0")
    taken = f"127.0.0.1:{held.getsockname()[1]}"
    first = listener("127.0.0.1:0")
    assert sockets.open([first]) == ["127.0.0.1:0"]
    one = sockets.of(first)[0]
    with pytest.raises(CannotListen, match=taken):
        sockets.open([first, listener("[::1]:0"), listener(taken)], patience=0)
    assert sockets.open([first]) == []
    assert sockets.of(first)[0] is one
    sockets.close_others([])
    assert one.fileno() == -1
    held.close()


def test_a_name_stands_for_all_of_its_addresses():
    opened = bind("localhost:0")
    assert {one.family for one in opened} <= {socket.AF_INET, socket.AF_INET6}
    (everywhere,) = bind("*:0")
    socket.create_connection(("127.0.0.1", everywhere.getsockname()[1])).close()
    for one in (*opened, everywhere):
        one.close()


MESSAGES = [
    control.StartOrder("mail-1", "mail", "[server]\n# ü", "/x.toml", [(5, 0), (6, 2)]),
    control.DrainOrder(1.5),
    control.Listening(),
    control.Status(3, directory=True, memory=5, delay=0.25),
]


@given(st.integers(1, 50))
def test_messages_arrive_in_any_pieces(size):
    data = b"".join(map(control.encode, MESSAGES))
    decoder = control.Decoder()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert [message for piece in pieces for message in decoder.feed(piece)] == MESSAGES


@pytest.mark.parametrize("line", [b"x\n", b"{}\n", b'{"is": "Status"}\n', b'{"is": "Nothing"}\n'])
def test_other_messages_are_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011 - json's own error among them
        list(control.Decoder().feed(line))


def test_slots_are_the_lowest_free_numbers(tmp_path):
    slots = Slots(Shares(tmp_path))
    assert [slots.take() for _ in range(3)] == [0, 1, 2]
    slots.give_back(1)
    assert [slots.take(), slots.take()] == [1, 3]


def test_the_data_folder_has_one_supervisor(tmp_path):
    folder = DataFolder(tmp_path)
    folder.lock()
    folder.prepare()
    (folder.events / "dead.sock").touch()
    folder.prepare()
    assert list(folder.events.iterdir()) == []
    with pytest.raises(CannotStart, match=str(os.getpid())):
        DataFolder(tmp_path).lock()
    with pytest.raises(CannotStart, match="does not exist"):
        DataFolder(tmp_path / "none").lock()


CONFIG = """
[[listener]]
protocol = "imap"
address = "127.0.0.1:1143"
[[listener]]
protocol = "lmtp"
address = "127.0.0.1:1024"
[[listener]]
protocol = "http"
address = "127.0.0.1:8080"
"""


@pytest.mark.parametrize(
    ("role", "ports", "jobs"),
    [
        (None, [1143, 1024, 8080], True),
        ("imap", [1143], False),
        ("imap, lmtp", [1143, 1024], False),
        ("http", [8080], False),
        ("jobs", [], True),
    ],
)
def test_roles_choose_what_is_served(tmp_path, role, ports, jobs):
    path = tmp_path / "optimails.toml"
    path.write_text(CONFIG)
    settings = read(path, role)
    assert [one.port for one in settings.listeners] == ports
    assert settings.jobs is jobs


@pytest.mark.parametrize(
    ("role", "told"), [("imp", "unknown role imp"), ("pop3", "no listener"), (",", "unknown role")]
)
def test_roles_that_serve_nothing(tmp_path, role, told):
    path = tmp_path / "optimails.toml"
    path.write_text(CONFIG)
    with pytest.raises(CannotStart, match=told):
        read(path, role)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path, monkeypatch, abstract):
    name = f"@optimails-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify.notify("READY=1", "STATUS=x")
        assert receiver.recv(100) == b"READY=1\nSTATUS=x"
        notify.reloading()
        assert receiver.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert notify.watchdog_interval() == 15


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_privileges_are_dropped_for_good():
    code = (
        "import os; from optimails.supervisor.privileges import drop; assert drop('nobody', '')\n"
        "assert os.getuid() and os.getgid() and not set(os.getgroups()) & {0}\n"
        "try: os.setuid(0)\nexcept PermissionError: print('for good')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "for good\n"
