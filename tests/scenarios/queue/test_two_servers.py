"""Submission here, queue, courier, and the mailbox of another server: ours, over TLS."""

import imaplib
import smtplib
import ssl

import pytest

from tests.scenarios.queue.conftest import Pair
from tests.support.eventually import eventually
from tests.support.service import PASSWORD, Service


def inbox(service: Service, login: str) -> list[bytes]:
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    with imaplib.IMAP4_SSL(service.peer.host, service.peer.ports["imaps"], ssl_context=context, timeout=30) as imap:
        imap.login(login, PASSWORD)
        imap.select("INBOX", readonly=True)
        _, found = imap.search(None, "ALL")
        return [imap.fetch(number, "(BODY[])")[1][0][1] for number in found[0].split()]  # type: ignore[index,misc]


@pytest.mark.slow
def test_mail_arrives_and_what_is_refused_comes_back(pair: Pair) -> None:
    with pair.submission() as smtp:
        smtp.sendmail(
            pair.sender,
            ["user00@example.org", "nobody@example.org", pair.sender],
            f"From: {pair.sender}\r\nSubject: to two servers\r\n\r\nHello.\r\n.\r\nBye.\r\n",
        )
    assert eventually(lambda: len(inbox(pair.there, "user00@example.org")) == 1, limit=60), pair.here.output()
    message = inbox(pair.there, "user00@example.org")[0]
    assert b"Subject: to two servers" in message
    assert message.endswith(b"Hello.\r\n.\r\nBye.\r\n")
    assert pair.empty(), pair.waiting()
    assert eventually(lambda: len(inbox(pair.here, pair.sender)) == 2, limit=60), "a copy, and the report"
    report = next(one for one in inbox(pair.here, pair.sender) if b"multipart/report" in one)
    assert b"Final-Recipient: rfc822; nobody@example.org" in report
    assert b"Action: failed" in report
    assert b"5.1.1" in report


@pytest.mark.slow
def test_mail_waits_while_the_other_server_is_away(pair: Pair) -> None:
    pair.there.stop()
    with pair.submission() as smtp:
        smtp.sendmail(pair.sender, ["user00@example.org"], f"From: {pair.sender}\r\nSubject: patience\r\n\r\nx\r\n")
    assert eventually(lambda: [row["attempts"] for row in pair.waiting()] == [1], limit=60), pair.here.output()
    pair.here.stop()
    pair.here.start()
    pair.there.start()
    pair.here.optimails("queue", "flush", "--all")
    assert eventually(lambda: len(inbox(pair.there, "user00@example.org")) == 1, limit=60), pair.here.output()
    assert pair.empty()


@pytest.mark.slow
def test_strangers_are_not_relayed(pair: Pair) -> None:
    refused = pytest.raises(smtplib.SMTPRecipientsRefused)
    with smtplib.SMTP(pair.here.peer.host, pair.here.peer.ports["smtp"], timeout=30) as smtp, refused:
        smtp.sendmail("x@elsewhere.test", ["user00@example.org"], "Subject: spam\r\n\r\nx\r\n")
    assert pair.waiting() == []
