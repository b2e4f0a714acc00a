"""A service with a toy door: what is proved here are the processes, not the protocols."""

import socket
import ssl
import sys
from contextlib import closing
from pathlib import Path

import pytest

from optimails.supervisor.certificate import make_self_signed
from tests.support.free_ports import free_ports
from tests.support.supervised import Supervised

TOY = Path(__file__).with_name("toy_supervisor.py")


class Line:
    """A connection to the toy door."""

    def __init__(self, port, *, first=b"", tls=None):
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        if first:
            self._socket.sendall(first)
        if tls:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self.port = port
        self._file = self._socket.makefile("rb")
        hello = self._file.readline().split()
        self.pid = int(hello[0]) if hello else 0
        self.peer = hello[1].decode() if hello else ""

    def ask(self, text):
        self._socket.sendall(text.encode() + b"\n")
        return self.read()

    def read(self):
        return self._file.readline().decode().rstrip("\n")

    def close(self):
        self._file.close()
        self._socket.close()


class Toy:
    """The service, its folder and its ports."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "optimails.toml"
        self.plain, self.secure, self.proxied, self.extra, self.management = free_ports(5)
        make_self_signed(folder / "tls" / "certificate.pem", folder / "tls" / "key.pem", ["localhost"])
        self.write()
        self.service = Supervised((sys.executable, str(TOY), str(self.config)), folder / "log", self.management)
        self.lines = []

    def write(self, *, hostname="localhost", more="", drain=10, server=""):
        self.config.write_text(
            f"""
            [server]
            hostname = "{hostname}"
            workers = 2
            drain_timeout = {drain}
            jobs_interval = 1
            {server}
            [management]
            address = "127.0.0.1:{self.management}"
            minimum_free = 0
            [[listener]]
            protocol = "imap"
            address = "127.0.0.1:{self.plain}"
            [[listener]]
            protocol = "imap"
            address = "127.0.0.1:{self.secure}"
            tls = "implicit"
            [[listener]]
            protocol = "imap"
            address = "127.0.0.1:{self.proxied}"
            proxy_protocol = true
            proxies = ["127.0.0.0/8"]
            {more}
            """
        )

    def connect(self, port=None, **options):
        line = Line(port or self.plain, **options)
        self.lines.append(line)
        return line

    def client_tls(self):
        return ssl.create_default_context(cafile=self.folder / "tls" / "certificate.pem")

    def lines_to_both_workers(self):
        """One connection to each worker, by pid."""
        found = {}
        for _ in range(400):
            line = self.connect()
            found.setdefault(line.pid, line)
            if len(found) == 2:
                return found
        raise AssertionError(f"only {list(found)} accept")


@pytest.fixture
def toy(tmp_path):
    toy = Toy(tmp_path)
    with toy.service:
        yield toy
        for line in toy.lines:
            line.close()


@pytest.fixture(scope="module")
def steady_toy(tmp_path_factory):
    """One for the tests that leave it as it was."""
    toy = Toy(tmp_path_factory.mktemp("steady"))
    with toy.service:
        yield toy
        for line in toy.lines:
            line.close()


@pytest.fixture
def stopped_toy(tmp_path):
    toy = Toy(tmp_path)
    with closing(_Ender(toy)):
        yield toy


class _Ender:
    def __init__(self, toy):
        self._toy = toy

    def close(self):
        for line in self._toy.lines:
            line.close()
        self._toy.service.end()
