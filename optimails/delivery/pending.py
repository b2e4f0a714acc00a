"""Which accounts have a message already that its sender will send again.

**The problem.** SMTP gives one answer for all recipients of a message. When some of them have it on disk and another
one fails for now, 250 would lose a copy and 4xx makes the client send everything again. LMTP has the same trouble on
a smaller scale: an alias of two accounts is one recipient.

**The rule.** We answer 4xx, and before that note for this message which accounts have it. When the same message comes
again, from the same envelope sender with the same content, those accounts count as served. Once the message is
acknowledged, the notes go; otherwise after some days, when every sender has given up.

**The price.** None where nothing fails in part: one ``stat`` of the file tells that no note was written since we last
looked. A crash between storing and noting can store a message twice; it cannot lose one.

SQLite keeps the notes, in one file that all workers of this machine share, in rollback-journal mode: every change then
touches the main file, which is what makes the ``stat`` enough.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from optimails.model.ids import AccountId

_T = TypeVar("_T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pending (
    delivery BLOB NOT NULL, account TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (delivery, account)
) WITHOUT ROWID
"""
_DAY = 86_400
_SOON = 0.05  # seconds
_FRESH = 1_000_000_000  # ns: a file changed so shortly before we read it may have changed again with the same time


class Pending:
    """The notes. The calls may raise ``sqlite3.Error`` and ``OSError``: what to do then is the caller's decision."""

    def __init__(self, path: Path, days: int) -> None:
        self._path = path
        self._days = days
        self._known: frozenset[bytes] = frozenset()
        self._looked = 0.0  # by the monotonic clock
        self._seen: tuple[int, int] | None = None  # time of change and size of the file when it was read

    async def refresh(self) -> bool:
        """Whether there is any note at all; reads them only when the file has changed.

        Nobody sends a message again so soon that the file had to be looked at for each message.
        """
        now = time.monotonic()
        if now - self._looked < _SOON:
            return bool(self._known)
        try:
            status = os.stat(self._path)  # noqa: PTH116  (a Path method costs as much again)
        except FileNotFoundError:
            self._known, self._looked = frozenset(), now
            return False
        if self._seen != (status.st_mtime_ns, status.st_size):
            fresh = time.time_ns() - status.st_mtime_ns < _FRESH
            self._known = await self._run(self._deliveries)
            self._seen = None if fresh else (status.st_mtime_ns, status.st_size)
        self._looked = now
        return bool(self._known)

    async def served(self, delivery: bytes) -> frozenset[AccountId]:
        """The accounts that have this message; to be asked after ``refresh``."""
        if delivery not in self._known:
            return frozenset()
        return await self._run(lambda database: self._served(database, delivery))

    async def remember(self, delivery: bytes, accounts: Collection[AccountId]) -> None:
        """Note that these accounts have it."""
        now = int(time.time())
        rows = [(delivery, account, now + self._days * _DAY) for account in accounts]

        def write(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM pending WHERE expires < ?", (now,))
            database.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?, ?)", rows)

        await self._run(write)
        self._looked = 0.0

    async def forget(self, delivery: bytes, accounts: Iterable[AccountId]) -> None:
        """The message was acknowledged for these accounts."""
        rows = [(delivery, account) for account in accounts]
        await self._run(
            lambda database: database.executemany("DELETE FROM pending WHERE delivery = ? AND account = ?", rows)
        )
        self._looked = 0.0

    @staticmethod
    def _deliveries(database: sqlite3.Connection) -> frozenset[bytes]:
        rows = database.execute("SELECT DISTINCT delivery FROM pending WHERE expires >= ?", (int(time.time()),))
        return frozenset(row[0] for row in rows)

    @staticmethod
    def _served(database: sqlite3.Connection, delivery: bytes) -> frozenset[AccountId]:
        rows = database.execute("SELECT account FROM pending WHERE delivery = ?", (delivery,))
        return frozenset(AccountId(row[0]) for row in rows)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(None, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            database.execute("PRAGMA synchronous = FULL")
            database.execute(_SCHEMA)
            return work(database)
