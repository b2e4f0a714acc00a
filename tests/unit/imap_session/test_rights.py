"""Rights and operations: with exactly the rights an act needs it succeeds, and without any one of them it does not
(RFC 4314 §4). Each line is tried with all rights, with only the needed ones, and with all but each."""

import asyncio

import pytest

from optimails.model.rights import STANDARD, letters
from tests.support.imap_door import ImapDoor
from tests.support.memory_peer import expect

BOX = '"Other Users/alice@demo.test/Box"'
SELECT = f"SELECT {BOX}"
MESSAGE = "{6+}\r\nx: y\r\n"

# command, needed rights, and what comes before it (with all rights)
OPERATIONS = [
    (f"STATUS {BOX} (MESSAGES)", "r", None),
    (f"EXAMINE {BOX}", "r", None),
    (f"GETQUOTAROOT {BOX}", "r", None),
    (f"APPEND {BOX} {MESSAGE}", "i", None),
    (f'CREATE {BOX[:-1]}/New"', "k", None),
    (f"DELETE {BOX}", "x", None),
    (f'RENAME {BOX} {BOX[:-1]}2"', None, None),  # and the right to create at the top, which no entry gives
    (f"GETACL {BOX}", "a", None),
    (f"SETACL {BOX} carol lr", "a", None),
    (f"DELETEACL {BOX} bob2", "a", None),
    (f"LISTRIGHTS {BOX} bob", "a", None),
    (f'SETMETADATA {BOX} (/private/comment "x")', "r", None),
    (f'SETMETADATA {BOX} (/shared/comment "x")', "rw", None),
    (f"GETMETADATA {BOX} /shared/comment", "r", None),
    ("FETCH 1 BODY[]", "r", SELECT),
    ("FETCH 1 FLAGS", "r", SELECT),
    ("SEARCH ALL", "r", SELECT),
    ("COPY 1 INBOX", "r", SELECT),
    ("MOVE 1 INBOX", "rte", SELECT),
    (f"COPY 1 {BOX}", "ri", SELECT),
    ("STORE 1 +FLAGS (\\Seen)", "rs", SELECT),
    ("STORE 1 +FLAGS (\\Deleted)", "rt", SELECT),
    ("STORE 1 +FLAGS (\\Flagged)", "rw", SELECT),
    ("STORE 1 +FLAGS ($Key)", "rw", SELECT),
    ("EXPUNGE", "re", SELECT),
]


async def answer(connection, line: str) -> bytes:
    await connection.send(f"t {line}\r\n".encode())
    while True:
        got = await connection.line()
        if got is None or got.startswith(b"* BYE"):
            return b"BYE"
        if got.startswith(b"t "):
            return got[2:].split(b" ")[0]


async def attempt(command: str, rights: str, before: str | None) -> bytes:
    """What the command answers to somebody with these rights."""
    door = ImapDoor()
    try:
        alice, bob = await door.connect(), await door.connect()
        door.world.directory.rights.groups = {f"{name}@demo.test": set() for name in ("carol", "bob2")}
        await door.login(alice)
        await expect(bob, 'b LOGIN bob "büro 1"\r\n'.encode(), b"b OK")
        await expect(alice, b"a CREATE Box\r\n", b"a OK")
        await expect(alice, f"a APPEND Box {MESSAGE}\r\n".encode(), b"a OK")
        await expect(alice, b"a SETACL Box bob lrswipkxtea\r\n", b"a OK")
        if before is not None:
            await expect(bob, f"b {before}\r\n".encode(), b"b OK")
        await expect(alice, f'a SETACL Box bob "{rights}"\r\n'.encode(), b"a OK")
        return await answer(bob, command)
    finally:
        for connection in door.connections:
            await connection.close()
        await door.world.close()


@pytest.mark.parametrize(("command", "needed", "before"), OPERATIONS, ids=lambda value: str(value)[:24])
def test_each_operation_needs_its_rights_and_no_other(command, needed, before):
    every = letters(STANDARD)
    if needed is None:
        assert asyncio.run(attempt(command, every, before)) == b"NO"
        return
    assert asyncio.run(attempt(command, needed, before)) == b"OK"
    for missing in needed:
        less = every.replace(missing, "")
        refused = asyncio.run(attempt(command, less, before))
        assert refused in ((b"NO", b"BYE") if before else (b"NO",)), (command, less)
