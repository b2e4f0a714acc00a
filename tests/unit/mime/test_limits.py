"""Hostile messages get a bounded, clear answer."""

import pytest

from optimails.mime import full_structure, header_fields, parse, prepare
from optimails.mime.limits import HEADER_LIMIT, MAX_DEPTH, MAX_PARAMS, MAX_PARTS, PREPARED_LIMIT


def parts_with(count):
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


def depth_of(part):
    depth = 0
    while part.children or part.message:
        part = part.message or part.children[0]
        depth += 1
    return depth, part


def test_ten_thousand_parts_are_all_there():
    assert len(parse(parts_with(10_000)).children) == 10_000


def test_beyond_the_limit_the_rest_is_one_leaf():
    message = parts_with(MAX_PARTS + 500)
    children = parse(message).children
    assert len(children) <= MAX_PARTS
    rest = children[-1]
    assert (rest.type, rest.subtype) == (b"application", b"octet-stream")
    assert message[rest.body_start :].count(b"--b\r\n") >= 500
    assert rest.body_end == len(message)


@pytest.mark.parametrize(
    "levels",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000)),
        b"".join(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" for n in range(1000)),
        b"Content-Type: message/rfc822\r\n\r\n" * 1000,
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" * 1000,
    ],
)
def test_deep_nesting(levels):
    message = levels + b"\r\nend\r\n"
    depth, leaf = depth_of(parse(message))
    assert depth <= MAX_DEPTH + 1
    assert leaf.body_end <= len(message)
    assert full_structure(parse(message), message).count(b"(") > 0


def test_deepest_leaf_keeps_its_place():
    message = b"Content-Type: message/rfc822\r\n\r\n" * 200
    depth, leaf = depth_of(parse(message))
    assert depth == MAX_DEPTH
    assert (leaf.type, leaf.subtype, leaf.body_end) == (b"application", b"octet-stream", len(message))


def test_lines_that_resemble_delimiters():
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"--bx\r\n" * 1_000_000 + b"--b--\r\n"
    (only,) = parse(message).children
    assert only.size > 5_000_000


def test_header_line_of_a_megabyte():
    line = b"X-Long: " + b"a b " * 262_144
    message = b"From: a@x\r\n" + line + b"\r\nSubject: late\r\n\r\nbody\r\n"
    prepared = prepare(message)
    assert message[prepared.header_size :] == b"body\r\n"
    assert prepared.envelope.startswith(b'(NIL "late" ((NIL NIL "a" "x"))')
    assert prepared.headers == b"From: a@x\r\nSubject: late\r\n"
    assert header_fields(message[: prepared.header_size], frozenset({b"subject"})) == b"Subject: late\r\n\r\n"


def test_a_header_beyond_the_limit_is_not_searched_to_its_end():
    message = b"From: a@x\r\n" + b"X-Many: x\r\n" * 250_000 + b"Subject: late\r\n\r\nbody\r\n"
    prepared = prepare(message)
    assert message[prepared.header_size :] == b"body\r\n"
    assert not prepared.headers_complete


def test_prepared_headers_are_capped_at_whole_lines():
    message = b"Subject: first\r\n" + b"".join(b"To: user%d@example.com\r\n" % n for n in range(5000)) + b"\r\n"
    prepared = prepare(message)
    assert not prepared.headers_complete
    assert len(prepared.headers) <= PREPARED_LIMIT
    assert prepared.headers.startswith(b"Subject: first\r\n")
    assert prepared.headers.endswith(b"@example.com\r\n")


def test_many_parameters():
    message = b"Content-Type: text/plain" + b"; a=b" * 5000 + b"\r\n\r\n"
    assert len(parse(message).params) == MAX_PARAMS


@pytest.mark.parametrize(
    "value",
    [
        b"(" * 100_000,
        b'"' * 100_001,
        b"<" * 100_000,
        b"a@" * 100_000,
        b"<a" + b"," * 100_000,
        b":;" * 50_000,
        b"\\" * 100_001,
        b'"\\' * 50_000,
        b"[" * 100_000,
        b"=?a?q?" * 30_000,
        b"\r\n " * 60_000,
        b"; a=" * 40_000,
        b"; " * 80_000 + b"=",
        b"a*0*=" + b"%" * 100_000,
        b" " * 200_000 + b"x",
        b"1:" * 90_000,
    ],
)
@pytest.mark.parametrize("field", [b"From", b"Content-Type", b"Content-Disposition", b"Date", b"Subject"])
def test_hostile_values_are_read_in_one_pass(field, value):
    message = field + b": text/plain" + value[: HEADER_LIMIT - 100] + b"\r\n\r\nbody"
    prepared = prepare(message)
    assert message[prepared.header_size :] == b"body"
    assert prepared.envelope.endswith(b")")
