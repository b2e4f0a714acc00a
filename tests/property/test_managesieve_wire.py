"""Any bytes are lines or broken lines, whole or byte by byte; and every session ends in peace."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from optimails.model.errors import BadSyntax
from sieve.wire import responses
from sieve.wire.commands import parse
from sieve.wire.reader import Broken, Line, Reader

PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b'"', b'"a b"', b"{3+}\r\n", b"{3}\r\n", b"{99+}\r\n", b"{9999999+}\r\n", b" "),
        *(
            b"NOOP",
            b"PUTSCRIPT",
            b"12",
            b"\\",
            b"x",
            b"\xc3\xa9",
            b"LISTSCRIPTS\r\n",
            b'HAVESPACE "x" 10\r\n',
            b"y" * 70,
        ),
    ]
)
INPUT = st.lists(PIECES | st.binary(max_size=5), max_size=25).map(b"".join)


def read(parts: list[bytes]) -> list[Line | Broken]:
    reader, found = Reader(60, 20), []
    for part in parts:
        reader.feed(part)
        while (line := reader.next()) is not None:
            found.append(line)
            if line is Broken.HOPELESS:
                return found
    return found


@given(INPUT)
def test_whole_or_byte_by_byte(data: bytes) -> None:
    whole = read([data])
    single = read([bytes([byte]) for byte in data])
    # How far a line that is too long is read before it is dropped depends on how it comes.
    if Broken.TOO_LONG not in whole + single:
        assert whole == single


@given(INPUT)
def test_every_line_is_a_command_or_bad_syntax(data: bytes) -> None:
    for line in read([data]):
        if isinstance(line, Line):
            with contextlib.suppress(BadSyntax):
                parse(line)


@given(st.binary(max_size=2_000))
def test_strings_come_back(data: bytes) -> None:
    reader = Reader(4_000, 4_000)
    reader.feed(b"NOOP " + responses.string(data) + b"\r\n")
    assert reader.next() == Line(("NOOP", data))
