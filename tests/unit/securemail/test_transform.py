import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry
from optimails.model.contact import Contact
from optimails.model.ids import AccountId
from securemail.ledger.ledger import Ledger
from securemail.policy.document import Policy
from securemail.transform.append import changes
from securemail.transform.outbound import Footers
from securemail.transform.templates import as_html, render

PLAIN, HTML = "Société Générale de Tests", "<b>Société</b> Générale de Tests"
HEAD = b"From: a@b.test\r\nSubject: hello\r\n"


def appended(message: bytes) -> bytes:
    for one in reversed(changes(message, PLAIN, HTML)):
        message = message[: one.start] + one.new + message[one.end :]
    return message


def texts(message: bytes) -> list[str]:
    parsed: Any = message_from_bytes(message, policy=policy.default)
    return [part.get_content() for part in parsed.walk() if part.get_content_maintype() == "text"]


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        (b"", b"Hello.\r\n", "Hello."),
        (b"", b"Hello.", "Hello."),
        (b"", b"", ""),
        (
            b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n",
            b"H\xe9las\r\n",
            "Hélas",
        ),
        (b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n", b"One \r\ntwo\r\n", "One \ntwo"),
        (b'Content-type: text/plain;\r\n charset="us-ascii"\r\n', b"x\r\n", "x"),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n", b"w6l0w6kK\r\n", "été"),
        (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            b"=C3=A9t=C3=A9 =\r\ncontinu\r\n",
            "été continu",
        ),
    ],
)
def test_a_plain_message_keeps_its_text_and_fields(fields: bytes, body: bytes, expected: str) -> None:
    done = appended(HEAD + fields + b"\r\n" + body)
    (text,) = texts(done)
    assert text.replace("\r\n", "\n").rstrip("\n") == f"{expected}\n\n{PLAIN}"
    assert done.startswith(HEAD)
    assert b"MIME-Version: 1.0\r\n" in done
    assert (b"format=flowed" in done) is (b"format=flowed" in fields)


def rich() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.test", "hello"
    mail.set_content("Bonjour à tous.\n")
    mail.add_alternative("<html><body><p>Bonjour à tous.</p></body></html>", subtype="html")
    mail.add_attachment(b"\x00\x01 data", maintype="application", subtype="octet-stream", filename="a.bin")
    mail.add_attachment("Not this one.\n", filename="b.txt")
    return mail


def test_both_alternatives_get_it_and_attachments_stay_byte_for_byte() -> None:
    before = rich().as_bytes(policy=policy.SMTP)
    after = appended(before)
    plain, html, attached = texts(after)
    assert plain.replace("\r\n", "\n") == f"Bonjour à tous.\n\n{PLAIN}\n"
    assert f"<p>Bonjour à tous.</p><div>{HTML}</div></body>" in html
    assert attached.splitlines() == ["Not this one."]
    start = before.index(b"application/octet-stream")
    assert before[start:] in after


@pytest.mark.parametrize(
    "message",
    [
        HEAD + b'Content-Type: multipart/signed; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n\r\nsig\r\n--b--\r\n',
        HEAD + b'Content-Type: multipart/encrypted; boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
        HEAD + b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMIIB\r\n",
        HEAD + b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nHello\r\n",
        HEAD + b"Content-Type: text/plain; charset=unknown-8bit-x\r\n\r\nhello\r\n",
        HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff\xfe\r\n",
        HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nhello\r\n",
        HEAD + b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n",
        HEAD + b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n",
    ],
)
def test_what_is_signed_encrypted_or_unclear_is_not_touched(message: bytes) -> None:
    assert appended(message) == message


def test_places_are_filled_escaped_and_lines_without_anything_left_out() -> None:
    template = "{name}\n{title}, {department}\nTel {phone}\nFax {fax}\n--"
    values = {"name": "Anna <Müller>", "title": "CEO", "phone": "+33 1\r\nBcc: x"}
    assert render(template, values) == "Anna <Müller>\nCEO, \nTel +33 1Bcc: x\n--"
    assert render("<b>{name}</b>", values, html=True) == "<b>Anna &lt;Müller&gt;</b>"
    assert as_html("a < b\nc") == "a &lt; b<br>\nc"
    with pytest.raises(ValidationError, match="there is no"):
        Policy.model_validate({"footer": [{"name": "x", "text": "{secret}"}]})


class Directory:
    async def company(self, domain: str, known: int) -> tuple[int, tuple[CompanyEntry, ...]]:
        del domain, known
        contact = Contact(title="Director", phone="+33 1 23")
        return 1, (CompanyEntry("1", "Anna", ("Anna@example.org",), contact=contact),)


def test_the_lowest_signature_and_all_notices_stand_under_mail_that_leaves(tmp_path: Path) -> None:
    anna = Account(
        AccountId("1"),
        EmailAddress.parse("anna@example.org"),
        "basic",
        AccountState.ACTIVE,
        Limits(None, None, 30),
        "Anna",
    )
    outside, inside = Resolution((), (EmailAddress.parse("x@y.test"),)), Resolution((anna,))

    async def work() -> tuple[Spool | None, Spool | None, Spool | None]:
        ledger = Ledger(tmp_path)
        footer = '[[footer]]\nname = "{}"\nkind = "{}"\ntext = "{}"\n'
        await ledger.policies.put("global", footer.format("legal", "notice", "Of the service"), "t")
        await ledger.policies.put("domain:example.org", footer.format("sig", "signature", "{name}, {title}"), "t")
        directory: Any = Directory()
        footers = Footers(ledger.policies, directory)
        mail = Spool.of(HEAD + b"\r\nHello.\r\n")
        first = await footers.under(anna, [outside, inside], mail)
        within = await footers.under(anna, [inside], mail)
        await ledger.policies.put("user:anna@example.org", footer.format("own", "signature", "{phone}"), "t")
        return first, within, await footers.under(anna, [outside], mail)

    first, within, own = asyncio.run(work())
    assert first is not None
    assert own is not None
    assert b"".join(first.pieces()).endswith(b"Hello.\r\n\r\nAnna, Director\r\n\r\nOf the service\r\n")
    assert b"".join(own.pieces()).endswith(b"Hello.\r\n\r\n+33 1 23\r\n\r\nOf the service\r\n")
    assert within is None


def test_a_large_message_is_rewritten_on_disk(tmp_path: Path) -> None:
    content = Spool(tmp_path, memory=1000)
    mail = rich()
    mail.add_attachment(b"z" * 500_000, maintype="application", subtype="octet-stream", filename="c.bin")
    content.write(mail.as_bytes(policy=policy.SMTP))
    from securemail.transform.outbound import _rewritten

    made = _rewritten(content, PLAIN, HTML)
    assert made is not None
    assert b"".join(made.pieces()) == appended(b"".join(content.pieces()))
