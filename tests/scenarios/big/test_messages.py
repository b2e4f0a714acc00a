"""Mails of 50 MB, a header line of 1 MB, ten thousand MIME parts: taken in, and given back byte by byte."""

import base64
import poplib
import random
import smtplib
import ssl

import pytest

from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer

MEGABYTE = 1024 * 1024


def fifty_megabytes() -> bytes:
    head = b"From: a@example.org\r\nSubject: big\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
    head += b"Content-Transfer-Encoding: base64\r\n\r\n"
    block = base64.encodebytes(random.Random(50).randbytes(MEGABYTE)).replace(b"\n", b"\r\n")
    return head + block * (50 * MEGABYTE // len(block) + 1)


@pytest.fixture(scope="module")
def big() -> bytes:
    content = fifty_megabytes()
    assert len(content) >= 50 * MEGABYTE
    return content


def deliver(smtp: smtplib.SMTP, user: MailUser, content: bytes) -> None:
    assert (
        smtp.sendmail("a@example.org" if isinstance(smtp, smtplib.LMTP) else user.address, user.address, content) == {}
    )


def trusting(peer: Peer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=peer.ca_file)


@pytest.mark.parametrize("way", ["append", "lmtp", "smtp", "submission"])
@pytest.mark.timeout(240)
def test_fifty_megabytes(peer: Peer, user: MailUser, control: Control, big: bytes, way: str) -> None:
    if way == "append":
        control.append("INBOX", big)
    else:
        kind = smtplib.LMTP if way == "lmtp" else smtplib.SMTP
        with kind("127.0.0.1", peer.ports[way], timeout=120) as smtp:
            if way == "submission":
                smtp._host = peer.host  # the name in the certificate
                smtp.starttls(context=trusting(peer))
                smtp.login(user.login, user.password)
                big = big.replace(b"a@example.org", user.address.encode(), 1)
            deliver(smtp, user, big)
    (whole,) = control.contents()
    assert whole.endswith(big)
    assert len(whole) < len(big) + 5_000
    # In pieces, as phones fetch it.
    control.select("INBOX", read_only=True)
    for start, length in ((0, 100_000), (25_000_000, 1_000_000), (len(whole) - 10, 1_000)):
        part = control.ok(control.imap.fetch("1", f"(BODY.PEEK[]<{start}.{length}>)"))[0][1]
        assert part == whole[start : start + length]
    if way in ("append", "lmtp"):
        pop = poplib.POP3_SSL(peer.host, peer.ports["pop3s"], timeout=120, context=trusting(peer))
        pop.user(user.login)
        pop.pass_(user.password)
        assert pop.stat() == (1, len(whole))
        assert b"".join(line + b"\r\n" for line in pop.retr(1)[1]) == whole
        pop.quit()


@pytest.mark.parametrize("way", ["append", "lmtp"])
def test_what_is_larger_than_allowed_is_refused_before_it_is_sent(
    peer: Peer, user: MailUser, control: Control, way: str
) -> None:
    if way == "append":
        limit = int(next(word for word in _capabilities(control) if word.startswith("APPENDLIMIT=")).split("=")[1])
        control.imap.send(b"zz APPEND INBOX {%d}\r\n" % (limit + 1))
        line = control.imap.readline()
        assert line.startswith(b"zz NO [TOOBIG]"), line
    else:
        with smtplib.LMTP("127.0.0.1", peer.ports["lmtp"], timeout=60) as lmtp:
            lmtp.ehlo()
            code, text = lmtp.mail("a@example.org", [f"SIZE={int(lmtp.esmtp_features['size']) + 1}"])
            assert code == 552, text
            assert text.startswith(b"5.3.4")
    assert control.contents() == []


def _capabilities(control: Control) -> list[str]:
    return control.ok(control.imap.capability())[0].decode().split()


@pytest.mark.parametrize("way", ["append", "lmtp"])
def test_header_line_of_a_megabyte(peer: Peer, user: MailUser, control: Control, way: str) -> None:
    content = b"From: a@example.org\r\nX-Long: %b\r\nSubject: after the long line\r\n\r\nbody\r\n" % (b"y" * MEGABYTE)
    if way == "append":
        control.append("INBOX", content)
    else:
        with smtplib.LMTP("127.0.0.1", peer.ports["lmtp"], timeout=60) as lmtp:
            deliver(lmtp, user, content)
    (whole,) = control.contents()
    assert whole.endswith(content)
    control.select("INBOX", read_only=True)
    fetched = control.ok(control.imap.fetch("1", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    assert fetched[0][1] == b"Subject: after the long line\r\n\r\n"


def test_ten_thousand_parts(control: Control) -> None:
    parts = b"".join(
        b"--b\r\nContent-Type: text/plain; name=part%d\r\n\r\ntext of part %d\r\n" % (number, number)
        for number in range(10_000)
    )
    head = b"From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
    head += b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    content = head + parts + b"--b--\r\n"
    control.append("INBOX", content)
    assert control.contents() == [content]
    structure = b" ".join(
        part if isinstance(part, bytes) else b" ".join(part)
        for part in control.ok(control.imap.fetch("1", "(BODYSTRUCTURE)"))
    )
    assert structure.upper().count(b'"TEXT" "PLAIN"') > 0
    first = control.ok(control.imap.fetch("1", "(BODY.PEEK[1] BODY.PEEK[2.MIME])"))
    assert first[0][1] == b"text of part 0"
    assert b"name=part1\r\n" in first[1][1]


def test_nested_a_thousand_times(control: Control) -> None:
    head = b"From: a@example.org\r\nSubject: nested\r\nMIME-Version: 1.0\r\n"
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(1_000)
    )
    content = head + opening + b"Content-Type: text/plain\r\n\r\nat the bottom\r\n"
    control.append("INBOX", content)
    assert control.contents() == [content]
    assert control.ok(control.imap.fetch("1", "(BODYSTRUCTURE ENVELOPE)"))
