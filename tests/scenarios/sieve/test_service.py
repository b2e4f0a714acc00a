"""The running service: scripts come by ManageSieve over TLS, and decide what becomes of mail that comes by LMTP."""

import contextlib
import imaplib
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.free_ports import free_ports
from tests.support.service import PASSWORD, Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, int]]:
    (port,) = free_ports(1)
    listener = f'\n[[listener]]\nprotocol = "managesieve"\naddress = "127.0.0.1:{port}"\ntls = "starttls"\n'
    service = Service(tmp_path_factory.mktemp("sieve"), users=4, settings=listener)
    service.start()
    try:
        yield service, port
    finally:
        service.stop()


class Client:
    """A ManageSieve client of a few lines."""

    def __init__(self, service: Service, port: int, user: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")
        assert b'"STARTTLS"' in self.answer()
        assert self.ask(b"STARTTLS").startswith(b"OK")
        context = ssl.create_default_context(cafile=service.peer.ca_file)
        self.socket = context.wrap_socket(self.socket, server_hostname=service.peer.host)
        self.file = self.socket.makefile("rb")
        assert b'"STARTTLS"' not in self.answer()
        import base64

        token = base64.b64encode(f"\0{user}\0{PASSWORD}".encode())
        assert self.ask(b'AUTHENTICATE "PLAIN" "%b"' % token).startswith(b"OK")

    def answer(self) -> bytes:
        lines = []
        while True:
            line = self.file.readline()
            assert line, b"".join(lines)
            lines.append(line)
            if line.split()[0] in (b"OK", b"NO", b"BYE"):
                return b"".join(lines)

    def ask(self, line: bytes) -> bytes:
        self.socket.sendall(line + b"\r\n")
        return self.answer()

    def put(self, name: bytes, script: bytes) -> bytes:
        return self.ask(b'PUTSCRIPT "%b" {%d+}\r\n%b' % (name, len(script), script))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(b"LOGOUT\r\n")
        self.file.close()
        self.socket.close()


def send(service: Service, user: str, sender: str = "user03@example.org") -> None:
    with smtplib.LMTP("127.0.0.1", service.peer.ports["lmtp"]) as lmtp:
        text = f"From: {sender}\r\nTo: {user}\r\nSubject: Sorted\r\n\r\nText\r\n"
        assert lmtp.sendmail(sender, [user], text) == {}


def count(service: Service, user: str, mailbox: str) -> int:
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    with imaplib.IMAP4_SSL(service.peer.host, service.peer.ports["imaps"], ssl_context=context) as imap:
        imap.login(user, PASSWORD)
        status, (number,) = imap.select(mailbox, readonly=True)
        assert status == "OK", number
        return int(number)


def test_a_script_sorts_mail(service: tuple[Service, int]) -> None:
    running, port = service
    user = running.peer.users[0].address
    client = Client(running, port, user)
    script = (
        b'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "sort" { fileinto :create "By/Sieve"; }\r\n'
    )
    assert client.put(b"main", script).startswith(b"OK")
    send(running, user)
    assert count(running, user, "INBOX") == 1
    assert client.ask(b'SETACTIVE "main"').startswith(b"OK")
    for _ in range(4):  # whichever worker has it
        send(running, user)
    assert count(running, user, '"By/Sieve"') == 4
    assert client.put(b"main", b"keep;").startswith(b"OK")
    send(running, user)
    assert count(running, user, "INBOX") == 2
    client.close()


def test_a_vacation_between_users(service: tuple[Service, int]) -> None:
    running, port = service
    user, friend = running.peer.users[1].address, running.peer.users[2].address
    client = Client(running, port, user)
    assert client.put(b"away", b'require "vacation"; vacation "Away";').startswith(b"OK")
    assert client.ask(b'SETACTIVE "away"').startswith(b"OK")
    for _ in range(3):
        send(running, user, sender=friend)
    assert count(running, user, "INBOX") == 3
    assert count(running, friend, "INBOX") == 1
    client.close()


@pytest.mark.engine
@pytest.mark.skipif(shutil.which("sieve-connect") is None, reason="sieve-connect is not installed")
def test_sieve_connect(service: tuple[Service, int], tmp_path: Path) -> None:
    running, port = service
    user = running.peer.users[3].address
    (tmp_path / "mine.sieve").write_text("discard;\n")

    def connect(*arguments: str) -> str:
        command = ["sieve-connect", "--server", running.peer.host, "--port", str(port), "--user", user]
        command += ["--tlscafile", str(running.peer.ca_file), "--passwordfd", "0", *arguments]
        done = subprocess.run(
            command,
            input=PASSWORD + "\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    connect("--localsieve", "mine.sieve", "--remotesieve", "mine", "--upload")
    connect("--remotesieve", "mine", "--activate")
    assert "mine" in connect("--list")
    (tmp_path / "mine.sieve").unlink()
    connect("--remotesieve", "mine", "--localsieve", "back.sieve", "--download")
    assert (tmp_path / "back.sieve").read_text().splitlines() == ["discard;"]
    send(running, user)
    assert count(running, user, "INBOX") == 0
