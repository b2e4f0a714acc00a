"""Which bytes BODY[…] names (RFC 9051 §6.4.5)."""

import pytest

from optimails.mime import SectionKind, find_part, parse, section, section_of

FULL, HEADER, TEXT, MIME = SectionKind.FULL, SectionKind.HEADER, SectionKind.TEXT, SectionKind.MIME

# The tree that RFC 9051 §6.4.5 uses as its example: 1 text, 2 octet-stream, 3 message with two parts, 4 multipart of
# an image and a message that holds a text and a multipart of two.
MESSAGE = b"""\
Subject: outer
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/plain

one
--m
Content-Type: application/octet-stream

two
--m
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=n

--n
Content-Type: text/plain

three.one
--n
Content-Type: application/octet-stream

three.two
--n--
--m
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: image/gif

four.one
--o
Content-Type: message/rfc822

Subject: four.two
Content-Type: multipart/mixed; boundary=p

--p
Content-Type: text/plain

four.two.one
--p
Content-Type: multipart/alternative; boundary=q

--q
Content-Type: text/plain

four.two.two.one
--q
Content-Type: text/richtext

four.two.two.two
--q--
--p--
--o--
--m--
"""


@pytest.fixture(params=[b"\n", b"\r\n"], ids=["LF", "CRLF"])
def line_end(request):
    return request.param


def bytes_of(message, path, kind):
    span = section(message, path, kind)
    return None if span is None else message[span[0] : span[1]].replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ((), FULL, MESSAGE),
        ((), HEADER, b"Subject: outer\nContent-Type: multipart/mixed; boundary=m\n\n"),
        ((), TEXT, MESSAGE.split(b"\n\n", 1)[1]),
        ((), MIME, None),
        ((1,), FULL, b"one"),
        ((1,), MIME, b"Content-Type: text/plain\n\n"),
        ((1,), HEADER, None),
        ((1,), TEXT, None),
        ((1, 1), FULL, None),
        ((2,), FULL, b"two"),
        ((3,), HEADER, b"Subject: three\nContent-Type: multipart/mixed; boundary=n\n\n"),
        ((3,), MIME, b"Content-Type: message/rfc822\n\n"),
        ((3, 1), FULL, b"three.one"),
        ((3, 2), FULL, b"three.two"),
        ((3, 2), MIME, b"Content-Type: application/octet-stream\n\n"),
        ((3, 3), FULL, None),
        ((3, 1, 1), FULL, None),
        ((4, 1), FULL, b"four.one"),
        ((4, 1), MIME, b"Content-Type: image/gif\n\n"),
        ((4,), HEADER, None),
        ((4, 2), HEADER, b"Subject: four.two\nContent-Type: multipart/mixed; boundary=p\n\n"),
        ((4, 2, 1), FULL, b"four.two.one"),
        ((4, 2, 2, 1), FULL, b"four.two.two.one"),
        ((4, 2, 2, 2), FULL, b"four.two.two.two"),
        ((4, 2, 2, 3), FULL, None),
        ((5,), FULL, None),
        ((0,), FULL, None),
    ],
)
def test_example_tree(path, kind, expected, line_end):
    assert bytes_of(MESSAGE.replace(b"\n", line_end), path, kind) == expected


def test_text_and_full_of_an_embedded_message():
    text = bytes_of(MESSAGE, (3,), TEXT)
    assert text.startswith(b"--n\nContent-Type: text/plain")
    assert text.endswith(b"--n--")
    assert bytes_of(MESSAGE, (3,), FULL) == bytes_of(MESSAGE, (3,), HEADER) + text


def test_part_one_of_a_message_that_is_no_multipart():
    message = b"Subject: x\r\n\r\nbody\r\n"
    assert bytes_of(message, (1,), FULL) == b"body\n"
    assert bytes_of(message, (1,), MIME) == b"Subject: x\n\n"
    assert section(message, (2,), FULL) is None
    assert section(message, (1, 1), FULL) is None
    assert section(message, (1,), TEXT) is None


def test_message_that_consists_of_a_message():
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"
    assert bytes_of(message, (1,), HEADER) == b"Subject: in\n\n"
    assert bytes_of(message, (1,), TEXT) == b"body"
    assert bytes_of(message, (1, 1), FULL) == b"body"
    assert section(message, (1, 2), FULL) is None
    assert section(message, (1, 1, 1), FULL) is None


def test_message_in_a_message_in_a_message():
    message = b"Content-Type: message/rfc822\r\n\r\n" * 2 + b"Subject: deep\r\n\r\nbody"
    assert bytes_of(message, (1, 1), HEADER) == b"Subject: deep\n\n"
    assert bytes_of(message, (1, 1, 1), FULL) == b"body"


def test_header_of_a_message_without_body():
    message = b"Subject: x\r\n"
    assert section(message, (), HEADER) == (0, len(message))
    assert section(message, (), TEXT) == (len(message), len(message))
    assert section(message, (1,), FULL) == (len(message), len(message))


def test_find_part_agrees_with_the_tree():
    root = parse(MESSAGE)
    assert find_part(root, (4, 2, 2)) is root.children[3].children[1].message.children[1]
    assert find_part(root, ()) is None


@pytest.mark.parametrize("kind", SectionKind)
def test_a_parsed_message_answers_as_the_bytes_do(kind):
    root = parse(MESSAGE)
    assert section_of(root, (), kind) == section(MESSAGE, (), kind)
    assert root.header_end == section(MESSAGE, (), HEADER)[1]
