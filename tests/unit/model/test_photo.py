"""What is taken for a photo: its bytes decide."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.model.errors import BadSyntax
from optimails.model.photo import read_photo
from tests.support.pictures import jpeg, png

LIMIT = 10_000


@pytest.mark.parametrize(("data", "kind"), [(png(), "PNG"), (jpeg(), "JPEG"), (jpeg(size=5_000), "JPEG")])
def test_pictures_are_known_by_their_bytes(data, kind):
    assert read_photo(data, LIMIT).kind == kind


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "neither"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "neither"),
        (b"GIF89a" + bytes(50), "neither"),
        (png()[:20], "neither"),
        (jpeg()[:30], "neither"),
        (b"\xff\xd8\xff\xd8\xff\xd8\xff\xd9", "neither"),
        (jpeg(size=LIMIT), "more than 10000 bytes"),
        (png(20_000, 1), "pixels"),
        (jpeg(8, 60_000), "pixels"),
        (jpeg(0, 8), "pixels"),
    ],
)
def test_what_is_none_or_too_large_is_refused(data, said):
    with pytest.raises(BadSyntax, match=said):
        read_photo(data, LIMIT)


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda tail: b"\xff\xd8\xff" + tail)))
def test_any_bytes_are_a_photo_or_refused(data):
    with contextlib.suppress(BadSyntax):
        assert read_photo(data, LIMIT).data == data
