"""LDAP on the wire: what is written is read again, any bytes are a value or an error, whole or byte by byte."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from ldapd.wire import ber, filters, names, requests
from ldapd.wire.frames import Broken, Frames
from ldapd.wire.requests import Unfit
from optimails.model.errors import BadSyntax, Refused
from tests.support.ldap_door import bind, equal, page, search, starts

MESSAGES = (bind(1, "alice@demo.test", "secret"), search(2, starts("cn", "x"), controls=(page(5),)),
            search(3, ber.element(0xA0, equal("a", "b"), ber.element(0xA2, equal("c", "d")))))  # fmt: skip
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def taken(data: bytes, step: int) -> list[bytes | Broken]:
    frames, found = Frames(65_536), []
    for at in range(0, len(data), step):
        frames.feed(data[at : at + step])
        while (one := frames.next()) is not None:
            found.append(one)
            if isinstance(one, Broken):
                return found
    return found


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=3))))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[at] = value
    return bytes(data)


@given(st.one_of(st.binary(max_size=100), mutated()))
@settings(max_examples=400)
def test_any_bytes_are_messages_or_errors_however_they_come(data):
    whole = taken(data, len(data) or 1)
    assert whole == taken(data, 1)
    for one in whole:
        if isinstance(one, bytes):
            with contextlib.suppress(BadSyntax, Unfit):
                requests.parse(one)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_filter_or_an_error(data):
    with contextlib.suppress(BadSyntax, Refused):
        filters.read(ber.Reader(data))


@given(st.integers(1 - 2**63, 2**63 - 1))
def test_numbers(number):
    assert ber.Reader(ber.integer(number)).integer() == number


@given(text, st.lists(text, min_size=1, max_size=4))
def test_a_value_in_a_name_is_read_as_it_was(value, others):
    written = ",".join(f"dc={names.escaped(one)}" for one in (value, *others))
    assert names.parse(written) == tuple(("dc", one) for one in (value, *others))


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_an_error(value):
    with contextlib.suppress(BadSyntax):
        names.parse(value)
