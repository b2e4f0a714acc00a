"""Bringing the directory's tables to the state this program knows; the scripts are part of the package."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from optimails.model.errors import Unavailable

HEAD = "0010"
"""The newest script; Alembic, which is slow to import, is left alone where the database has it already."""

_ADVISORY_LOCK = 0x6F70_7469  # any number that nobody else takes on this database


def upgrade(engine: Engine, lock: Path | None) -> None:
    """Run the scripts that the database has not seen; several processes may start at once.

    Args:
        engine: of the database.
        lock: file that only one process holds while it upgrades (SQLite; PostgreSQL has locks of its own).

    Raises:
        Unavailable: the database was made by a newer program.
    """
    if current(engine) == HEAD:
        return
    with _alone(lock), engine.connect().execution_options(write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        _run(connection)


def current(engine: Engine) -> str | None:
    """The newest script that the database has seen; None for an empty one."""
    with engine.connect() as connection:
        try:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError as wrong:
            # "no such table" of SQLite, UndefinedTable of PostgreSQL; everything else is a real fault.
            if "no such table" in str(wrong.orig) or getattr(wrong.orig, "sqlstate", None) == "42P01":
                return None
            raise


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a fifth of a second, needed once in the life of a database
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "optimails.directory:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as wrong:
        raise Unavailable("The directory database was made by a newer version of the program") from wrong


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
