"""Connections to one account's index file.

Rules: one writer at a time in a process (a lock) and across processes (``BEGIN IMMEDIATE``); readers have connections
of their own and never wait for the writer (WAL). ``synchronous`` is NORMAL, so a commit costs no sync and survives the
death of the process; what must survive a power cut commits with ``durable=True``.
"""

import errno
import functools
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from optimails.index.schema import UPGRADES, VERSION, sqlite_statements
from optimails.model.errors import Unavailable

BUSY_TIMEOUT = 15.0  # seconds that a writer waits for one in another process
CACHE = 512  # KiB of pages that a connection may keep
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EACCES}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Damaged(Unavailable):
    """The index file can't be used; it is to be rebuilt from the message files."""


def storage_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Turn what a full, read-only or busy disk raises into ``Unavailable``; everything else passes."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except sqlite3.DatabaseError as wrong:
            code = getattr(wrong, "sqlite_errorcode", 0) & 0xFF  # the primary code
            if code in _DAMAGE:
                raise Damaged(str(wrong)) from wrong
            if code in _AWAY:
                log.warning("index_unavailable", extra={"fields": {"error": str(wrong)}})
                raise Unavailable("Mail storage is temporarily unavailable") from wrong
            raise
        except OSError as wrong:
            if wrong.errno in _DISK:
                log.warning("store_unavailable", extra={"fields": {"error": str(wrong)}})
                raise Unavailable("Mail storage is temporarily unavailable") from wrong
            raise

    return guarded


@dataclass(frozen=True, slots=True)
class Schema:
    """What creates a file, and the version it then has (``PRAGMA user_version``)."""

    version: int
    statements: Callable[[], list[str]]
    upgrades: Mapping[int, Callable[[], list[str]]] = field(default_factory=dict)  # from the version before


INDEX = Schema(VERSION, sqlite_statements, UPGRADES)


class Database:
    """The index file, or a private database in memory when ``path`` is None (for tests)."""

    def __init__(self, path: Path | None, schema: Schema = INDEX) -> None:
        self._path = path
        self._schema = schema
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self.before_commit: Callable[[sqlite3.Connection], None] = lambda _: None
        """Called at the end of every write, inside of its transaction; what it raises undoes it."""
        self._writer = self._connect()
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._create()
        elif version != schema.version:
            self._upgrade(version)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        if self._path:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        return connection

    def _create(self) -> None:
        with self.write(durable=True) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in self._schema.statements():
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._schema.version}")

    def _upgrade(self, version: int) -> None:
        """Bring an older file up to date. One of a newer program is left alone: to rebuild it would lose flags."""
        schema = self._schema
        if version > schema.version and schema.upgrades:
            raise Unavailable(f"The index has schema version {version}, this program knows {schema.version}")
        if any(step not in schema.upgrades for step in range(version + 1, schema.version + 1)) or not schema.upgrades:
            raise Damaged(f"index has schema version {version}, this program knows {schema.version}")
        with self.write(durable=True) as connection:
            now = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
            for step in range(now + 1, schema.version + 1):
                for statement in schema.upgrades[step]():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema.version}")

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction, committed at the end of the block and rolled back when it raises."""
        with self._lock:
            connection = self._writer
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    self.before_commit(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; each statement sees the last commit."""
        if self._path is None:
            with self._lock:
                yield self._writer
            return
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            if self._closed or len(self._idle) >= 2:
                connection.close()
            else:
                self._idle.append(connection)

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        with self.read() as connection:
            rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
        return [row[0] for row in rows if row[0] != "ok"]

    def close(self) -> None:
        """Close every connection; the last process to do so also empties the write-ahead log."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            self._writer.close()
