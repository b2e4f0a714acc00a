"""Rows about collections of others: what the account keeps of them for itself."""

import sqlite3


def every(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """(object id, name, value)."""
    return connection.execute("SELECT object_id, name, value FROM visited").fetchall()


def put(connection: sqlite3.Connection, object_id: str, name: str, value: str | None) -> None:
    """None removes it."""
    if value is None:
        connection.execute("DELETE FROM visited WHERE object_id = ? AND name = ?", (object_id, name))
    else:
        connection.execute("INSERT OR REPLACE INTO visited VALUES (?, ?, ?)", (object_id, name, value))


def count(connection: sqlite3.Connection, object_id: str) -> int:
    (found,) = connection.execute("SELECT count(*) FROM visited WHERE object_id = ?", (object_id,)).fetchone()
    return int(found)


def forget(connection: sqlite3.Connection, object_id: str) -> None:
    connection.execute("DELETE FROM visited WHERE object_id = ?", (object_id,))
