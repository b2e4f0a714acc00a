"""Rows of managed attachments. What an item has of them stands among its properties, as MANAGED-ID."""

import sqlite3
from typing import NamedTuple


class AttachmentRow(NamedTuple):
    id: str
    filename: str
    type: str
    size: int
    created: int  # Unix seconds


_IN_USE = "SELECT p.folded FROM collection c JOIN property p ON p.collection = c.id AND p.name = 'MANAGED-ID'"


def insert(connection: sqlite3.Connection, row: AttachmentRow) -> None:
    connection.execute("INSERT INTO attachment (id, filename, type, size, created) VALUES (?, ?, ?, ?, ?)", row)


def by_id(connection: sqlite3.Connection, identity: str) -> AttachmentRow | None:
    columns = ", ".join(AttachmentRow._fields)
    row = connection.execute(f"SELECT {columns} FROM attachment WHERE id = ?", (identity,)).fetchone()  # noqa: S608 - ours
    return AttachmentRow._make(row) if row else None


def remove(connection: sqlite3.Connection, identity: str) -> None:
    connection.execute("DELETE FROM attachment WHERE id = ?", (identity,))


def users(connection: sqlite3.Connection, identity: str) -> list[tuple[str, str]]:
    """Collection and name of the items that have it."""
    return connection.execute(
        "SELECT DISTINCT c.name, i.name FROM collection c JOIN property p ON p.collection = c.id"
        " AND p.name = 'MANAGED-ID' AND p.folded = ? JOIN item i ON i.id = p.item",
        (identity,),
    ).fetchall()


def unused(connection: sqlite3.Connection, before: int) -> list[str]:
    """Those that no item has, and that were there before."""
    rows = connection.execute(f"SELECT id FROM attachment WHERE created < ? AND id NOT IN ({_IN_USE})", (before,))  # noqa: S608
    return [identity for (identity,) in rows]


def usage(connection: sqlite3.Connection) -> int:
    """Bytes of those that items have."""
    (size,) = connection.execute(f"SELECT ifnull(sum(size), 0) FROM attachment WHERE id IN ({_IN_USE})").fetchone()  # noqa: S608
    return int(size)
