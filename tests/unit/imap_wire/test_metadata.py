"""GETMETADATA and SETMETADATA as clients send them, and what is none (RFC 5464 §5)."""

import pytest

from imap.wire.metadata import INFINITY, GetMetadata, SetMetadata
from imap.wire.parser import Invalid, Parser
from optimails.model.errors import BadSyntax

GOOD = [
    (b'GETMETADATA "" /shared/comment', GetMetadata(None, ("/shared/comment",))),
    (b"getmetadata inbox (/Shared/Comment)", GetMetadata("INBOX", ("/shared/comment",))),
    (b'GETMETADATA a ("/private/x y" /private)', GetMetadata("a", ("/private/x y", "/private"))),
    (b"GETMETADATA a (/shared/a /SHARED/a)", GetMetadata("a", ("/shared/a",))),
    (b"GETMETADATA (DEPTH 1) a /shared", GetMetadata("a", ("/shared",), 1)),
    (b"GETMETADATA (maxsize 9 depth infinity) a (/shared)", GetMetadata("a", ("/shared",), INFINITY, 9)),
    (b"GETMETADATA a (MAXSIZE 9) (/shared/a)", GetMetadata("a", ("/shared/a",), 0, 9)),
    (b"GETMETADATA a ({9+}\r\n/shared/a)", GetMetadata("a", ("/shared/a",))),
    (b'SETMETADATA a (/shared/a "x")', SetMetadata("a", (("/shared/a", b"x"),))),
    (b"SETMETADATA a (/shared/a NIL /private/b {2+}\r\n\xff\xfe)",
     SetMetadata("a", (("/shared/a", None), ("/private/b", b"\xff\xfe")))),
    (b"SETMETADATA a (/shared/a ~{3+}\r\n\x00\r\n)", SetMetadata("a", (("/shared/a", b"\x00\r\n"),))),
]  # fmt: skip

BAD = [
    b"GETMETADATA a",
    b"GETMETADATA a ()",
    b"GETMETADATA a /other/x",
    b"GETMETADATA a /sharedx",
    b'GETMETADATA a "/shared/a%"',
    b'GETMETADATA a "/shared/\xc3\xa9"',
    b"GETMETADATA a {9+}\r\n/shared/\t",
    b"GETMETADATA a /shared/" + b"x" * 1000,
    b"GETMETADATA a (" + b" ".join(b"/shared/%d" % n for n in range(201)) + b")",
    b"GETMETADATA (DEPTH) a /shared/a",
    b"GETMETADATA (MAXSIZE -1) a /shared/a",
    b"GETMETADATA () a /shared/a",
    b"GETMETADATA (DEPTH 1) a (DEPTH 1) /shared/a",
    b"SETMETADATA a /shared/a x",
    b"SETMETADATA a ()",
    b"SETMETADATA a (/shared/a x)",
    b"SETMETADATA a (/shared/a)",
    b"SETMETADATA a (/private NIL)",
    b"SETMETADATA a (/shared/a {3+}\r\na\x00b)",
    b"SETMETADATA a (/shared/a NIL) more",
]


def parse(text: bytes) -> object:
    parser = Parser()
    parser.feed(b"t1 " + text + b"\r\n")
    return parser.next()


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_understood(text: bytes, value: object) -> None:
    assert getattr(parse(text), "command", None) == value


@pytest.mark.parametrize("text", BAD)
def test_refused(text: bytes) -> None:
    event = parse(text)
    assert isinstance(event, Invalid)
    assert event.tag == b"t1"
    assert isinstance(event.error, BadSyntax)
