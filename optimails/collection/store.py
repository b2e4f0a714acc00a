"""The sources and what was fetched from them: one SQLite file, each change on disk when the call returns. Blocking.

``seen`` has a row for every message fetched, as long as the far server lists it and 30 days more (a server that once
shows an empty mailbox must not make everything come again). ``pending`` says what is just being stored: see ``visit``.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optimails.collection.api import Access, Source, SourceTls, Spoken, Trouble
from optimails.collection.secret import Secrets
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.ids import AccountId

_FOLDER = "collection"
_VERSION = 1
_DAY = 86_400.0
_FORGET = 30 * _DAY
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS source (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    protocol TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    tls TEXT NOT NULL,
    login TEXT NOT NULL,
    secret BLOB NOT NULL,
    mailbox TEXT NOT NULL,
    delete_after REAL,
    enabled INTEGER NOT NULL,
    due REAL NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    last_visit REAL,
    last_success REAL,
    trouble TEXT,
    detail TEXT NOT NULL DEFAULT '',
    fetched INTEGER NOT NULL DEFAULT 0,
    too_big INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS seen (
    source INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
    id TEXT NOT NULL,
    digest BLOB,  -- NULL: too big, it was not stored
    fetched REAL NOT NULL,
    listed REAL NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_digest ON seen (source, digest);
CREATE TABLE IF NOT EXISTS pending (
    source INTEGER PRIMARY KEY REFERENCES source ON DELETE CASCADE,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL
);
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_COLUMNS = (
    "id, account, protocol, host, port, tls, login, mailbox, delete_after, enabled, due, failures, last_visit,"
    " last_success, trouble, detail, fetched, too_big"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that may or may not have been stored when the process died."""

    id: str
    digest: bytes
    size: int
    mailbox: str
    uid_validity: int  # of the mailbox, before
    uid_next: int


@dataclass(frozen=True, slots=True)
class Seen:
    digest: bytes | None
    fetched: float


class SourceStore:
    """For all threads of a process. Raises ``Unavailable`` when the disk or another process is in the way."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = data / _FOLDER
        self._path = self._folder / "sources.sqlite"
        self._secrets = Secrets(self._folder / "key")
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether anybody ever had a source."""
        return self._path.exists()

    # -- sources

    def add(self, source: Source, password: str, limit: int) -> int:
        """Keep a new source (its ``id`` is of no matter); gives its id. Raises ``Refused(LIMIT)`` when the account has
        ``limit`` sources already."""
        access, account = source.access, source.account
        secret = self._secrets.seal(account, password)
        with self._change() as database:
            (count,) = database.execute("SELECT count(*) FROM source WHERE account = ?", (account,)).fetchone()
            if count >= limit:
                raise Refused(Reason.LIMIT, f"An account may have {limit} sources")
            row = database.execute(
                "INSERT INTO source (account, protocol, host, port, tls, login, secret, mailbox, delete_after, enabled)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (account, access.protocol, access.host, access.port, access.tls, access.login, secret,
                 source.mailbox, source.delete_after, source.enabled),
            ).fetchone()  # fmt: skip
        return int(row[0])

    def change(self, source: Source, password: str | None = None) -> None:
        """Access, mailbox, ``delete_after`` and ``enabled`` as they are in ``source``; its turn comes at once."""
        access = source.access
        with self._change() as database:
            database.execute(
                "UPDATE source SET protocol = ?, host = ?, port = ?, tls = ?, login = ?, mailbox = ?, delete_after = ?,"
                " enabled = ?, due = 0, failures = 0 WHERE id = ?",
                (access.protocol, access.host, access.port, access.tls, access.login, source.mailbox,
                 source.delete_after, source.enabled, source.id),
            )  # fmt: skip
            if password is not None:
                secret = self._secrets.seal(source.account, password)
                database.execute("UPDATE source SET secret = ? WHERE id = ?", (secret, source.id))

    def remove(self, source: int) -> None:
        """With its password and all that is known of it."""
        with self._change() as database:
            database.execute("DELETE FROM source WHERE id = ?", (source,))
        (self._folder / "locks" / str(source)).unlink(missing_ok=True)

    def sources(self, account: AccountId | None = None) -> list[Source]:
        if not self.exists:
            return []
        with self._use() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM source WHERE account = ?1 OR ?1 IS NULL ORDER BY id",  # noqa: S608  # ours
                (account,),
            ).fetchall()
        return [_source(row) for row in rows]

    def due(self, limit: int) -> list[Source]:
        """Enabled ones whose turn it is, the longest waiting first."""
        if not self.exists:
            return []
        with self._use() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM source WHERE enabled AND due <= ? ORDER BY due LIMIT ?",  # noqa: S608  # ours
                (self._clock(), limit),
            ).fetchall()
        return [_source(row) for row in rows]

    def password(self, source: Source) -> str:
        """Raises ``CollectFailed(KEY)``."""
        with self._use() as database:
            row = database.execute("SELECT secret FROM source WHERE id = ?", (source.id,)).fetchone()
        return self._secrets.open(source.account, row[0] if row else b"")

    @contextmanager
    def locked(self, source: int) -> Iterator[bool]:
        """Whether nobody else, in any process, visits this source; it stays so within the context."""
        folder = self._folder / "locks"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / str(source), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    # -- visits

    def succeeded(self, source: int, due: float, too_big: int) -> None:
        now = self._clock()
        with self._change() as database:
            database.execute(
                "UPDATE source SET due = ?, failures = 0, last_visit = ?, last_success = ?, trouble = NULL,"
                " detail = '', too_big = ? WHERE id = ?",
                (due, now, now, too_big, source),
            )

    def failed(self, source: int, due: float, trouble: Trouble, detail: str) -> None:
        with self._change() as database:
            database.execute(
                "UPDATE source SET due = ?, failures = failures + 1, last_visit = ?, trouble = ?, detail = ?"
                " WHERE id = ?",
                (due, self._clock(), trouble, detail, source),
            )

    def seen(self, source: int) -> dict[str, Seen]:
        with self._use() as database:
            rows = database.execute("SELECT id, digest, fetched FROM seen WHERE source = ?", (source,)).fetchall()
        return {identity: Seen(digest, fetched) for identity, digest, fetched in rows}

    def pending(self, source: int) -> Pending | None:
        with self._use() as database:
            row = database.execute(
                "SELECT id, digest, size, mailbox, uid_validity, uid_next FROM pending WHERE source = ?", (source,)
            ).fetchone()
        return Pending(*row) if row else None

    def intend(self, source: int, pending: Pending) -> None:
        """What is going to be stored next."""
        with self._change() as database:
            database.execute(
                "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)",
                (source, pending.id, pending.digest, pending.size, pending.mailbox, pending.uid_validity,
                 pending.uid_next),
            )  # fmt: skip

    def forget_pending(self, source: int) -> None:
        """It was not stored."""
        with self._change() as database:
            database.execute("DELETE FROM pending WHERE source = ?", (source,))

    def record(self, source: int, identity: str, digest: bytes | None, *, stored: bool = True) -> None:
        """The message is dealt with, for ever; ``digest`` None: it is too big. Nothing is pending any more."""
        now = self._clock()
        with self._change() as database:
            database.execute(
                "INSERT OR REPLACE INTO seen SELECT id, ?, ?, ?, ? FROM source WHERE id = ?",
                (identity, digest, now, now, source),
            )
            database.execute("DELETE FROM pending WHERE source = ?", (source,))
            database.execute("UPDATE source SET fetched = fetched + ? WHERE id = ?", (stored, source))

    def listed(self, source: int, identities: Sequence[str]) -> None:
        """The far server still has these; others are forgotten in time."""
        now = self._clock()
        with self._change() as database:
            database.executemany(
                "UPDATE seen SET listed = ? WHERE source = ? AND id = ? AND listed < ?",
                ((now, source, identity, now - _DAY) for identity in identities),
            )
            database.execute("DELETE FROM seen WHERE source = ? AND listed < ?", (source, now - _FORGET))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- the file

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection = self._connection or self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as wrong:
                raise Unavailable("The sources cannot be read or written now") from wrong

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._use() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")  # what was recorded survives a loss of power
            database.execute("PRAGMA foreign_keys = ON")
            if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
        return database


def _source(row: tuple[int, str, str, str, int, str, str, str, float | None, int, float, int, float | None,
                       float | None, str | None, str, int, int]) -> Source:  # fmt: skip
    return Source(
        id=row[0],
        account=AccountId(row[1]),
        access=Access(Spoken(row[2]), row[3], row[4], SourceTls(row[5]), row[6]),
        mailbox=row[7],
        delete_after=row[8],
        enabled=bool(row[9]),
        due=row[10],
        failures=row[11],
        last_visit=row[12],
        last_success=row[13],
        trouble=Trouble(row[14]) if row[14] else None,
        detail=row[15],
        fetched=row[16],
        too_big=row[17],
    )
