"""Hostile bytes: a reply or silence, never an exception; and it does not matter how they are cut."""

import asyncio
import contextlib
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.config import Protocol
from smtp.wire.content import DotReader, bare_line_ends
from smtp.wire.parse import parse
from smtp.wire.replies import BadCommand
from tests.support.smtp_door import MemoryEnd, SmtpDoor

WORDS = st.sampled_from(
    [
        *(b"EHLO x", b"LHLO x", b"HELO", b"MAIL FROM:", b"<>", b"<a@b.test>", b"RCPT TO:", b"<alice@demo.test>"),
        *(b"<team@demo.test>", b"DATA", b"BDAT 3", b"BDAT 4 LAST", b"RSET", b"QUIT", b"AUTH PLAIN ", b"AUTH LOGIN"),
        *(
            b"AGFsaWNlAHNlY3JldA==",
            b"*",
            b"STARTTLS",
            b"XCLIENT ADDR=",
            b" SIZE=1",
            b" SMTPUTF8",
            b"NOOP",
            b"x: y",
            b" ",
            b"\xff",
            b"\0",
        ),
        *(b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n"),
    ]
)
STREAMS = st.lists(st.one_of(WORDS, st.binary(max_size=6)), max_size=60).map(b"".join)


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=6).map(b"".join)))
def test_any_line_is_a_command_or_refused(line: bytes) -> None:
    with contextlib.suppress(BadCommand):
        parse(line)


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"\r\n.\r\n"]), max_size=40), st.data())
def test_content_is_the_same_however_it_is_cut(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts) + b"\r\n.\r\n"
    whole = DotReader()
    expected, rest = whole.feed(stream)
    assert rest is not None
    bare = bare_line_ends(expected)
    reader, got, found, at = DotReader(), b"", False, 0
    while True:
        step = data.draw(st.integers(1, 5))
        piece, left = reader.feed(stream[at : at + step])
        got += piece
        found = found or bare_line_ends(piece)
        at += step
        if left is not None:
            assert left + stream[at:] == rest
            break
    assert (got, found) == (expected, bare)


@settings(max_examples=150, deadline=None)
@given(
    protocol=st.sampled_from([Protocol.SMTP, Protocol.SUBMISSION, Protocol.LMTP]), greeted=st.booleans(), stream=STREAMS
)
def test_any_stream_is_answered_the_same_byte_by_byte(protocol: Protocol, *, greeted: bool, stream: bytes) -> None:
    if greeted:
        stream = (
            b"LHLO x\r\n" if protocol is Protocol.LMTP else b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
        ) + stream
    # What comes after STARTTLS is thrown away with the read it came in: the cut matters there, and must.
    stream = stream.replace(b"STARTTLS", b"STARTTL")

    async def run() -> None:
        answers = []
        for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
            door = SmtpDoor(protocol)
            end = MemoryEnd(door.session())
            for piece in pieces:
                await end.send(piece)
            out = bytes(end.out)
            assert out.endswith(b"\r\n")
            assert b"Internal error" not in out
            answers.append(_without_names(out))
            await door.close()
        assert answers[0] == answers[1]

    asyncio.run(run())


def _without_names(out: bytes) -> list[bytes]:
    """Without what differs from one session to the next: names of messages, and the moment of FUTURERELEASE."""
    return [line.partition(b" as ")[0] for line in re.sub(rb"T[0-9:]{8}Z", b"", out).split(b"\r\n")]
