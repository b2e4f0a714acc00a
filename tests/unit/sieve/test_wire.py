"""ManageSieve command lines into values: what is out of place is the client's mistake."""

import pytest

from optimails.model.errors import BadSyntax
from sieve.wire import commands as c
from sieve.wire.reader import Line


@pytest.mark.parametrize(
    "tokens",
    [
        ("HAVESPACE", b"name", b"12"),
        ("HAVESPACE", 7, 12),
        ("PUTSCRIPT", b"\xff", b"keep;"),
        ("NOOP", b"x" * (c.MAX_TAG + 1)),
        ("NOOP", b"a", b"b"),
        ("LOGOUT", b"now"),
        ("UNHEARD-OF",),
        (b"LOGOUT",),
        (),
    ],
)
def test_what_is_out_of_place_is_refused(tokens):
    with pytest.raises(BadSyntax):
        c.parse(Line(tokens))


def test_the_longest_tag_is_given_back_whole():
    assert c.parse(Line(("NOOP", b"x" * c.MAX_TAG))) == c.Noop(b"x" * c.MAX_TAG)


@pytest.mark.parametrize("tokens", [(), (b"a", b"b"), (5,)])
def test_a_challenge_is_answered_by_one_string(tokens):
    with pytest.raises(BadSyntax):
        c.response(Line(tokens))
