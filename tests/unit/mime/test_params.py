"""Parameters, continuations and character sets (RFC 2045 §5.1, RFC 2231)."""

import pytest

from optimails.mime import parse


def part_of(content_type, disposition=b"attachment"):
    return parse(b"Content-Type: " + content_type + b"\r\nContent-Disposition: " + disposition + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("value", "params"),
    [
        (b"text/plain; charset=us-ascii (Plain text)", ((b"charset", b"us-ascii"),)),  # RFC 2045 §5.1
        (b'text/plain; charset="us-ascii"', ((b"charset", b"us-ascii"),)),
        (b"text/plain ; charset = utf-8 ;", ((b"charset", b"utf-8"),)),
        (b"text/plain;;;charset=utf-8", ((b"charset", b"utf-8"),)),
        (b"(before) text/plain; charset=utf-8", ((b"charset", b"utf-8"),)),
        (b'text/plain; name="a;b=\\"c\\".txt"; x=y', ((b"name", b'a;b="c".txt'), (b"x", b"y"))),
        (b"text/plain; name=two words.txt; x=y", ((b"name", b"two words.txt"), (b"x", b"y"))),
        (b"text/plain; name=Invoice (1).pdf", ((b"name", b"Invoice (1).pdf"),)),
        (b'text/plain; name="unclosed; x=y', ((b"name", b"unclosed; x=y"),)),
        (b"text/plain; novalue; x=y", ((b"x", b"y"),)),
        (b"text/plain; x=", ((b"x", b""),)),
        (b'text/plain; x=""', ((b"x", b""),)),
        (b"text/plain;\r\n\tx=y", ((b"x", b"y"),)),
        # RFC 2231 §3, §4.1: pieces in any order, up to the first that is missing
        (b'message/x; URL*0="ftp://"; URL*1="cs.utk.edu/pub"', ((b"url", b"ftp://cs.utk.edu/pub"),)),
        (b"a/b; n*1=two; c=d; n*0=one", ((b"n", b"onetwo"), (b"c", b"d"))),
        (b"a/b; n*0=one; n*2=three", ((b"n", b"one"),)),
        (b"a/b; n*1=two", ((b"n", b""),)),
        (
            b"a/x; t*0*=us-ascii'en'This%20is%20even%20more%20; t*1*=%2A%2A%2Afun%2A%2A%2A%20; t*2=\"isn't it!\"",
            ((b"t*", b"us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!"),),
        ),
    ],
)
def test_as_sent_in_bodystructure(value, params):
    assert part_of(value).params == params


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"attachment; filename=a.txt", "a.txt"),
        (b"attachment; filename*=utf-8''caf%C3%A9.txt", "café.txt"),
        (b"attachment; filename=plain.txt; filename*=UTF-8'fr'caf%C3%A9.txt", "café.txt"),
        (b"attachment; filename*0*=iso-8859-1''caf%E9; filename*1=\"%41.txt\"", "café%41.txt"),
        (b"attachment; filename*=x-unknown''caf%C3%A9", "café"),
        (b"attachment; filename*=nothing%20special", "nothing special"),
        (b"attachment; filename*=utf-8''100%", "100%"),
        (b'attachment; filename="=?utf-8?Q?caf=C3=A9?= 1.txt"', "café 1.txt"),
        (b"attachment; filename==?utf-8?B?Y2Fmw6kudHh0?=", "café.txt"),
        (b'attachment; filename="caf\xc3\xa9"', "café"),
        (b'attachment; filename="caf\xe9"', "café"),
        (b'attachment; filename="C:\\\\dir\\\\f.txt"', "C:\\dir\\f.txt"),
        (b"attachment", "from-type.txt"),
        (b'attachment; filename=""', "from-type.txt"),
    ],
)
def test_file_names(disposition, name):
    assert part_of(b"text/plain; name=from-type.txt", disposition).filename == name


def test_charset():
    assert part_of(b'text/plain; Charset="ISO-8859-15"').charset == "ISO-8859-15"
    assert part_of(b"text/plain").charset == ""
    assert parse(b"\r\nx").charset == "us-ascii"
