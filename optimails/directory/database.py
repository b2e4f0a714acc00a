"""The directory's database: SQLite beside the mail, or PostgreSQL by URL."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from optimails.config.base import read_secret
from optimails.config.directory import DirectorySettings
from optimails.directory import migrate
from optimails.directory.schema import directory
from optimails.model.errors import Unavailable

FILE = "directory.sqlite"
BUSY_SECONDS = 10.0  # that a writer waits for one in another process


class Database:
    """Transactions on the directory; usable from any thread."""

    def __init__(self, engine: Engine, path: Path | None, connect_seconds: int = 5) -> None:
        self.engine = engine
        self.path = path  # of the SQLite file; None: PostgreSQL
        self._asker = _PostgresVersion(engine, connect_seconds)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements see one state. Raises ``Unavailable`` when the database is away."""
        with _errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, visible: bool = True) -> Iterator[Connection]:
        """A transaction, alone among writers; ``visible`` ones end what caches believe, in every process.

        Raises:
            Unavailable: the database is away, or busy for too long.
        """
        with _errors(), self.engine.connect().execution_options(write=True) as connection, connection.begin():
            if visible:
                # First, not last: on PostgreSQL this row is also the lock that lets one writer in at a time.
                connection.execute(update(directory).values(version=directory.c.version + 1))
            yield connection

    def version(self) -> int:
        """The number of the newest transaction that services can notice. Raises ``Unavailable``."""
        if self.path is None:
            return self._asker()
        with self.read() as connection:
            return int(connection.execute(select(directory.c.version)).scalar_one())

    def watch(self) -> "Callable[[], int] | None":
        """A function that gives ``version()`` within microseconds and without blocking, where the engine has a way.

        SQLite: ``PRAGMA data_version`` tells from shared memory whether any other connection, in any process, has
        committed; only then the row is read. The function belongs to one thread.
        """
        return _SqliteWatch(self.path) if self.path is not None else None

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()
        self.engine.dispose()


class _SqliteWatch:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        self._seen = -1
        self._version = 0

    def __call__(self) -> int:
        try:
            seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if seen != self._seen:
                # In this order: a commit between the two is noticed by the next call.
                self._version = self._connection.execute("SELECT version FROM directory").fetchone()[0]
                self._seen = seen
        except sqlite3.Error as wrong:
            raise Unavailable("The directory is temporarily unavailable") from wrong
        return self._version


class _PostgresVersion:
    """The version by one round trip on a connection of its own; through the pool it would be four."""

    def __init__(self, engine: Engine, seconds: int) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = threading.Lock()
        self._connection: Any = None  # the driver's, in autocommit: each query sees the last commit

    def __call__(self) -> int:
        with self._lock:
            try:
                return self._ask()
            except psycopg.Error:
                # The server may have been restarted since the last question.
                self._drop()
            try:
                return self._ask()
            except psycopg.Error as wrong:
                self._drop()
                raise Unavailable("The directory is temporarily unavailable") from wrong

    def _ask(self) -> int:
        if self._connection is None:
            arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
            self._connection = psycopg.connect(*arguments, **options, connect_timeout=self._seconds, autocommit=True)
        return int(self._connection.execute("SELECT version FROM directory", prepare=True).fetchone()[0])

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        with self._lock:
            self._drop()


def open_database(settings: DirectorySettings, data: Path, *, upgrade: bool = True) -> Database:
    """The database that the settings name, created or upgraded when needed.

    Args:
        settings: of the directory.
        data: folder of the SQLite file; created when missing.
        upgrade: False leaves the tables alone (for workers, whose supervisor has upgraded already).

    Raises:
        Unavailable: it cannot be reached, or was made by a newer program.
        ValueError: the URL is wrong.
    """
    database = _connect(settings, data)
    if upgrade:
        with _errors():
            lock = database.path.with_name(f"{FILE}.lock") if database.path is not None else None
            migrate.upgrade(database.engine, lock)
    return database


def _connect(settings: DirectorySettings, data: Path) -> Database:
    if not settings.url:
        data.mkdir(parents=True, exist_ok=True)
        path = data / FILE
        if not path.exists():
            # Password hashes are inside: nobody else reads them.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        engine = create_engine(
            URL.create("sqlite", database=str(path)),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size,
            hide_parameters=True,  # password hashes have no place in a traceback
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        _prepare_sqlite(engine)
        return Database(engine, path)
    engine = create_engine(
        _postgresql_url(settings),
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size,
        pool_timeout=settings.connect_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": settings.connect_seconds, "application_name": "optimails"},
    )
    return Database(engine, None, settings.connect_seconds)


def _postgresql_url(settings: DirectorySettings) -> URL:
    try:
        url = make_url(settings.url)
    except ArgumentError as wrong:
        raise ValueError("[directory] url is not a database URL") from wrong
    if url.get_backend_name() != "postgresql":
        raise ValueError("[directory] url must begin with postgresql://, or be empty for SQLite")
    if settings.password_file is not None:
        url = url.set(password=read_secret(settings.password_file))
    return url.set(drivername="postgresql+psycopg")


def _prepare_sqlite(engine: Engine) -> None:
    # SQLAlchemy's event hooks hand over untyped driver connections.
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see ``begun``
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        # A transaction that begins as a reader and turns writer can fail at once instead of waiting its turn.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


class _errors:  # noqa: N801 - used like a function
    """Turns what says that the database is away or busy into ``Unavailable``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        away = isinstance(error, OperationalError | InterfaceError | PoolTimeout)
        if away or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise Unavailable("The directory is temporarily unavailable") from error
        return False


def ping(database: Database) -> None:
    """Raises ``Unavailable`` unless the database answers."""
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
