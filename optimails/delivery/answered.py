"""What filters remember: whom an account answered, and which messages it has seen. One small SQLite file an account."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

_SCHEMA = "CREATE TABLE IF NOT EXISTS seen (key BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID"
NAME = "filters.sqlite"


class Answered:
    """All calls block, and may raise ``sqlite3.Error`` or ``OSError``."""

    def __init__(self, account: Path) -> None:
        """``account`` is its directory."""
        self._path = account / NAME

    def seen(self, key: bytes) -> bool:
        """Whether this was remembered and has not expired."""
        if not self._path.exists():
            return False
        with closing(self._open()) as database:
            row = database.execute("SELECT 1 FROM seen WHERE key = ? AND expires > ?", (key, _now())).fetchone()
        return row is not None

    def remember(self, key: bytes, seconds: int) -> None:
        """From now on for so long."""
        with closing(self._open()) as database, database:
            now = _now()
            database.execute("DELETE FROM seen WHERE expires <= ?", (now,))
            database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, now + seconds))

    def first(self, key: bytes, seconds: int) -> bool:
        """Remember it, unless it is remembered: of several deliveries at a time only one is the first."""
        with closing(self._open()) as database, database:
            now = _now()
            database.execute("DELETE FROM seen WHERE expires <= ?", (now,))
            added = database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, now + seconds))
            return added.rowcount == 1

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=10)
        try:
            database.execute(_SCHEMA)
        except BaseException:
            database.close()
            raise
        return database


def _now() -> int:
    return int(time.time())
