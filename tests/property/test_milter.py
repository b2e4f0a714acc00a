"""What a filter sends, however hostile: a value or ``Nonsense``; and it cannot make of a header what it may not."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from optimails.delivery.spool import Spool
from smtp.milter import changes, wire
from smtp.milter.changes import Wishes
from smtp.milter.wire import Nonsense, PacketReader

KINDS = st.sampled_from([bytes([byte]) for byte in b"Oychimadrtsfp4+2-behq\x00\xff"])
PIECES = st.lists(st.sampled_from([b"\0", b"a", b"<x@b.test>", b"\r", b"\n", b": ", b"\xff", b"\0\0\0\1"]), max_size=8)
TEXTS = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\n", b"\r\n", b"X: y", b"\0", b"\xe9"]), max_size=8).map(
    b"".join
)
NAMES = st.sampled_from([b"X", b"Subject", b"x-y"])
HEADER_CHANGES = st.one_of(
    st.builds(wire.AddHeader, NAMES, TEXTS),
    st.builds(wire.InsertHeader, st.integers(0, 2**32 - 1), NAMES, TEXTS),
    st.builds(wire.ChangeHeader, st.integers(0, 4), NAMES, TEXTS),
)


@given(st.one_of(st.binary(max_size=60), st.builds(bytes.__add__, KINDS, PIECES.map(b"".join))))
def test_any_packet_is_a_value_or_nonsense(data: bytes) -> None:
    with contextlib.suppress(Nonsense):
        wire.answer(data)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.data())
def test_packets_are_the_same_however_they_are_cut(packets: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(wire.packet(one[:1], one[1:]) for one in packets)
    reader, found, at = PacketReader(), [], 0
    while at < len(stream):
        step = data.draw(st.integers(1, 9))
        found += reader.feed(stream[at : at + step])
        at += step
    assert found == packets


@given(wanted=st.lists(HEADER_CHANGES, max_size=8), leading_space=st.booleans())
def test_no_change_of_the_header_reaches_the_body_or_makes_other_fields(
    *, wanted: list[wire.AddHeader | wire.InsertHeader | wire.ChangeHeader], leading_space: bool
) -> None:
    content = b"Subject: one\r\n two\r\nno field\r\nX: 1\r\nX: 2\r\n\r\nbody\r\n\r\nmore"
    message = changes.read(Spool.of(content))
    assert message is not None
    assert b"".join(one.raw for one in message.fields) + b"\r\nbody\r\n\r\nmore" == content
    wishes = Wishes(leading_space)
    for one in wanted:
        wishes.take(one, Spool(), 1000)
    written = Spool()
    changes.write(changes.apply(wishes, message), written)
    again = changes.read(written)
    assert again is not None
    assert {one.name.lower() for one in again.fields} <= {b"x", b"subject", b"x-y", b""}
    assert sum(not one.name for one in again.fields) == 1
    assert b"".join(again.pieces()) == b"body\r\n\r\nmore"


@given(st.lists(TEXTS, max_size=6))
def test_a_new_body_has_clean_line_ends_however_it_is_cut(chunks: list[bytes]) -> None:
    wishes, body = Wishes(leading_space=False), Spool()
    for chunk in chunks:
        wishes.take(wire.ReplaceBody(chunk), body, 1000)
    wishes.finish()
    whole = b"".join(chunks)
    assert b"".join(body.pieces()) == whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
