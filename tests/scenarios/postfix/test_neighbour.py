"""A Postfix of somebody else and the service exchange mail over verified TLS, both ways, with reports of success."""

import contextlib
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.dns_server import LocalDns
from tests.support.eventually import eventually
from tests.support.inboxes import inbox
from tests.support.postfix import Postfix, postfix
from tests.support.service import DOMAIN, Service

pytestmark = [pytest.mark.engine, pytest.mark.slow]
TEXT = "From: <bob@there.example>\r\nTo: somebody\r\nSubject: {subject}\r\n\r\n{body}\r\n"


@dataclass
class Neighbours:
    postfix: Postfix
    service: Service

    def send(self, recipients: list[str], subject: str, body: str = "Hello.", *options: str) -> None:
        """From bob, through his own server."""
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as client:
            text = TEXT.format(subject=subject, body=body)
            client.sendmail("bob@there.example", recipients, text, rcpt_options=options)

    def told(self, what: bytes) -> bytes:
        """The report that bob got."""
        folder = self.postfix.folder / "mail/bob/new"
        found = eventually(lambda: [text for file in folder.glob("*") if what in (text := file.read_bytes())])
        assert found, self.postfix.logged()
        return found[0]


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    with contextlib.ExitStack() as stack:
        neighbour = stack.enter_context(postfix("there.example"))
        settings = f"""
[outbound]
ca_file = "{neighbour.ca_file}"
[[outbound_route]]
destinations = ["there.example"]
host = "localhost"
port = {neighbour.port}
tls = "verified"
helo = "mx.example.org"
"""
        service = Service(tmp_path_factory.mktemp("service"), users=4, settings=settings)
        service.start()
        stack.callback(service.kill)
        zone = {(DOMAIN, "MX"): ["10 localhost."], ("localhost", "A"): ["127.0.0.1"]}
        names = stack.enter_context(_name_server(zone))
        neighbour.ask(names.host)
        neighbour.reload(
            {
                "myhostname": "mx.there.example",
                "smtp_tcp_port": str(service.peer.ports["smtp"]),
                "smtp_tls_security_level": "verify",
                "smtp_tls_CAfile": str(service.peer.ca_file),
                "smtp_tls_loglevel": "1",
            }
        )
        yield Neighbours(neighbour, service)


@contextlib.contextmanager
def _name_server(zone: dict[tuple[str, str], list[str]]) -> Iterator[LocalDns]:
    """On port 53, for Postfix knows no other; with an address of its own."""
    try:
        server = LocalDns(zone, place=("127.53.0.1", 53))
    except OSError as wrong:
        pytest.skip(f"no name server on port 53: {wrong.strerror}")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_it_sends_to_us(neighbours: Neighbours) -> None:
    user = neighbours.service.peer.fresh_user()
    lines = "\r\n".join(f".line {number:06d}" for number in range(200_000))
    neighbours.send([user.address], "small")
    neighbours.send([user.address], "large", lines)
    got = eventually(lambda: len(found := inbox(neighbours.service, user)) == 2 and found)
    assert got
    assert {message.split(b"\r\n\r\n", 1)[1] for message in got} == {b"Hello.\r\n", lines.encode() + b"\r\n"}
    assert all(b"with ESMTPS id" in message for message in got)
    assert "Verified TLS connection established to localhost" in neighbours.postfix.logged()


def test_who_is_unknown_here_comes_back_to_its_sender(neighbours: Neighbours) -> None:
    neighbours.send([f"nobody@{DOMAIN}"], "lost")
    report = neighbours.told(b"Action: failed\n")
    assert b"Diagnostic-Code: smtp; 550 5.1.1 " in report


def test_it_hears_of_our_success_and_we_of_its(neighbours: Neighbours) -> None:
    user = neighbours.service.peer.fresh_user()
    neighbours.send([user.address], "told", "Hello.", "NOTIFY=SUCCESS", f"ORCPT=rfc822;{user.address}")
    report = neighbours.told(b"Action: delivered\n")
    assert f"Final-Recipient: rfc822; {user.address}\n".encode() in report
    assert eventually(lambda: inbox(neighbours.service, user))
