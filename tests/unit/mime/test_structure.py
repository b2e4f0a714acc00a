"""BODYSTRUCTURE and BODY (RFC 9051 §7.5.2) of ordinary and odd messages."""

from mmap import mmap

import pytest

from optimails.mime import basic_structure, full_structure, parse, prepare

TEXT = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d %d NIL NIL NIL NIL)'


def full(message):
    return full_structure(parse(message), message)


def multipart(*parts, boundary=b"b", subtype=b"mixed", end=None):
    end = b"--" + boundary + b"--\r\n" if end is None else end
    head = b"Content-Type: multipart/" + subtype + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + end


def test_plain_text_without_mime():
    message = b"Subject: x\r\n\r\nline\r\nline\r\n"
    assert full(message) == TEXT % (12, 2)
    assert basic_structure(parse(message), message) == (b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 2)')


def test_last_line_without_end_counts():
    assert parse(b"\r\na\r\nb").lines == 2


@pytest.mark.parametrize("message", [b"", b"\r\n", b"\n", b"Subject: x", b"Subject: x\r\n", b"Subject: x\r\n\r\n"])
def test_no_body(message):
    assert full(message) == TEXT % (0, 0)
    assert parse(message).body_start == len(message)


def test_example_of_rfc_9051_text_and_attachment():
    message = multipart(
        b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nhello\r\n",
        b'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME="cc.diff"\r\n'
        b"Content-ID: <960723163407.20117h@cac.washington.edu>\r\nContent-Description: Compiler diff\r\n"
        b"Content-Transfer-Encoding: BASE64\r\n\r\naGVsbG8=\r\n",
    )
    assert basic_structure(parse(message), message) == (
        b'(("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 7 1)'
        b'("text" "plain" ("charset" "US-ASCII" "name" "cc.diff") "<960723163407.20117h@cac.washington.edu>" '
        b'"Compiler diff" "base64" 10 1) "mixed")'
    )


def test_extension_data():
    message = (
        b"Content-Type: application/pdf; name=a.pdf\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
        b'Content-Disposition: ATTACHMENT; filename="a b.pdf"; size=12\r\nContent-Language: fr, en\r\n'
        b"Content-Location: http://x.test/\r\nContent-Transfer-Encoding: base64 (as usual)\r\n\r\nQQ==\r\n"
    )
    assert full(message) == (
        b'("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 6 "Q2hlY2sgSW50ZWdyaXR5IQ==" '
        b'("attachment" ("filename" "a b.pdf" "size" "12")) ("fr" "en") "http://x.test/")'
    )
    one = b"Content-Language: fr\r\nContent-Type: image/png\r\nContent-Disposition: inline\r\n\r\n"
    assert full(one) == b'("image" "png" NIL NIL NIL "7bit" 0 NIL ("inline" NIL) "fr" NIL)'


def test_embedded_message():
    inner = b"From: a@x\r\nSubject: inner\r\n\r\nbody\r\n"
    message = multipart(b"Content-Type: message/rfc822\r\n\r\n" + inner)
    envelope = prepare(inner).envelope
    assert full(message) == (
        b'(("message" "rfc822" NIL NIL NIL "7bit" 35 '
        + envelope + b" " + TEXT % (6, 1) + b' 4 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)'
    )  # fmt: skip


def test_message_global_is_embedded_too():
    part = parse("Content-Type: message/global\r\n\r\nSubject: é\r\n\r\nx".encode())
    assert part.message is not None
    assert part.message.size == 1


def test_digest_parts_default_to_messages():
    message = multipart(b"\r\nFrom: a@x\r\n\r\none", b"Content-Type: text/plain\r\n\r\ntwo", subtype=b"digest")
    first, second = parse(message).children
    assert (first.type, first.subtype) == (b"message", b"rfc822")
    assert message[first.message.body_start : first.message.body_end] == b"one"
    assert second.type == b"text"


def test_message_in_digest_with_its_own_multipart():
    inner = multipart(b"\r\nx", b"\r\ny", boundary=b"inner", end=b"--inner--")
    message = multipart(b"\r\n" + inner, b"\r\nSubject: z\r\n\r\nz", subtype=b"digest", boundary=b"b")
    first, second = parse(message).children
    assert [message[p.body_start : p.body_end] for p in first.message.children] == [b"x", b"y"]
    assert message[second.message.body_start : second.message.body_end] == b"z"


@pytest.mark.parametrize(
    ("head", "boundary"),
    [
        (b"boundary=b", b"b"),
        (b'BOUNDARY="b"', b"b"),
        (b'boundary="a b c"', b"a b c"),
        (b'boundary="ends with blanks  "', b"ends with blanks"),
        (b'boundary="=_(.?*+[)"', b"=_(.?*+[)"),
        (b'boundary="quo\\"ted"', b'quo"ted'),
        (b'charset=x;\r\n boundary\r\n =\r\n "folded"', b"folded"),
        (b'boundary*0="con"; boundary*1="tinued"', b"continued"),
        (b"boundary=b (a comment)", b"b"),
        (b'x="; boundary=no"; boundary=yes', b"yes"),
    ],
)
def test_boundaries(head, boundary):
    message = (
        b"Content-Type: multipart/mixed; " + head + b"\r\n\r\npreamble\r\n--" + boundary + b"\r\n\r\none\r\n--"
        + boundary + b" \t\r\n\r\ntwo\r\n--" + boundary + b"--\r\nepilogue\r\n--" + boundary + b"\r\n\r\nno part\r\n"
    )  # fmt: skip
    assert [message[p.body_start : p.body_end] for p in parse(message).children] == [b"one", b"two"]


def test_one_boundary_is_the_beginning_of_another():
    inner = multipart(b"\r\none", b"\r\ntwo", boundary=b"b1", end=b"--b1--")
    outer = parse(multipart(inner, b"\r\nthree"))
    assert len(outer.children) == 2
    assert len(outer.children[0].children) == 2


def test_missing_final_boundary():
    message = multipart(b"\r\none", b"\r\ntwo\r\n", end=b"")
    assert [message[p.body_start : p.body_end] for p in parse(message).children] == [b"one", b"two\r\n\r\n"]


def test_outer_boundary_ends_an_unfinished_inner_multipart():
    inner = multipart(b"\r\none", boundary=b"in", end=b"")
    message = multipart(inner, b"\r\nafter")
    first, second = parse(message).children
    assert [message[p.body_start : p.body_end] for p in first.children] == [b"one\r\n"]
    assert message[second.body_start : second.body_end] == b"after"


def test_part_without_header_and_part_without_body():
    message = multipart(b"\r\nno header", b"Content-Type: image/png", b"Content-Type: image/gif\r\n")
    first, second, third = parse(message).children
    assert (first.header_start, first.body_start) == (first.header_start, first.header_start + 2)
    assert (second.subtype, second.size) == (b"png", 0)
    assert (third.subtype, third.size) == (b"gif", 0)


def test_delimiters_directly_one_after_the_other_make_an_empty_part():
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\nx\r\n--b--\r\n"
    assert [part.size for part in parse(message).children] == [0, 1]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"Content-Type: multipart/mixed\r\n\r\nreadable", b"readable"),
        (b'Content-Type: multipart/mixed; boundary=""\r\n\r\nreadable', b"readable"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nreadable", b"readable"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nreadable\r\n--b--\r\n", b"readable"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--", b""),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b""),
        (b"Content-Type: multipart/mixed; boundary=b", b""),
    ],
)
def test_multipart_without_parts_shows_one_text(message, shown):
    (only,) = parse(message).children
    assert (only.type, only.subtype) == (b"text", b"plain")
    assert message[only.body_start : only.body_end] == shown


@pytest.mark.parametrize(
    "value", [b"text", b"", b"/", b"text/", b"foo bar/baz", b";charset=x", b"\xff\xfe", b'"text"/"plain"']
)
def test_invalid_content_type_is_text(value):
    part = parse(b"Content-Type: " + value + b"\r\n\r\n")
    assert (part.type, part.subtype, part.params) == (b"text", b"plain", ((b"charset", b"us-ascii"),))


def test_bare_line_feeds():
    message = (
        b"Subject: x\nContent-Type: multipart/mixed;\n boundary=b\n\n--b\n\none\ntwo\n--b\n"
        b"Content-Type: message/rfc822\n\nSubject: in\n\nthree\n--b--\n"
    )
    first, second = parse(message).children
    assert message[first.body_start : first.body_end] == b"one\ntwo"
    assert message[second.message.body_start : second.message.body_end] == b"three"
    assert first.lines == 2


def test_eight_bit_parameter_is_a_literal():
    message = 'Content-Type: image/png; name="é.png"\r\n\r\n'.encode()
    assert full(message) == (
        b'("image" "png" ("name" {6}\r\n' + "é.png".encode() + b') NIL NIL "7bit" 0 NIL NIL NIL NIL)'
    )


def test_memory_map_gives_the_same(tmp_path):
    attachment = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUFB\r\n" * 500_000
    inner = b"Content-Type: message/rfc822\r\n\r\n" + multipart(b"\r\none\r\n" * 1000, attachment, boundary=b"in")
    message = b"From: a@x\r\n" + multipart(inner, b"\r\nlast", attachment)
    path = tmp_path / "message"
    path.write_bytes(message)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=1) as mapped:
        assert prepare(mapped) == prepare(message)
        part = parse(mapped)
        assert len(part.children) == 3
        embedded = part.children[0]
        assert embedded.lines == message[embedded.body_start : embedded.body_end].count(b"\n")
