"""Posts on their way to a list's members, and those that wait for a moderator: safe on disk, over any crash.

**What is safe when.** ``accept`` writes the content (file and folder synced), then commits the row; only the row makes
it a post, and only then the sender hears 250. ``begin`` writes down in one transaction who is to get it: from then on
the list may change as it will. Who has it, or never will, is struck out (``settle``); the post is forgotten when nobody
is left. Killed in between, the runner goes on with those who are left: at most the few that were being served at that
very moment get it twice, as with any SMTP.

**Whose turn.** A runner writes its process into the row of a post it works on, so that two of them (while the service
reloads) never work on one; who finds that process dead goes on with the post.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from optimails.lists.api import Arrived, Post, State, Target
from optimails.model.address import EmailAddress
from optimails.queue.contents import Contents
from optimails.queue.database import Database
from optimails.queue.owner import alive, this_process

FOLDER = "lists"
VERSION = 1
SCHEMA = """
CREATE TABLE post (
    id TEXT PRIMARY KEY, list TEXT NOT NULL, tag TEXT NOT NULL, state TEXT NOT NULL, sender TEXT NOT NULL,
    account TEXT NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL, size INTEGER NOT NULL, arrived REAL NOT NULL,
    due REAL, expires REAL, attempts INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', owner TEXT
) WITHOUT ROWID;
CREATE INDEX post_due ON post (due) WHERE due IS NOT NULL;
CREATE INDEX post_expires ON post (expires) WHERE expires IS NOT NULL;
CREATE TABLE target (
    post TEXT NOT NULL REFERENCES post (id), address TEXT NOT NULL, member INTEGER NOT NULL, due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (post, address)
) WITHOUT ROWID;
"""
_COLUMNS = "id, list, tag, state, sender, account, author, subject, size, arrived, expires, attempts, told, reason"
MAX_SHOWN = 300  # characters of author and subject


class ListStore:
    """Blocking work is done in threads. Calls raise ``Unavailable`` when the disk or the database does not work."""

    def __init__(
        self,
        data: Path,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        owner: str | None = None,
    ) -> None:
        """``data`` is the service's data folder; ``wake`` is called when there is something to do."""
        folder = data / FOLDER
        self.contents = Contents(folder / "spool")
        self.clock = clock
        self._database = Database(folder / "lists.sqlite", SCHEMA, VERSION)
        self._wake = wake
        self._owner = owner or this_process()

    def close(self) -> None:
        self._database.close()

    # -- coming in

    async def accept(self, mail: Arrived, pieces: Iterable[bytes]) -> str:
        """Store a mail; it is on disk when this returns. ``pieces`` are read in a thread. Gives its name."""
        identity = await asyncio.get_running_loop().run_in_executor(None, self._accept, mail, pieces)
        self._wake()
        return identity

    def _accept(self, mail: Arrived, pieces: Iterable[bytes]) -> str:
        identity = secrets.token_hex(8)
        size = self.contents.write(identity, pieces)
        now = self.clock()
        state = State.HELD if mail.held else State.WAITING
        row = (identity, mail.mailing_list, mail.tag, state.value, str(mail.sender or ""), mail.account,
               mail.author[:MAX_SHOWN], mail.subject[:MAX_SHOWN], size, now, max(now, mail.not_before),
               now + mail.hold_seconds if mail.held else None)  # fmt: skip
        try:
            self._database.write_now(
                lambda database: database.execute(
                    "INSERT INTO post (id, list, tag, state, sender, account, author, subject, size, arrived, due, "
                    "expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            )
        except BaseException:
            self.contents.remove(identity)
            raise
        return identity

    # -- the runner

    async def recover(self) -> int:
        """Free what dead processes worked on. This one works on nothing when it asks, so its own as well: a post may be
        left that could not be given back, for want of room."""

        def owners(database: sqlite3.Connection) -> list[str]:
            query = "SELECT DISTINCT owner FROM post WHERE owner IS NOT NULL"
            return [owner for (owner,) in database.execute(query) if owner == self._owner or not alive(owner)]

        dead = await self._database.read(owners)
        if not dead:
            return 0

        def free(database: sqlite3.Connection) -> int:
            rows = [(owner,) for owner in dead]
            return database.executemany("UPDATE post SET owner = NULL WHERE owner = ?", rows).rowcount

        return await self._database.write(free)

    async def lease(self, most: int) -> list[Post]:
        """Take what is due: posts to send on, held ones of which the moderators do not know, errands."""
        now = self.clock()
        where = "due <= ? AND owner IS NULL"
        due = f"SELECT 1 FROM post WHERE {where} LIMIT 1"  # noqa: S608 - no value in it
        if not await self._database.read(lambda database: database.execute(due, (now,)).fetchone()):
            return []

        def take(database: sqlite3.Connection) -> list[Post]:
            query = f"SELECT {_COLUMNS} FROM post WHERE {where} ORDER BY due LIMIT ?"  # noqa: S608 - likewise
            found = [_post(row) for row in database.execute(query, (now, most))]
            rows = [(self._owner, one.id) for one in found]
            database.executemany("UPDATE post SET owner = ? WHERE id = ?", rows)
            return found

        return await self._database.write(take)

    async def begin(self, post: str, targets: Iterable[tuple[EmailAddress, int]], expires: float) -> None:
        """From here on these are to get it, and nobody else; a second call changes nothing."""
        now = self.clock()
        rows = [(post, str(address), member, now) for address, member in targets]

        def write(database: sqlite3.Connection) -> None:
            query = "UPDATE post SET state = ?, expires = ? WHERE id = ? AND state = ?"
            if database.execute(query, (State.SENDING.value, expires, post, State.WAITING.value)).rowcount:
                database.executemany(
                    "INSERT OR IGNORE INTO target (post, address, member, due) VALUES (?, ?, ?, ?)", rows
                )

        await self._database.write(write)

    async def targets(self, post: str, most: int) -> list[Target]:
        """Some of those whose turn it is."""
        query = "SELECT address, member, attempts FROM target WHERE post = ? AND due <= ? LIMIT ?"
        values = (post, self.clock(), most)
        return await self._database.read(
            lambda database: [
                Target(_address(address), member, attempts)
                for address, member, attempts in database.execute(query, values)
            ]
        )

    async def settle(self, post: str, done: Sequence[Target], later: Sequence[tuple[Target, float]]) -> None:
        """Strike out who has it or never will; the others are tried again at that time."""

        def write(database: sqlite3.Connection) -> None:
            gone = [(post, str(one.address)) for one in done]
            database.executemany("DELETE FROM target WHERE post = ? AND address = ?", gone)
            again = [(when, one.attempts + 1, post, str(one.address)) for one, when in later]
            database.executemany("UPDATE target SET due = ?, attempts = ? WHERE post = ? AND address = ?", again)

        await self._database.write(write)

    async def rest(self, post: str) -> bool:
        """Nothing more to do for a post now: forgets it when nobody is left, else it comes again when somebody is due.
        Gives whether it is done with."""

        def write(database: sqlite3.Connection) -> bool:
            due = database.execute("SELECT min(due) FROM target WHERE post = ?", (post,)).fetchone()[0]
            if due is None:
                database.execute("DELETE FROM post WHERE id = ?", (post,))
            else:
                database.execute("UPDATE post SET owner = NULL, due = ? WHERE id = ?", (due, post))
            return due is None

        done = await self._database.write(write)
        if done:
            await self._drop(post)
        return done

    async def later(self, post: str, when: float) -> None:
        """It could not be worked on; try again then."""
        query = "UPDATE post SET owner = NULL, due = ?, attempts = attempts + 1 WHERE id = ?"
        await self._database.write(lambda database: database.execute(query, (when, post)))

    async def announced(self, post: str) -> None:
        """The moderators know of a held post: it waits for them, and in the end for nobody."""
        query = "UPDATE post SET owner = NULL, told = 1, due = expires WHERE id = ? AND state = 'held'"
        await self._database.write(lambda database: database.execute(query, (post,)))

    async def forget(self, post: str) -> None:
        """It is done with, whoever has it."""

        def write(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM target WHERE post = ?", (post,))
            database.execute("DELETE FROM post WHERE id = ?", (post,))

        await self._database.write(write)
        await self._drop(post)

    async def next_due(self) -> float | None:
        """When something is to be done next."""
        query = "SELECT min(due) FROM post WHERE due IS NOT NULL AND owner IS NULL"
        return await self._database.read(lambda database: database.execute(query).fetchone()[0])

    async def clean(self) -> int:
        """Remove contents that nobody knows; gives their number."""
        known = await self._database.read(lambda database: {row[0] for row in database.execute("SELECT id FROM post")})
        orphans = await asyncio.to_thread(self.contents.orphans, known)
        for one in orphans:
            await self._drop(one)
        return len(orphans)

    # -- moderators

    async def held(self, mailing_list: str | None = None) -> list[Post]:
        """Posts that wait for a moderator, the oldest first; those of one list, by its key, or all."""
        query = f"SELECT {_COLUMNS} FROM post WHERE state = 'held'"  # noqa: S608 - no value in it
        values: tuple[str, ...] = ()
        if mailing_list is not None:
            query, values = f"{query} AND list = ?", (mailing_list,)
        return await self._database.read(
            lambda database: [_post(row) for row in database.execute(f"{query} ORDER BY arrived, id", values)]
        )

    async def get(self, post: str) -> Post | None:
        query = f"SELECT {_COLUMNS} FROM post WHERE id = ?"  # noqa: S608 - no value in it

        def read(database: sqlite3.Connection) -> Post | None:
            row = database.execute(query, (post,)).fetchone()
            return _post(row) if row else None

        return await self._database.read(read)

    async def approve(self, post: str) -> bool:
        """It is to be sent on; False: it does not wait any more. Of several decisions the first counts."""
        return await self._decide(post, State.WAITING, "")

    async def reject(self, post: str, reason: str = "") -> bool:
        """It is not sent on; the poster is told by the runner. False as for ``approve``."""
        return await self._decide(post, State.REJECTED, reason)

    async def _decide(self, post: str, state: State, reason: str) -> bool:
        query = (
            "UPDATE post SET state = ?, reason = ?, due = ?, expires = NULL, owner = NULL, attempts = 0 "
            "WHERE id = ? AND state = 'held'"
        )
        values = (state.value, reason[:MAX_SHOWN], self.clock(), post)
        decided = await self._database.write(lambda database: database.execute(query, values).rowcount > 0)
        if decided:
            self._wake()
        return decided

    async def _drop(self, post: str) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.contents.remove, post)


def _post(row: tuple[Any, ...]) -> Post:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values |= {"state": State(values["state"]), "told": bool(values["told"]), "mailing_list": values.pop("list")}
    return Post(**values)


def _address(text: str) -> EmailAddress:
    return EmailAddress(*text.rpartition("@")[::2])
