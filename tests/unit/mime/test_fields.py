"""HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5), from the message and from what is prepared of it."""

import pytest

from optimails.mime import PREPARED_FIELDS, field_filter, header_fields, prepare

HEADER = (
    b"From mbox line\r\nFROM: a@x\r\nSubject: one\r\n two\r\nX-Other: x\r\nSubject : again\r\nno field\r\n"
    b"Received: by x;\r\n\tday\r\n\r\n"
)


@pytest.mark.parametrize(
    ("names", "exclude", "expected"),
    [
        ({b"subject"}, False, b"Subject: one\r\n two\r\nSubject : again\r\n\r\n"),
        ({b"received", b"from"}, False, b"FROM: a@x\r\nReceived: by x;\r\n\tday\r\n\r\n"),
        ({b"absent"}, False, b"\r\n"),
        (set(), False, b"\r\n"),
        ({b"subject", b"received"}, True, b"FROM: a@x\r\nX-Other: x\r\n\r\n"),
        ({b"subj"}, False, b"\r\n"),
        ({b"", b"a b", b"no field", b"from mbox line"}, False, b"\r\n"),
        ({b"subject", b".*", b"(", b"\xff"}, False, b"Subject: one\r\n two\r\nSubject : again\r\n\r\n"),
        ({b"x-other", *(b"x-%d" % n for n in range(500))}, False, b"X-Other: x\r\n\r\n"),
    ],
)
def test_fields(names, exclude, expected):
    assert header_fields(HEADER, frozenset(names), exclude=exclude) == expected
    assert header_fields(HEADER.replace(b"\r\n", b"\n"), frozenset(names), exclude=exclude) == expected


def test_last_line_without_end():
    assert header_fields(b"A: 1\r\nB: 2", frozenset({b"b"})) == b"B: 2\r\n\r\n"


def test_prepared_headers_answer_as_the_message_does():
    message = (
        b"Received: x\r\nFrom: a@x\r\nTo: b@x,\r\n c@x\r\nSubject: s\r\nX-Unknown: y\r\nDate: d\r\n"
        b"Content-Type: text/plain\r\n\r\nbody"
    )
    names = frozenset({b"from", b"to", b"date", b"references", b"content-type"})
    prepared = prepare(message)
    wanted = field_filter(names)
    assert wanted.prepared
    assert prepared.headers_complete
    assert wanted.from_prepared(prepared.headers) == wanted(message[: prepared.header_size])
    assert b"X-Unknown" not in prepared.headers
    assert not prepared.headers.endswith(b"\r\n\r\n")


def test_what_prepared_headers_cannot_answer():
    assert not field_filter(frozenset({b"from", b"x-unknown"})).prepared
    assert not field_filter(frozenset({b"from"}), exclude=True).prepared


def test_prepared_headers_have_crlf_also_when_the_message_has_not():
    assert prepare(b"From: a@x\nTo: b@x,\n c@x\n\nbody").headers == b"From: a@x\r\nTo: b@x,\r\n c@x\r\n"


def test_prepared_fields_are_lower_case():
    assert {name.lower() for name in PREPARED_FIELDS} == PREPARED_FIELDS
    thunderbird = b"from to cc bcc subject date message-id priority x-priority references newsgroups in-reply-to"
    assert set(thunderbird.split()) <= PREPARED_FIELDS
