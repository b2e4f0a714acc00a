"""Messages with binary parts become mail that everybody can read, and nothing in them changes; the standard library's
email package is the other reader."""

import email
import email.policy
import tempfile
from pathlib import Path

import pytest

from optimails.delivery.spool import Spool
from optimails.mime.binary import without_binary
from optimails.model.errors import BadSyntax

OCTETS = bytes(range(256)) * 40
TOP = b'From: a@b.test\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n'


def leaves(message: bytes) -> list[bytes]:
    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    return [part.get_payload(decode=True) for part in parsed.walk() if not part.is_multipart()]


def part(body: bytes, encoding: bytes = b"binary", kind: bytes = b"application/octet-stream") -> bytes:
    return b"--=b\r\nContent-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n" % (kind, encoding, body)


def mixed(*parts: bytes, top: bytes = TOP) -> bytes:
    return top + b"\r\npreamble\r\n" + b"".join(parts) + b"--=b--\r\n"


def converted(message: bytes) -> bytes:
    return b"".join(without_binary(message))


def clean(message: bytes) -> bool:
    text = message.replace(b"\r\n", b"")
    return b"\r" not in text and b"\n" not in text and b"\0" not in message


@pytest.mark.parametrize("body", [b"", b"\n", b"\0", b"a\r", OCTETS, b"x" * 57, b"--=b is no line\n--=bc", b"\r\n" * 3])
def test_a_part_and_a_whole_message(body: bytes) -> None:
    found = converted(mixed(part(body), part(b"text\r\n", b"8bit", b"text/plain")))
    assert clean(found)
    assert leaves(found) == [body, b"text\r\n"]
    alone = b"Content-Type: image/png\r\nContent-Transfer-Encoding:\r\n binary\r\nX-After: 1\r\n\r\n" + body
    found = converted(alone)
    assert clean(found)
    assert leaves(found) == [body]
    assert b"binary" not in found
    assert b"X-After: 1\r\n" in found


def test_text_that_is_fit_stays_readable() -> None:
    text = "Un été\r\nplus tard".encode()
    found = converted(mixed(part(text, kind=b"text/plain; charset=utf-8")))
    assert text in found
    assert b"Content-Transfer-Encoding: 8bit\r\n" in found
    for body in (b"one\ntwo", b"a" * 999, b"nul\0", b"cr\rlf"):
        assert leaves(converted(mixed(part(body, kind=b"text/plain")))) == [body]


def test_composites_say_8bit() -> None:
    inner = b"Subject: inner\r\nContent-Transfer-Encoding: binary\r\nContent-Type: image/png\r\n\r\n" + OCTETS
    message = mixed(part(inner, kind=b"message/rfc822"), top=TOP + b"Content-Transfer-Encoding: binary\r\n")
    found = converted(message)
    assert clean(found)
    assert b"binary" not in found
    assert found.count(b"Content-Transfer-Encoding: 8bit") == 2
    assert leaves(found) == [OCTETS]


def test_other_encodings_and_line_ends_around() -> None:
    found = converted(mixed(part(b"=41=\r\n", b"quoted-printable", b"text/plain"), part(b"QQ==", b"base64")))
    assert leaves(found) == [b"A", b"A"]
    assert clean(converted(b"Subject: x\nX: y\rz\n\nbody\nmore\r"))
    assert leaves(converted(mixed(part(b"nul\0", b"7bit")))) == [b"nul\0"]


def test_signed_parts_are_not_broken() -> None:
    top = TOP.replace(b"multipart/mixed", b"multipart/signed")
    signature = part(OCTETS, kind=b"application/pkcs7-signature")
    signed = part(b"what is signed", b"7bit", b"text/plain")
    found = converted(mixed(signed, signature, top=top))
    assert signed in found
    assert leaves(found) == [b"what is signed", OCTETS]
    with pytest.raises(BadSyntax, match="signature"):
        converted(mixed(part(OCTETS), signature, top=top))


def test_what_we_cannot_look_into_is_refused() -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(150)
    )  # fmt: skip
    with pytest.raises(BadSyntax):
        converted(deep + b"Content-Transfer-Encoding: binary\r\n\r\n\0")
    assert converted(deep + b"\r\ntext\r\n")
    with pytest.raises(BadSyntax):  # a multipart without any delimiter
        converted(TOP + b"\r\nnothing\0here")


def test_large_messages_go_through_a_file() -> None:
    body = OCTETS * 200
    message = mixed(part(body), part(b"line\n" * 100_000, b"8bit", b"text/plain"))
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), memory=1000)
        spool.write(message)
        with spool.view() as content:
            found = b"".join(without_binary(content))
        spool.close()
    assert found == converted(message)
    assert leaves(found)[0] == body
    assert clean(found)
