"""Compression: what goes in comes out, whatever the portions; nothing unpacks without bounds."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.deflate import PORTION, BadStream, Deflater, Inflater


def unpacked(inflater: Inflater, packed: bytes) -> bytes:
    data = inflater.take(packed)
    while inflater.ready:
        data += inflater.take()
    return data


@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=8))
def test_a_stream_goes_on_after_the_compressor_was_put_away(pieces):
    deflater, inflater, plain = Deflater(), Inflater(), zlib.decompressobj(-15)
    for piece, rests in pieces:
        packed = deflater.pack(piece)
        assert unpacked(inflater, packed) == piece
        assert plain.decompress(packed) == piece  # as any client's zlib sees it
        if rests:
            deflater.rest()


@given(st.binary(min_size=1, max_size=2000), st.integers(1, 50))
def test_input_in_any_pieces(data, size):
    packed, inflater = Deflater().pack(data), Inflater()
    assert b"".join(unpacked(inflater, packed[at : at + size]) for at in range(0, len(packed), size)) == data


def test_a_bomb_comes_in_portions():
    packed = zlib.compress(bytes(50_000_000), 9)[2:-4]
    inflater = Inflater()
    portions = [len(inflater.take(packed[:-10]))]
    while inflater.ready and len(portions) < 100:
        portions.append(len(inflater.take()))
    assert len(portions) == 100
    assert max(portions) == PORTION


@pytest.mark.parametrize("data", [b"NOOP\r\n" * 10, b"\xff" * 20, zlib.compress(b"x")[2:-4]])
def test_what_is_no_stream_or_ends_it_is_refused(data):
    inflater = Inflater()
    with pytest.raises(BadStream):
        unpacked(inflater, data)
