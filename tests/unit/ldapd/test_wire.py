"""The grammar of LDAP at its edges; what is broken is never more than an error."""

import pytest

from ldapd.wire import ber, filters, names, requests, responses
from ldapd.wire.frames import Broken, Frames
from ldapd.wire.requests import Control, Unfit
from optimails.model.errors import BadSyntax
from tests.support.ldap_door import bind, message, octets, page, search


@pytest.mark.parametrize(
    "data",
    [b"\x1f\x81\x00\x00", b"\x04\x80", b"\x04\x85\x00\x00\x00\x00\x00", b"\x04\x02a", b"\x04\x82\x00", b"\x04",
     b"\x02\x00", b"\x02\x09" + bytes(9), b"\x01\x02\x00\x00", b"\x01\x00"],
)  # fmt: skip
def test_elements_that_are_none(data):
    reader = ber.Reader(data)
    with pytest.raises(BadSyntax):
        {1: reader.boolean, 2: reader.integer}.get(data[0], reader.octets)()


def test_lengths_may_be_longer_than_they_need_to_be():
    # As Windows writes them.
    assert ber.Reader(b"\x04\x84\x00\x00\x00\x01a").octets() == b"a"
    assert ber.header(b"\x30\x84\x00", 0) is None
    assert ber.element(4, bytes(200))[:3] == b"\x04\x81\xc8"
    assert ber.element(4, bytes(70_000))[:5] == b"\x04\x83\x01\x11\x70"


def test_frames_stay_broken_until_they_begin_anew():
    frames = Frames(100)
    frames.feed(b"\x30\x81\xff")
    assert frames.next() is Broken.TOO_LARGE
    frames.feed(bind(1, "a", "b"))
    assert frames.next() is Broken.TOO_LARGE
    frames.discard()
    frames.feed(bind(1, "a", "b"))
    assert frames.next() == bind(1, "a", "b")[2:]
    frames.feed(b"\x30\x80")
    assert frames.next() is Broken.SYNTAX


def parsed(data: bytes):
    return requests.parse(ber.Reader(data).octets(ber.SEQUENCE))


def test_requests():
    assert parsed(search(7, controls=(page(5, critical=False),))).controls == (
        Control(responses.PAGES, critical=False, value=b"\x30\x05\x02\x01\x05\x04\x00"),
    )
    bare = ber.element(0x30, octets("1.2.3"))
    assert parsed(search(7, controls=(bare,))).controls == (Control("1.2.3", critical=False, value=b""),)
    extended = ber.element(0x77, octets("1.2", 0x80), octets("v", 0x81))
    assert parsed(message(1, extended)).request == requests.Extended("1.2", b"v")
    assert parsed(message(2, ber.element(0x50, b"\x07"))).request == requests.Abandon(7)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (search(2, attributes=("a",) * 501), Unfit),
        (search(2, controls=(page(1),) * 21), Unfit),
        (search(2, base=b"\xff"), Unfit),
        (search(2, size=2**31), Unfit),
        (message(2, ber.element(0x42), octets("x")), BadSyntax),
        (message(-1, ber.element(0x42)), BadSyntax),
        (message(2**31, ber.element(0x42)), BadSyntax),
        (message(2, ber.element(0x43)), BadSyntax),
    ],
)
def test_requests_that_cannot_be_read(data, error):
    with pytest.raises(error):
        parsed(data)


def test_a_filter_within_a_filter_ends_where_it_should():
    with pytest.raises(BadSyntax):
        filters.read(ber.Reader(ber.element(0xA3, octets("a"), octets("b"), octets("c"))))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("  ", ()),
        ("cn=a+uid=b,dc=c", (("cn", "a"), ("dc", "c"))),
        ('cn="a, b",dc=c', (("cn", "a, b"), ("dc", "c"))),
        (r"cn=M\C3\BCller\, \"x\" ,dc=c", (("cn", 'Müller, "x"'), ("dc", "c"))),
        (r"cn=a\ ", (("cn", "a "),)),
        ("DomainComponent=c", (("dc", "c"),)),
        ("cn=", (("cn", ""),)),
    ],
)
def test_names(text, parts):
    assert names.parse(text) == parts


@pytest.mark.parametrize("text", ["cn", "=a", "cn=a,", "cn=a\\4z", 'cn="a', "cn=a\\", ",".join(["dc=x"] * 51)])
def test_names_that_are_none(text):
    with pytest.raises(BadSyntax):
        names.parse(text)
