"""A POP3 session under any bytes: answers are answers, no mistake of ours shows, nothing is deleted without QUIT."""

import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pop3_door import MESSAGES, Pop3Door

WORDS = [
    *b"USER alice PASS secret wrong AUTH PLAIN = * AGFsaWNlAHNlY3JldA== SCRAM-SHA-256 CAPA STAT LIST UIDL RETR".split(),
    *b"TOP DELE RSET NOOP LANG fr UTF8 STLS APOP 0 1 2 3 99999999999 -1 \x00 \xff \xc3\xa9".split(),
    *[b"USER alice\r\nPASS secret\r\n", b"\r\n", b"\n", b"\r", b"x" * 600],
]
streams = st.lists(
    st.tuples(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), st.sampled_from([b" ", b"\r\n", b"\r\n"])),
    max_size=30,
).map(lambda parts: b"".join(word + gap for word, gap in parts))


async def _run(data: bytes, step: int) -> tuple[bytes, int]:
    door = Pop3Door()
    door.settings = door.settings.model_copy(update={"max_line": 512, "max_bad_commands": 1000})
    await door.deliver(*MESSAGES.values())
    connection = await door.connect()
    try:
        for at in range(0, len(data), step):
            await connection.send(data[at : at + step])
        await connection.send(b"\r\n")
        said = await connection.settle()
        await connection.close()
        connection.task.result()
        watch = await door.connect()
        await watch.send(b"USER alice\r\nPASS secret\r\n")
        await watch.settle()
        count, _ = watch.session.maildrop.stat()
        await watch.close()
    finally:
        with suppress(TimeoutError):
            await door.world.close()
    return said, count


@settings(max_examples=60, deadline=None)
@given(streams, st.sampled_from([1, 7, 10_000]))
def test_any_bytes(data: bytes, step: int) -> None:
    said, count = asyncio.run(_run(data, step))
    assert b"Something went wrong" not in said
    assert said.endswith(b"\r\n")
    assert said.count(b"\n") == said.count(b"\r\n")
    assert count == len(MESSAGES)
