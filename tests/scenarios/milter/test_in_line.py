"""Real filters stand in line with the real service: rspamd over TCP, OpenDKIM over a Unix socket."""

import re
import smtplib
import ssl
import time
from collections.abc import Iterator

import dkim
import pytest

from tests.support.inboxes import inbox
from tests.support.opendkim import SELECTOR, OpenDkim, opendkim
from tests.support.peer import MailUser
from tests.support.programs import need, run
from tests.support.rspamd import GTUBE, Rspamd, rspamd
from tests.support.service import DOMAIN, PASSWORD, Service

pytestmark = pytest.mark.engine
HEAD = b"From: karl@example.com\r\nTo: you@example.org\r\nSubject: %b\r\nX-Forged: yes\r\n\r\n"


@pytest.fixture(scope="module")
def spam_filter() -> Iterator[Rspamd]:
    with rspamd() as server:
        yield server


@pytest.fixture(scope="module")
def signer() -> Iterator[OpenDkim]:
    with opendkim(DOMAIN) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, spam_filter: Rspamd, signer: OpenDkim) -> Iterator[Service]:
    settings = f"""
[smtp]
xclient_networks = ["127.0.0.1/32"]
[dns]
nameservers = ["127.0.0.1:9"]
timeout = 0.1
lifetime = 0.2
[[milter]]
name = "rspamd"
address = "{spam_filter.address}"
protocols = ["smtp", "submission", "lmtp"]
[[milter]]
name = "opendkim"
address = "{signer.address}"
protocols = ["submission"]
"""
    made = Service(tmp_path_factory.mktemp("service"), users=6, settings=settings)
    made.start()
    yield made
    made.kill()


def send(service: Service, user: MailUser, content: bytes, door: str = "smtp") -> None:
    kind = smtplib.LMTP if door == "lmtp" else smtplib.SMTP
    with kind("localhost", service.peer.ports[door]) as client:
        client.sendmail("karl@example.com", [user.address], content)


def test_rspamd_refuses_gtube_and_marks_the_rest(service: Service) -> None:
    user = service.peer.fresh_user()
    for door in ("smtp", "lmtp"):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(service, user, HEAD % b"offer" + GTUBE + b"\r\n", door)
        assert refused.value.smtp_code == 554
        assert b"Gtube" in refused.value.smtp_error
    assert not inbox(service, user)
    send(service, user, HEAD % b"hello" + b"hello\r\n")
    send(service, user, HEAD % b"suspicious" + b"hello\r\n", "lmtp")
    good, doubtful = inbox(service, user)
    for message in (good, doubtful):
        assert b"\r\nX-Seen-By-Rspamd: - from 127.0.0.1, karl@example.com, no TLS\r\n" in message
        assert b"X-Forged" not in message
        assert message.endswith(b"\r\n\r\nhello\r\n")
    assert b"\r\nX-Spam: Yes\r\n" in doubtful
    assert b"X-Spam: Yes" not in good


def test_filters_and_trace_see_the_client_behind_a_trusted_server(service: Service) -> None:
    user = service.peer.fresh_user()
    door = ("--server", "localhost", "--port", str(service.peer.ports["smtp"]), "--ehlo", "proxy.test")
    client = ("--xclient", "NAME=client.example ADDR=192.0.2.9 PROTO=ESMTP HELO=client.example")
    said = run(need("swaks"), *door, *client, "--from", "karl@example.com", "--to", user.address).stdout
    assert b"-> XCLIENT NAME=client.example " in said
    (message,) = inbox(service, user)
    assert b"Received: from client.example ([192.0.2.9])\r\n" in message
    assert b"X-Seen-By-Rspamd: - from 192.0.2.9, karl@example.com, no TLS\r\n" in message


def test_rspamd_sees_a_large_message_whole(service: Service) -> None:
    user = service.peer.fresh_user()
    lines = b"".join(b"line %07d of many\r\n" % number for number in range(300_000))
    send(service, user, HEAD % b"large" + lines)
    (message,) = inbox(service, user)
    assert message.endswith(b"\r\n\r\n" + lines)
    with pytest.raises(smtplib.SMTPDataError):
        send(service, user, HEAD % b"large" + lines + b"the forbidden last line\r\n")


def test_opendkim_signs_what_is_submitted_and_rspamd_knows_who(service: Service, signer: OpenDkim) -> None:
    user = service.peer.fresh_user()
    context = ssl.create_default_context(cafile=str(service.peer.ca_file))
    with smtplib.SMTP("localhost", service.peer.ports["submission"]) as client:
        client.starttls(context=context)
        client.login(user.login, PASSWORD)
        text = f"From: Ann <{user.address}>\r\nTo: {user.address}\r\nSubject: to\r\n  be signed\r\n\r\n.dots\r\n\r\n"
        client.sendmail(user.address, [user.address], text)
    (message,) = inbox(service, user)
    assert b"X-Seen-By-Rspamd: %b from 127.0.0.1, %b, TLSv1.3\r\n" % ((user.address.encode(),) * 2) in message
    name = f"{SELECTOR}._domainkey.{DOMAIN}.".encode()
    assert dkim.DKIM(message).verify(dnsfunc=lambda asked, timeout=5: signer.record if asked == name else None)
    signed = re.search(rb"[; ]h=([^;]+);", message.replace(b"\r\n\t", b""))
    assert signed is not None
    assert {b"Date", b"Subject", b"From"} <= set(signed[1].replace(b" ", b"").split(b":"))


def test_while_a_filter_is_away_mail_is_put_off_and_then_taken(service: Service, spam_filter: Rspamd) -> None:
    user = service.peer.fresh_user()
    spam_filter.stop()
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(service, user, HEAD % b"hello" + b"hello\r\n")
    assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (451, b"4.7.1")
    spam_filter.folder.joinpath("modules").rmdir()
    spam_filter.start()
    until = time.monotonic() + 20
    while not inbox(service, user):
        assert time.monotonic() < until
        send(service, user, HEAD % b"hello" + b"hello\r\n")
    assert service.times_logged("milter_failed") == 1
