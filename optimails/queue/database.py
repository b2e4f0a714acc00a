"""The queue's one SQLite file, and others that are used like it.

Every change is on disk when ``write`` returns, and many callers share one fsync: a commit costs an fsync, whatever is
in it. So callers queue up their work; who gets the lock does the work of all that wait in one transaction, each in a
savepoint of its own, and one commit answers all of them. Other processes take turns through SQLite's own lock.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from optimails.model.errors import Unavailable
from optimails.queue.schema import SCHEMA, UPGRADES, VERSION

_T = TypeVar("_T")
_PATIENCE = 30.0  # seconds that other processes may hold the lock


class _Entry:
    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False


class Database:
    """For all threads of a process. Errors of SQLite become ``Unavailable``; others pass as they are."""

    def __init__(
        self,
        path: Path,
        schema: str = SCHEMA,
        version: int = VERSION,
        upgrades: Mapping[int, str] = MappingProxyType(UPGRADES),
        *,
        durable: bool = True,
    ) -> None:
        """``schema`` are the statements that make it, of that ``version``; ``upgrades`` lead from each to the next.

        What is not ``durable`` survives the death of the process, and is lost with the power.
        """
        self._synchronous = "FULL" if durable else "NORMAL"
        self._path = path
        self._schema = schema
        self._version = version
        self._upgrades = upgrades
        self._turn = threading.Lock()
        self._reading = threading.Lock()
        self._list = threading.Lock()
        self._waiting: list[_Entry] = []
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    async def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run ``work`` in a transaction; durable when this returns. It may raise: then nothing of it stays."""
        return await asyncio.get_running_loop().run_in_executor(None, self.write_now, work)

    async def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run ``work``, which changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(None, self.read_now, work)

    def write_now(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """``write``, in the thread of the caller."""
        entry = _Entry(work)
        with self._list:
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                with self._list:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        if isinstance(entry.error, sqlite3.Error | OSError):
            raise Unavailable("The queue cannot be written to now") from entry.error
        if entry.error is not None:
            raise entry.error
        result: _T = entry.result
        return result

    def read_now(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """``read``, in the thread of the caller."""
        try:
            with self._reading:
                self._reader = self._reader or self._open()
                return work(self._reader)
        except (sqlite3.Error, OSError) as wrong:
            raise Unavailable("The queue cannot be read now") from wrong

    def close(self) -> None:
        """Close the file; calls that come afterwards open it again."""
        with self._turn, self._reading:
            for connection in (self._writer, self._reader):
                if connection is not None:
                    connection.close()
            self._writer = self._reader = None

    def _commit(self, batch: list[_Entry]) -> None:
        try:
            self._writer = database = self._writer or self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                for entry in batch:
                    database.execute("SAVEPOINT one")
                    try:
                        entry.result = entry.work(database)
                    except Exception as error:  # noqa: BLE001  # it is the caller's, who hears of it
                        entry.error = error
                        database.execute("ROLLBACK TO one")
                    database.execute("RELEASE one")
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except BaseException as error:
            for entry in batch:
                entry.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for entry in batch:
                entry.done = True

    def _open(self) -> sqlite3.Connection:
        new = not self._path.exists()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"PRAGMA synchronous = {self._synchronous}")
            if database.execute("PRAGMA user_version").fetchone()[0] < self._version:
                self._create(database)
            if new:
                _sync(self._path.parent)
                _sync(self._path.parent.parent)
        except BaseException:
            database.close()
            raise
        return database

    def _create(self, database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        try:
            found = database.execute("PRAGMA user_version").fetchone()[0]  # perhaps somebody else was faster
            if found == 0:
                for statement in self._schema.split(";"):
                    if statement.strip():
                        database.execute(statement)
            else:
                for version in range(found, self._version):
                    database.execute(self._upgrades[version])
            if found < self._version:
                database.execute(f"PRAGMA user_version = {self._version}")
        finally:
            database.execute("COMMIT")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
