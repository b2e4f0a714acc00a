"""A binary message goes in by submission, is signed, and reaches mailboxes here and on another server, byte for byte.

``OPTIMAILS_BINARY`` is the size of its attachment in bytes.
"""

import email
import email.policy
import os
import random
import smtplib
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest

from optimails.dkim.keys import KeyStore
from tests.scenarios.queue.conftest import Pair
from tests.scenarios.queue.test_two_servers import inbox
from tests.support.eventually import eventually

SIZE = int(os.environ.get("OPTIMAILS_BINARY", "2000000"))
CHUNK = 700_001  # bytes in a BDAT; no multiple of anything
LIMITS = f"""
[smtp]
max_message_size = {3 * SIZE + 1_000_000}
"""
ATTACHMENT = bytes(range(256)) + b"\r\n.\r\n\r\n--b\r\n\n\r\0" + random.Random(1).randbytes(SIZE)
MESSAGE = (
    b"From: user00@sender.test\r\nTo: user00@example.org\r\nSubject: binary\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=outside\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"--outside\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nVoil\xc3\xa0.\r\n"
    b"--outside\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    + ATTACHMENT
    + b"\r\n--outside--\r\n"
)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path, LIMITS, LIMITS)
    try:
        pair.there.start()
        pair.here.start()
        yield pair
    finally:
        pair.here.stop()
        pair.there.stop()


def expect(answer: tuple[int, bytes], code: int = 250) -> None:
    assert answer[0] == code, answer


def send(smtp: smtplib.SMTP, sender: str, *recipients: str) -> None:
    smtp.ehlo()
    assert smtp.has_extn("BINARYMIME")
    expect(smtp.docmd("MAIL", f"FROM:<{sender}> BODY=BINARYMIME SIZE={len(MESSAGE)}"))
    for one in recipients:
        expect(smtp.docmd("RCPT", f"TO:<{one}>"))
    for start in range(0, len(MESSAGE), CHUNK):
        chunk = MESSAGE[start : start + CHUNK]
        smtp.send(b"BDAT %d%b\r\n" % (len(chunk), b" LAST" if start + CHUNK >= len(MESSAGE) else b""))
        smtp.send(chunk)
        expect(smtp.getreply())


@pytest.mark.slow
def test_a_binary_message_is_signed_and_arrives_whole(pair: Pair) -> None:
    keys = KeyStore(pair.here.data / "dkim").make("sender.test")
    records = {f"{key.selector}._domainkey.sender.test.".encode(): key.record.encode() for key in keys}
    with pair.submission() as smtp:
        smtp.timeout = 120
        send(smtp, pair.sender, pair.sender, "user00@example.org")
    (away,) = eventually(lambda: inbox(pair.there, "user00@example.org"), limit=120)
    (home,) = inbox(pair.here, pair.sender)
    for got in (home, away):
        assert b"\0" not in got
        text, attachment = email.message_from_bytes(got, policy=email.policy.SMTP).iter_parts()  # type: ignore[attr-defined]
        assert text.get_content() == "Voilà."
        assert attachment["Content-Transfer-Encoding"] == "base64"
        assert attachment.get_content() == ATTACHMENT
    for number in range(len(keys)):
        assert dkim.DKIM(away).verify(idx=number, dnsfunc=lambda name, **_: records[name])
