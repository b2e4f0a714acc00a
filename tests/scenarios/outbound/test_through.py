"""What a user submits leaves the running service: through the queue, signed, over TLS, to a real Postfix."""

import smtplib
import ssl
from collections.abc import Iterator

import dkim
import pytest

from optimails.dkim import KeyStore
from tests.support.postfix import Postfix, postfix
from tests.support.service import DOMAIN, PASSWORD, Service


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Postfix]:
    with postfix("there.example") as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, neighbour: Postfix) -> Iterator[Service]:
    settings = f"""
[outbound]
ca_file = "{neighbour.ca_file}"
[[outbound_route]]
destinations = ["there.example"]
host = "localhost"
port = {neighbour.port}
tls = "verified"
"""
    made = Service(tmp_path_factory.mktemp("service"), users=2, settings=settings)
    KeyStore(made.data / "dkim").make(DOMAIN)
    made.start()
    yield made
    made.kill()


@pytest.mark.engine
def test_submitted_mail_arrives_signed(service: Service, neighbour: Postfix) -> None:
    user = service.peer.users[0]
    bodies = ["Short.\r\n..dots\r\n.\r\n", "Long line after line.\r\n" * 40_000, ""]
    context = ssl.create_default_context(cafile=str(service.peer.ca_file))
    with smtplib.SMTP("localhost", service.peer.ports["submission"]) as client:
        client.starttls(context=context)
        client.login(user.login, PASSWORD)
        for number, body in enumerate(bodies):
            text = f"From: Ann <{user.address}>\r\nTo: bob@there.example\r\nSubject: number {number}\r\n\r\n{body}"
            client.sendmail(user.address, ["bob@there.example"], text)
    keys = KeyStore(service.data / "dkim").active(DOMAIN)
    records = {f"{key.selector}._domainkey.{DOMAIN}.".encode(): key.record.encode() for key in keys}
    got = neighbour.received("bob", len(bodies))
    assert len(got) == len(bodies)
    for message in got:
        assert b"using TLSv1.3" in message
        checker = dkim.DKIM(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        for index in range(2):
            assert checker.verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name))
