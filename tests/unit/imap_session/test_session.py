"""What dialogues cannot show: bytes without a meaning, slow clients, large messages, writes counted."""

import asyncio
import logging
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimails.config.imap import ImapSettings
from tests.support.imap_door import MESSAGES, ImapDoor
from tests.support.memory_peer import MemoryConnection
from tests.support.world import scram_final, scram_first

LARGE = 8_000_000


def run(test):
    """Run a coroutine function with a door."""

    async def main():
        door = ImapDoor()
        try:
            await asyncio.wait_for(test(door), 60)
        finally:
            for connection in door.connections:
                await connection.close()
            await door.world.close()

    asyncio.run(main())


async def answer(connection: MemoryConnection, text: bytes) -> bytes:
    """All that the server says to this until it waits again."""
    await connection.send(text)
    said = await connection.settle()
    connection.peer.sent.clear()
    return said


async def logged_in(door: ImapDoor) -> MemoryConnection:
    connection = await door.connect()
    assert b"in OK" in await answer(connection, b"in LOGIN alice secret\r\n")
    return connection


WORDS = [
    b"FETCH", b"UID", b"STORE", b"SEARCH", b"RETURN", b"(", b")", b"1:*", b"$", b"ALL", b"FLAGS", b"BODY[", b"]",
    b"<0.5>", b"{3}", b"{3+}", b"\r\n", b"abc", b'"', b"\\Seen", b"+FLAGS", b"COPY", b"MOVE", b"INBOX", b"Trash",
    b"APPEND", b"IDLE", b"DONE", b"LIST", b"*", b"%", b"LOGIN", b"alice", b"secret", b"SELECT", b"AUTHENTICATE",
    b"PLAIN", b"=", b"ENABLE", b"CONDSTORE", b"IMAP4rev2", b"MODSEQ", b"STATUS", b"(MESSAGES)", b"CREATE", b"&AOQ-",
    b"DELETE", b"EXPUNGE", b"NOOP", b"BINARY[1]", b"HEADER.FIELDS", b"NOT", b"OR", b"4294967295", b"0", b"-1",
    b"\x00", b"\xff", b"COMPRESS", b"DEFLATE",
]  # fmt: skip
LINES = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(b" ".join), max_size=12).map(
    lambda lines: b"".join(b"t%d %b\r\n" % (number, line) for number, line in enumerate(lines))
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.binary(max_size=60), st.booleans())
def test_whatever_a_client_sends_nothing_breaks(caplog, lines, noise, inside):
    caplog.clear()

    async def test(door: ImapDoor) -> None:
        connection = await (logged_in(door) if inside else door.connect())
        if inside:
            await answer(connection, b"s SELECT INBOX\r\n")
        said = await answer(connection, lines + noise)
        assert b"SERVERBUG" not in said

    run(test)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_scram_logs_in_and_a_wrong_proof_does_not():
    async def test(door: ImapDoor) -> None:
        connection = await door.connect()
        await connection.settle()
        connection.peer.sent.clear()
        for password, outcome in (("wrong", b"NO [AUTHENTICATIONFAILED]"), ("secret", b"OK [CAPABILITY")):
            from base64 import b64decode, b64encode

            said = await answer(connection, b"a AUTHENTICATE SCRAM-SHA-256 %b\r\n" % b64encode(scram_first("alice")))
            proof = scram_final(b64decode(said[2:].strip()), "alice", password)
            said = await answer(connection, b64encode(proof) + b"\r\n")
            if said.startswith(b"+ "):
                said = await answer(connection, b"\r\n")
            assert said.startswith(b"a " + outcome)

    run(test)


def test_pipelined_commands_are_answered_in_one_write():
    async def test(door: ImapDoor) -> None:
        connection = await logged_in(door)
        connection.peer.writes.clear()
        await answer(connection, b"".join(b"a%d NOOP\r\n" % number for number in range(50)))
        assert len(connection.peer.writes) == 1

    run(test)


def test_a_large_body_leaves_in_slices_each_after_the_client_took_the_one_before():
    async def test(door: ImapDoor) -> None:
        connection = await logged_in(door)
        await answer(connection, b"a APPEND INBOX {%d+}\r\n" % LARGE + b"x" * LARGE + b"\r\nb SELECT INBOX\r\n")
        peer = connection.peer
        peer.writes.clear()
        assert len(await answer(connection, b"c FETCH 1 BODY.PEEK[]\r\n")) > LARGE
        assert max(peer.writes) < 200_000
        peer.stalled = True
        assert len(await answer(connection, b"d FETCH 1 BODY.PEEK[]\r\n")) < 200_000
        peer.stalled = False
        peer.changed.set()
        while not (await asyncio.wait_for(connection.line(), 5) or b"").startswith(b"d OK"):
            pass

    run(test)


def test_many_lines_are_the_same_as_one_by_one():
    """The columns of a batch and the answers of single messages agree."""

    async def test(door: ImapDoor) -> None:
        connection = await logged_in(door)
        for number in range(30):
            text = MESSAGES[random.Random(number).choice(sorted(MESSAGES))]
            await answer(connection, b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(text), text))
        await answer(connection, b"b SELECT INBOX\r\n")
        items = (
            b"(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE MODSEQ EMAILID SAVEDATE "
            b"BODY.PEEK[HEADER.FIELDS (Subject From)])"
        )
        together = await answer(connection, b"c FETCH 1:* %b\r\n" % items)
        alone = b"".join([await answer(connection, b"c FETCH %d %b\r\n" % (number, items)) for number in range(1, 31)])
        done = re.compile(rb"^c OK .*\r\n", re.MULTILINE)
        assert done.sub(b"", together) == done.sub(b"", alone)
        assert together.count(b" FETCH (") == 30

    run(test)


def test_header_fields_from_the_index_and_from_the_message_are_the_same():
    async def test(door: ImapDoor) -> None:
        connection = await logged_in(door)
        for text in MESSAGES.values():
            await answer(connection, b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(text), text))
        await answer(connection, b"b SELECT INBOX\r\n")
        prepared = await answer(connection, b"c FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject From)]\r\n")
        # An offset takes the other way: the file is read.
        read = await answer(connection, b"c FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject From)]<0.99999>\r\n")
        assert read.replace(b"<0>", b"") == prepared

    run(test)


@pytest.mark.parametrize(
    "half", [b"a LIST", b'a LOGIN "x', b"a APPEND INBOX {5}\r\nx", b"a IDLE\r\n", b"a AUTHENTICATE PLAIN\r\n"]
)
def test_a_client_that_goes_away_in_mid_command_leaves_nothing_behind(half):
    async def test(door: ImapDoor) -> None:
        connection = await (logged_in(door) if b"A" in half[2:3] or b"I" in half[2:3] else door.connect())
        await answer(connection, half)
        await connection.close()
        assert connection.task.done()
        assert connection.session.account is None
        assert not door.world.sessions._entries

    run(test)


def test_a_line_without_end_is_cut_off():
    async def test(door: ImapDoor) -> None:
        door.settings = ImapSettings(max_append=10_000)
        connection = await logged_in(door)
        for _ in range(80):
            await connection.send(b"x" * 10_000)
        said = await connection.settle()
        assert b"* BYE" in said

    run(test)
