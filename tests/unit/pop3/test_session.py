"""What dialogue files cannot show: sizes of writes, SCRAM, what other clients see afterwards, and our own mistakes."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from optimails.door.session import FLUSH_AT
from optimails.mailbox.selected import LocalSelectedMailbox
from optimails.model.errors import Unavailable
from tests.support.in_loop import in_loop
from tests.support.pop3_door import MESSAGES, MemoryConnection, Pop3Door
from tests.support.world import scram_final, scram_first


@asynccontextmanager
async def door(*messages: bytes) -> AsyncIterator[Pop3Door]:
    made = Pop3Door()
    await made.deliver(*messages)
    try:
        yield made
    finally:
        for connection in made.connections:
            await connection.close()
        await made.world.close()


async def ask(connection: MemoryConnection, *lines: bytes) -> list[bytes]:
    """Send lines together, and take all that is answered."""
    connection.peer.sent.clear()
    await connection.send(b"".join(line + b"\r\n" for line in lines))
    return (await connection.settle()).split(b"\r\n")[:-1]


async def logged_in(made: Pop3Door) -> MemoryConnection:
    connection = await made.connect()
    await connection.settle()
    answers = await ask(connection, b"USER alice", b"PASS secret")
    assert answers[-1].startswith(b"+OK Logged in")
    return connection


@in_loop
async def test_scram() -> None:
    async with door() as made:
        connection = await made.connect()
        await connection.settle()
        (answer,) = await ask(connection, b"AUTH SCRAM-SHA-256 " + base64.b64encode(scram_first("alice")))
        final = scram_final(base64.b64decode(answer.removeprefix(b"+ ")), "alice", "secret")
        (answer,) = await ask(connection, base64.b64encode(final))
        assert base64.b64decode(answer.removeprefix(b"+ ")).startswith(b"v=")
        (answer,) = await ask(connection, b"")
        assert answer == b"+OK Logged in: 0 messages, 0 octets"


@in_loop
async def test_a_large_message_goes_out_in_slices_while_the_client_reads_slowly() -> None:
    message = b"Subject: Large\r\n\r\n" + b".dotted line of some length\r\n" * 100_000
    async with door(message) as made:
        connection = await logged_in(made)
        peer = connection.peer
        peer.sent.clear()
        peer.writes.clear()
        peer.stalled = True
        await connection.send(b"RETR 1\r\nNOOP\r\n")
        got = bytearray()
        while not got.endswith(b"\r\n.\r\n+OK\r\n"):
            await connection.settle()
            assert len(peer.sent) < 3 * FLUSH_AT  # what waits for a client that does not read
            got += peer.sent
            peer.sent.clear()
            peer.changed.set()
            await asyncio.sleep(0)
        assert max(peer.writes) < 3 * FLUSH_AT
        first, _, rest = bytes(got).partition(b"\r\n")
        assert first == b"+OK %d octets" % len(message)
        assert rest == message.replace(b"\n.", b"\n..") + b".\r\n+OK\r\n"


@in_loop
async def test_answers_to_pipelined_commands_leave_together() -> None:
    async with door(MESSAGES["plain"]) as made:
        connection = await logged_in(made)
        connection.peer.writes.clear()
        assert len(await ask(connection, b"STAT", b"LIST 1", b"UIDL 1", b"NOOP")) == 4
        assert len(connection.peer.writes) == 1


@in_loop
async def test_long_listings_come_in_portions() -> None:
    async with door(*[MESSAGES["header"]] * 30) as made:
        connection = await logged_in(made)
        maildrop = connection.session.maildrop
        maildrop._uids *= 1000
        maildrop._sizes *= 1000
        connection.peer.writes.clear()
        assert len(await ask(connection, b"UIDL")) == 30_002
        assert len(await ask(connection, b"LIST")) == 30_002
        assert max(connection.peer.writes) < 2 * FLUSH_AT


@in_loop
async def test_downloaded_messages_count_as_read_after_quit_and_only_then() -> None:
    async with door(*[MESSAGES["plain"]] * 3) as made:
        connection = await logged_in(made)
        await ask(connection, b"RETR 1", b"TOP 2 0", b"RETR 3", b"DELE 3")
        assert await made.unseen() == 3
        await ask(connection, b"QUIT")
        assert await made.unseen() == 1  # the second: a look at its header is not reading


@in_loop
async def test_or_never_by_setting() -> None:
    async with door(MESSAGES["plain"]) as made:
        made.settings = made.settings.model_copy(update={"mark_seen": False})
        await ask(await logged_in(made), b"RETR 1", b"QUIT")
        assert await made.unseen() == 1


@in_loop
async def test_unique_ids_are_short_printable_and_different() -> None:
    async with door(*[MESSAGES["plain"]] * 3) as made:
        _, *lines, _ = await ask(await logged_in(made), b"UIDL")
        ids = {line.split(b" ")[1] for line in lines}
        assert len(ids) == 3
        assert all(1 <= len(one) <= 70 and one.isalnum() for one in ids)  # RFC 1939 §7


@in_loop
async def test_when_removing_fails_the_client_is_told() -> None:
    async with door(MESSAGES["plain"]) as made:
        connection = await logged_in(made)

        async def full(*_args: object, **_more: object) -> None:
            raise Unavailable("disk full")

        connection.session.maildrop.mailbox.expunge = full
        assert (await ask(connection, b"DELE 1", b"QUIT"))[-1].startswith(b"-ERR [SYS/TEMP] Some messages")
        assert connection.task.done()


@in_loop
async def test_our_own_mistakes_show_an_id_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async with door(MESSAGES["plain"]) as made:
        connection = await logged_in(made)

        async def broken(_uid: int) -> None:
            raise ZeroDivisionError("secret detail")

        connection.session.maildrop.mailbox.open_message = broken
        with caplog.at_level(logging.ERROR):
            (answer, more) = await ask(connection, b"RETR 1", b"NOOP")
        incident = caplog.records[-1].fields["id"]
        assert answer == b"-ERR [SYS/TEMP] Something went wrong here. If you report it, give the number %b." % (
            incident.encode()
        )
        assert more == b"+OK"


@in_loop
async def test_a_message_that_breaks_off_ends_the_connection_instead_of_looking_whole() -> None:
    async with door(MESSAGES["plain"]) as made:
        connection = await logged_in(made)

        class Torn:
            def view(self) -> "Torn":
                return self

            def __len__(self) -> int:
                return 100

            def __getitem__(self, _: slice) -> bytes:
                raise OSError("I/O error")

            def close(self) -> None:
                pass

        async def torn(_uid: int) -> Torn:
            return Torn()

        connection.session.maildrop.mailbox.open_message = torn
        assert b"." not in await ask(connection, b"RETR 1", b"QUIT")
        assert connection.task.done()


@in_loop
async def test_a_client_that_is_gone_leaves_nothing_behind() -> None:
    async with door(MESSAGES["plain"]) as made:
        made.world.sessions = made.world.limited(connections_per_account=1)
        for _ in range(3):
            connection = await logged_in(made)
            await connection.close()
        await logged_in(made)


@in_loop
async def test_a_mailbox_that_cannot_be_opened_frees_its_place() -> None:
    async with door() as made:
        made.world.sessions = made.world.limited(connections_per_account=1)
        connection = await made.connect()
        await connection.settle()
        opened = made.world.mail.open

        async def away(_account: object) -> None:
            raise Unavailable("disk is away")

        made.world.mail.open = away
        assert (await ask(connection, b"USER alice", b"PASS secret"))[-1].startswith(b"-ERR [SYS/TEMP]")
        made.world.mail.open = opened

        def torn(*_args: object) -> None:
            raise Unavailable("index is locked")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LocalSelectedMailbox, "fetch", torn)
            await made.deliver(MESSAGES["plain"])
            assert (await ask(connection, b"USER alice", b"PASS secret"))[-1].startswith(b"-ERR [SYS/TEMP]")
        assert (await ask(connection, b"USER alice", b"PASS secret"))[-1].startswith(b"+OK")
