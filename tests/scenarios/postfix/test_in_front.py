"""Postfix in front of the service, exactly as ``deploy/postfix`` has it: mail in, mail out, and what goes wrong."""

import contextlib
import json
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.eventually import eventually
from tests.support.free_ports import free_ports
from tests.support.inboxes import inbox
from tests.support.postfix import FrontPostfix, Postfix, postfix
from tests.support.service import DOMAIN, PASSWORD, Service

pytestmark = [pytest.mark.engine, pytest.mark.slow]
STRANGER = "127.0.0.9"
TEXT = "From: Karl <karl@there.example>\r\nTo: somebody\r\nSubject: {subject}\r\n\r\n{body}\r\n"


@dataclass
class Deployment:
    world: Postfix  # another company's server
    front: Postfix
    service: Service

    def from_the_world(self) -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.front.port, source_address=(STRANGER, 0))
        client.starttls(context=ssl.create_default_context(cafile=str(self.front.ca_file)))
        return client

    def submit(self, sender: str, recipient: str, subject: str, *options: str) -> None:
        context = ssl.create_default_context(cafile=str(self.service.peer.ca_file))
        with smtplib.SMTP("localhost", self.service.peer.ports["submission"]) as client:
            client.starttls(context=context)
            client.login(sender, PASSWORD)
            text = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\r\nHello.\r\n"
            client.sendmail(sender, [recipient], text, rcpt_options=options)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("service")
    (lmtp,) = free_ports(1)
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(postfix("there.example"))
        changes = {
            "optimails_lmtp": f"inet:[localhost]:{lmtp}",
            "optimails_networks": "127.0.0.2/32",
            "lmtp_tls_CAfile": f"{folder}/tls/ca.pem",
            "transport_maps": f"inline:{{ {{ there.example = smtp:[localhost]:{world.port} }} }}",
            "smtp_tls_security_level": "secure",
            "smtp_tls_CAfile": str(world.ca_file),
        }
        front = stack.enter_context(postfix(DOMAIN, changes, FrontPostfix))
        world.reload(
            {
                "transport_maps": f"inline:{{ {{ {DOMAIN} = smtp:[localhost]:{front.port} }} }}",
                "smtp_host_lookup": "native",
                "smtp_tls_security_level": "secure",
                "smtp_tls_CAfile": str(front.ca_file),
            }
        )
        settings = f"""
[[listener]]
protocol = "lmtp"
address = "127.0.0.1:{lmtp}"
tls = "starttls"
[smtp]
xforward_networks = ["127.0.0.1/32"]
[outbound]
ca_file = "{front.ca_file}"
[[outbound_route]]
destinations = ["*"]
host = "localhost"
port = {front.port}
tls = "verified"
source_ipv4 = "127.0.0.2"
"""
        service = Service(folder, users=6, settings=settings)
        service.start()
        stack.callback(service.kill)
        yield Deployment(world, front, service)
        assert [line for line in front.logged().splitlines() if "warning:" in line or "fatal:" in line] == []


def test_mail_comes_in_and_the_service_knows_from_where(deployment: Deployment) -> None:
    one, other = deployment.service.peer.fresh_user(), deployment.service.peer.fresh_user()
    with deployment.from_the_world() as client:
        text = TEXT.format(subject="hello", body="Hello.\r\n.dot")
        client.sendmail("karl@there.example", [one.address, other.address], text)
    for user in (one, other):
        (message,) = eventually(lambda user=user: inbox(deployment.service, user))
        assert message.startswith(b"Return-Path: <karl@there.example>\r\n")
        assert b"with LMTPS id" in message
        assert b"using TLSv1.3" in message
        assert message.endswith(b"\r\n\r\nHello.\r\n.dot\r\n")
    assert "Verified TLS connection established to localhost" in deployment.front.logged()
    logged = [json.loads(line) for line in deployment.service.log.read_text().splitlines()]
    assert {line["client"] for line in logged if line["event"] == "message"} == {STRANGER}


def test_a_large_message_comes_in(deployment: Deployment) -> None:
    user = deployment.service.peer.fresh_user()
    body = "\r\n".join(f"line {number:07d} of many" for number in range(700_000))
    with deployment.from_the_world() as client:
        client.sendmail("karl@there.example", [user.address], TEXT.format(subject="large", body=body))
    (message,) = eventually(lambda: inbox(deployment.service, user))
    assert message.endswith(b"\r\n\r\n" + body.encode() + b"\r\n")


def test_strangers_and_unknown_recipients_are_refused_at_once(deployment: Deployment) -> None:
    with deployment.from_the_world() as client:
        client.ehlo("there.example")
        client.mail("karl@there.example")
        code, text = client.rcpt(f"nobody@{DOMAIN}")
        assert (code, text[:5]) == (550, b"5.1.1")
        code, text = client.rcpt("bob@there.example")
        assert (code, text[:5]) == (554, b"5.7.1")


def test_what_users_send_leaves_through_it_and_what_fails_comes_back(deployment: Deployment) -> None:
    user = deployment.service.peer.fresh_user()
    deployment.submit(user.login, "bob@there.example", "out")
    (message,) = deployment.world.received("bob", 1)
    assert b"Subject: out\n" in message
    assert message.count(b"using TLSv1.3") == 2  # from the service to Postfix, and on from there
    assert deployment.front.logged().count("Verified TLS connection established to localhost") >= 1
    deployment.submit(user.login, "nobody@there.example", "lost")
    (report,) = eventually(lambda: inbox(deployment.service, user))
    assert b"Return-Path: <>\r\n" in report
    assert b"report-type=delivery-status" in report
    assert b"Final-Recipient: rfc822; nobody@there.example\r\n" in report
    assert b"Action: failed\r\n" in report


def test_a_sender_hears_of_success_when_asked(deployment: Deployment) -> None:
    user = deployment.service.peer.fresh_user()
    deployment.submit(user.login, "bob@there.example", "out", "NOTIFY=SUCCESS", "ORCPT=rfc822;robert@there.example")
    (report,) = eventually(lambda: inbox(deployment.service, user))
    assert b"Original-Recipient: rfc822;robert@there.example\r\n" in report
    assert b"Action: delivered\r\n" in report
