"""Content for BINARY (RFC 3516) and for search."""

import base64

import pytest

from optimails.mime import binary_size, decode_part, html_text, parse, text
from optimails.model.errors import Reason, Refused


def message_of(encoding, body, content_type=b"text/plain; charset=utf-8"):
    return b"Content-Type: " + content_type + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        (b"7bit", b"a=20b\r\n", b"a=20b\r\n"),
        (b"8BIT", "é".encode(), "é".encode()),
        (b"binary", b"\x00\xff", b"\x00\xff"),
        (b"base64", b"YWJj\r\nZGVm\r\n", b"abcdef"),
        (b"BASE64 (comment)", b"YWJj", b"abc"),
        (b"base64", b"YWJjZA", b"abcd"),
        (b"base64", b"YWJjZ", b"abc"),
        (b"base64", b"YW!J\xffj", b"abc"),
        (b"base64", b"", b""),
        (b"quoted-printable", b"caf=C3=A9=\r\n soft\r\n", "café soft\r\n".encode()),
        (b"quoted-printable", b"a=ZZ =", b"a=ZZ "),
    ],
)
def test_decode_part(encoding, body, content):
    message = message_of(encoding, body)
    part = parse(message)
    assert decode_part(message, part) == content
    assert binary_size(message, part) == len(content)


def test_unknown_encoding_is_refused():
    message = message_of(b"x-uuencode", b"begin 644 a\r\n")
    with pytest.raises(Refused) as refused:
        decode_part(message, parse(message))
    assert refused.value.reason is Reason.UNKNOWN_CTE
    with pytest.raises(Refused):
        binary_size(message, parse(message))


def test_encoding_of_a_container_is_not_applied():
    message = message_of(b"base64", b"--b\r\n\r\nx\r\n--b--", b"multipart/mixed; boundary=b")
    assert decode_part(message, parse(message)) == b"--b\r\n\r\nx\r\n--b--"


MIXED = (
    b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"caf=E9\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes("<p>Stra<b>ß</b>e&nbsp;&amp; mehr</p>".encode())
    + b'--b\r\nContent-Type: image/png; name="=?utf-8?Q?sch=C3=A9ma?=.png"\r\n\r\nhidden\r\n'
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?Q?tr=C3=A8s?=\r\n\r\ninner words\r\n--b--\r\n"
)  # fmt: skip


def test_text_of_all_parts():
    assert list(text(MIXED, 10_000)) == ["café", "Straße & mehr", "schéma.png", "très", "inner words"]


def test_text_stops_at_the_limit():
    message = message_of(b"base64", base64.encodebytes(b"word " * 10_000))
    assert "".join(text(message, 1000)) == "word " * 200
    assert list(text(MIXED, 3)) == ["caf"]
    assert list(text(MIXED, 0)) == []


@pytest.mark.parametrize(
    ("charset", "body", "shown"),
    [
        (b"utf-8", b"caf\xe9", "caf\ufffd"),
        (b"us-ascii", "café".encode(), "café"),
        (b"us-ascii", b"caf\xe9", "café"),
        (b"nonsense", b"caf\xe9", "café"),
        (b"idna", b"caf\xe9", "café"),
        (b"utf-16", b"\xff\xfeh\x00i\x00", "hi"),
        (b"utf-7", b"caf+AOk-", "café"),
        (b"gb2312", b"\xd6\xd0\xff", "中\ufffd"),
        (b"iso-8859-1", b"\x81\xe9", "\x81é"),
    ],
)
def test_charsets(charset, body, shown):
    assert list(text(message_of(b"8bit", body, b"text/plain; charset=" + charset), 100)) == [shown]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("mat<b>ch</b>ing", "matching"),
        ("one<br>two<BR/>three", "one two three"),
        ("<style>p { x }</style>a<script>if (a<b) '</p>'</script>b", "a b"),
        ("a<!-- <p>hidden</p> -->b", "ab"),
        ("a<!-- never closed <p>b", "a"),
        ("1 < 2 &amp;&lt;&#233;&#xe9;&eacute; &bogus;", "1 < 2 &<ééé &bogus;"),
        ("&#99999999999999999999;&#" + "9" * 5000 + ";", "&#99999999999999999999;&#" + "9" * 5000 + ";"),
        ("<!DOCTYPE html><html><body> a \r\n b </body>", "a b"),
        ("a <p", "a"),
        ("", ""),
    ],
)
def test_html(source, shown):
    assert html_text(source) == shown
