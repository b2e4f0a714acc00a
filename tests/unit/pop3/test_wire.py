"""Lines in, status lines and messages out."""

import contextlib
import poplib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.model.errors import BadSyntax
from pop3.wire import replies
from pop3.wire.commands import parse
from pop3.wire.lines import Lines, TooLong

LIMIT = 20


def taken(data: bytes, step: int) -> list[bytes | TooLong]:
    lines, seen = Lines(LIMIT), []
    for at in range(0, len(data), step):
        lines.feed(data[at : at + step])
        while (line := lines.next()) is not None:
            seen.append(line)
    return seen


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_lines(step: int) -> None:
    data = b"a\r\nb\n\r\n" + b"x" * 21 + b"\r\nc\r\n" + b"y" * 500 + b"\nd\r\n" + b"z" * 18 + b"\r\nopen"
    assert taken(data, step) == [b"a", b"b", b"", TooLong.LINE, b"c", TooLong.LINE, b"d", b"z" * 18]


@given(st.lists(st.one_of(st.sampled_from([b"\r\n", b"\n", b"\r", b"x" * 15]), st.binary(max_size=9))).map(b"".join))
def test_lines_are_the_same_byte_by_byte_and_parse_to_something_or_nothing(data: bytes) -> None:
    lines = taken(data, 1)
    assert lines == taken(data, len(data) or 1)
    for line in lines:
        if isinstance(line, bytes):
            assert len(line) <= LIMIT
            with contextlib.suppress(BadSyntax):
                parse(line)


def test_discard_forgets_also_a_line_that_was_being_thrown_away() -> None:
    lines = Lines(LIMIT)
    lines.feed(b"x" * 30)
    assert lines.next() is TooLong.LINE
    lines.discard()
    lines.feed(b"a\r\n")
    assert lines.next() == b"a"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (replies.ok(), b"+OK\r\n"),
        (replies.ok("a\r\nb"), b"+OK a b\r\n"),
        (replies.ok("[AUTH] x"), b"+OK AUTH] x\r\n"),
        (replies.ok("é\u2028x"), "+OK é x\r\n".encode()),
        (replies.error("no"), b"-ERR no\r\n"),
        (replies.error("no", replies.Code.SYS_TEMP), b"-ERR [SYS/TEMP] no\r\n"),
        (replies.challenge(b""), b"+ \r\n"),
        (replies.challenge(b"abc"), b"+ YWJj\r\n"),
        (replies.lines(["a", ".b"]), b"a\r\n..b\r\n"),
        (replies.error("x" * 1000), b"-ERR " + b"x" * 400 + b"\r\n"),
    ],
)
def test_answer(answer: bytes, line: bytes) -> None:
    assert answer == line


def stuffed(message: bytes, step: int) -> bytes:
    stuffer = replies.DotStuffer()
    parts = [stuffer.feed(message[at : at + step]) for at in range(0, len(message), step)]
    return b"".join([*parts, stuffer.feed(b""), stuffer.finish()])


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n..\r\nx.\r\n", b"..\r\n...\r\nx.\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"\n\n", b"\r\n\r\n.\r\n"),
    ],
)
def test_dots(message: bytes, wire: bytes) -> None:
    for step in (1, 2, 3, 100):
        assert stuffed(message, step) == wire


class _Client(poplib.POP3):
    """The standard library's reader of multi-line answers, over bytes."""

    def __init__(self, data: bytes) -> None:
        self._debugging = 0
        self.rest = data.split(b"\r\n")

    def _getline(self) -> tuple[bytes, int]:
        line = self.rest.pop(0)
        return line, len(line)


fragments = st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a", b"..", b"\r\n.\r\n"])).map(b"".join)


@given(fragments, st.integers(1, 9))
def test_a_client_gets_the_message_back(message: bytes, step: int) -> None:
    """With its line ends as CRLF, and the last one put in when it lacks."""
    message = message.replace(b"\r\r", b"\r")
    normal = re.sub(rb"(?<!\r)\n", b"\r\n", message)
    if not normal.endswith(b"\r\n"):
        normal = normal + b"\n" if normal.endswith(b"\r") else normal and normal + b"\r\n"
    wire = stuffed(message, step)
    assert b"\n" not in wire.replace(b"\r\n", b"")
    _, lines, _ = _Client(b"+OK\r\n" + wire)._getlongresp()
    assert b"".join(line + b"\r\n" for line in lines) == normal


BODY = b"".join(b"line %d\r\n" % number for number in range(20_000))  # some slices of 64 KiB


@pytest.mark.parametrize("count", [0, 1, 7_000, 19_999, 20_000, 20_001, 2**31 - 1])
def test_top_of_a_long_message(count: int) -> None:
    header = b"Subject: x\r\nTo: y\r\n\r\n"
    size = replies.top_size(header + BODY, count)
    assert (header + BODY)[:size] == header + b"".join(BODY.splitlines(keepends=True)[:count])


@pytest.mark.parametrize(
    ("message", "count", "shown"),
    [
        (b"", 5, b""),
        (b"A: b\r\n", 5, b"A: b\r\n"),
        (b"A: b\n\nx\ny\n", 1, b"A: b\n\nx\n"),
        (b"A: b\r\n\r\nx", 1, b"A: b\r\n\r\nx"),
        (b"A: b\r\n\r\n", 1, b"A: b\r\n\r\n"),
    ],
)
def test_top_of_odd_messages(message: bytes, count: int, shown: bytes) -> None:
    assert message[: replies.top_size(message, count)] == shown
