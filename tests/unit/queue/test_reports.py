"""Reports to senders: whole structures as a mail program reads them (RFC 3464, RFC 6522)."""

import email
from email.policy import default

from optimails.model.address import EmailAddress
from optimails.queue.api import Report, Reported, Ret
from optimails.queue.reports import build
from tests.support.queues import START

HEADER = b"From: a@here.test\r\nSubject: hello\r\n"


def told(address: str, action: str = "failed", **more: object) -> Reported:
    facts = {"orcpt": "", "status": "5.1.1", "reply": "550 5.1.1 No such user", "remote": "mx.there.test"} | more
    return Reported(EmailAddress.parse(address), action=action, attempted=START, expires=START + 86_400, **facts)  # type: ignore[arg-type]


def report(*recipients: Reported, sender: str = "a@here.test") -> Report:
    return Report("m1", EmailAddress.parse(sender), "QQ+2B1", Ret.HEADERS, START, False, recipients)


def parsed(report_: Report, content: bytes = HEADER, *, whole: bool = False, language: str = "en"):
    raw = build(report_, content, whole=whole, hostname="mail.here.test", language=language, now=START)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return email.message_from_bytes(raw, policy=default)


def test_three_parts_for_people_machines_and_memory() -> None:
    message = parsed(report(told("x@there.test", orcpt="rfc822;y+2Bz@alias.test")))
    assert message.get_content_type() == "multipart/report"
    assert message["Content-Type"].params["report-type"] == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    human, machine, original = message.iter_parts()
    assert "x@there.test" in human.get_content()
    assert "No such user" in human.get_content()
    per_message, per_recipient = machine.get_payload()
    assert per_message["Reporting-MTA"] == "dns; mail.here.test"
    assert per_message["Original-Envelope-Id"] == "QQ+1"
    assert per_recipient["Original-Recipient"] == "rfc822; y+z@alias.test"
    assert per_recipient["Final-Recipient"] == "rfc822; x@there.test"
    assert per_recipient["Action"] == "failed"
    assert per_recipient["Status"] == "5.1.1"
    assert per_recipient["Remote-MTA"] == "dns; mx.there.test"
    assert per_recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 No such user"
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: hello" in original.get_content()


def test_the_whole_message_comes_back_when_it_is_given() -> None:
    message = parsed(report(told("x@there.test")), HEADER + b"\r\nthe text, \xc3\xa9\r\n", whole=True)
    original = list(message.iter_parts())[2]
    assert original.get_content_type() == "message/rfc822"
    assert original.get_content()["Subject"] == "hello"


def test_in_french_with_failed_and_late_recipients() -> None:
    late = told("y@there.test", "delayed", status="4.2.0", reply="450 4.2.0 Later")
    message = parsed(report(told("x@there.test"), late), language="fr")
    assert message["Subject"] == "Votre message n\u2019a pas été remis"
    human, machine, _ = message.iter_parts()
    assert "pas encore pu être remis" in human.get_content()
    assert [one["Action"] for one in machine.get_payload()[1:]] == ["failed", "delayed"]
    assert machine.get_payload()[2]["Will-Retry-Until"]


def test_what_servers_say_cannot_add_lines() -> None:
    nasty = told(
        "x@there.test",
        reply="550 no\r\nInjected: yes\r\n\r\n--x",
        remote="mx\r\nEvil: 1",
        orcpt="rfc822;a+0D+0AEvil: 2",
    )
    raw = build(report(nasty), HEADER, whole=False, hostname="h", language="en", now=START)
    assert b"\r\nInjected" not in raw
    assert b"\r\nEvil" not in raw


def test_an_address_beyond_ascii_is_written_in_ascii_for_machines() -> None:
    raw = build(report(told("zoé@there.test")), HEADER, whole=False, hostname="h", language="en", now=START)
    assert b"Final-Recipient: utf-8; zo\\x{E9}@there.test" in raw
