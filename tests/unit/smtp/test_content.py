"""The end of a message, and nothing else, ends it."""

import pytest

from smtp.wire.content import ChunkReader, DotReader, bare_line_ends, with_line_ends

# What follows DATA → the content, and what is left for the next command; None: the message goes on.
ENDED = {
    b".\r\n": (b"", b""),
    b"\r\n.\r\n": (b"\r\n", b""),
    b"x\r\n.\r\nQUIT\r\n": (b"x\r\n", b"QUIT\r\n"),
    b"..\r\n.\r\n": (b".\r\n", b""),
    b".x\r\n..y\r\n...\r\n.\r\n": (b"x\r\n.y\r\n..\r\n", b""),
    b"x\r\n..\r\n.\r\n": (b"x\r\n.\r\n", b""),
    b"x\r\n.\r\n.\r\n": (b"x\r\n", b".\r\n"),
    b"x\r\n\0.\r\nQUIT\r\n.\r\n": (b"x\r\n\0.\r\nQUIT\r\n", b""),
    b"x\r\r\n.\r\n": (b"x\r\r\n", b""),
}
# Smuggling: other servers have taken these for the end.
UNENDED = [
    b"x\n.\nMAIL FROM:<evil@b.test>\r\n",
    b"x\r\n.\nMAIL FROM:<evil@b.test>\r\n",
    b"x\n.\r\nMAIL FROM:<evil@b.test>\r\n",
    b"x\r.\rMAIL FROM:<evil@b.test>\r\n",
    b"x\r.\r\nMAIL FROM:<evil@b.test>\r\n",
    b"x\r\n.\rMAIL FROM:<evil@b.test>\r\n",
    b"x\r\n.\r\r\nMAIL FROM:<evil@b.test>\r\n",
    b"x\n\n.\n\nMAIL FROM:<evil@b.test>\r\n",
    b".\nMAIL FROM:<evil@b.test>\r\n",
    b".\rMAIL FROM:<evil@b.test>\r\n",
]


def read(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    reader, content = DotReader(), b""
    for number, piece in enumerate(pieces):
        got, rest = reader.feed(piece)
        content += got
        if rest is not None:
            return content, rest + b"".join(pieces[number + 1 :])
    return content, None


def singly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("data", ENDED, ids=repr)
def test_ends(data: bytes) -> None:
    assert read([data]) == ENDED[data]
    assert read(singly(data)) == ENDED[data]
    for at in range(len(data)):
        assert read([data[:at], data[at:]]) == ENDED[data]


@pytest.mark.parametrize("data", UNENDED, ids=repr)
def test_does_not_end(data: bytes) -> None:
    content, rest = read([data])
    assert rest is None
    assert bare_line_ends(content)
    assert read(singly(data)) == (content, None)
    whole, rest = read([data + b".\r\nQUIT\r\n"])
    assert rest == b"QUIT\r\n"
    assert b"evil" in whole  # as text of the message


def test_bare_line_ends_are_found_in_any_piece() -> None:
    for data, bare in {b"a\r\nb\r\n": False, b"": False, b"a\n": True, b"a\rb": True, b"\n\r": True}.items():
        assert bare_line_ends(data) is bare
    assert with_line_ends(b"a\nb\rc\r\nd\n\re\r\r\n") == b"a\r\nb\r\nc\r\nd\r\n\r\ne\r\n\r\n"


def test_chunks() -> None:
    reader = ChunkReader()
    reader.expect(4, last=False)
    assert reader.feed(b"ab\r") == (b"ab", None)
    assert reader.feed(b"\nBDAT") == (b"\r\n", b"BDAT")
    reader.expect(0, last=False)
    assert reader.feed(b"x") == (b"", b"x")
    reader.expect(2, last=True)
    assert reader.feed(b"z\r") == (b"z", b"")
    assert reader.finish() == b"\r"
    assert reader.finish() == b""
