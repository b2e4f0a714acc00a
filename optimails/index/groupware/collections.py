"""Rows of collections, and the account's change counter."""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

_TABLES = ("item", "occurrence", "property", "tombstone", "collection_property", "reminder", "reminder_choice")


class CollectionRow(NamedTuple):
    """One collection with its counters."""

    id: int
    name: str
    kind: str
    object_id: str
    components: str
    display_name: str
    description: str
    color: str
    position: int | None
    time_zone: str
    transparent: int
    change: int
    floor: int
    items: int
    size: int


_COLUMNS = ", ".join(CollectionRow._fields)
_ALL = f"SELECT {_COLUMNS} FROM collection ORDER BY position IS NULL, position, id"  # noqa: S608 - our own column names
_BY_NAME = f"SELECT {_COLUMNS} FROM collection WHERE name = ?"  # noqa: S608
OF_ACCOUNT = 0
"""Stands for a collection's id where a property is the account's own."""
SETTABLE = ("display_name", "description", "color", "position", "time_zone", "transparent", "components")


def prepare(connection: sqlite3.Connection, account: str) -> bool:
    """Make the account's row; whether it was not there."""
    return bool(
        connection.execute("INSERT OR IGNORE INTO account (id, change, size) VALUES (?, 0, 0)", (account,)).rowcount
    )


def known(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM account").fetchone() is not None


def state(connection: sqlite3.Connection) -> tuple[int, int]:
    """The account's last change number, and its bytes."""
    change, size = connection.execute("SELECT change, size FROM account").fetchone()
    return change, size


def next_change(connection: sqlite3.Connection) -> int:
    (change,) = connection.execute("UPDATE account SET change = change + 1 RETURNING change").fetchone()
    return int(change)


def every(connection: sqlite3.Connection) -> list[CollectionRow]:
    return [CollectionRow._make(row) for row in connection.execute(_ALL)]


def by_name(connection: sqlite3.Connection, name: str) -> CollectionRow | None:
    row = connection.execute(_BY_NAME, (name,)).fetchone()
    return CollectionRow._make(row) if row else None


def insert(connection: sqlite3.Connection, account: str, row: CollectionRow) -> None:
    """Its ``id``, ``change`` and counters are made here. Its deletion before is forgotten."""
    change = next_change(connection)
    values = (account, *row[1:11], change, change)
    connection.execute(
        "INSERT INTO collection (account, name, kind, object_id, components, display_name, description, color, "
        "position, time_zone, transparent, change, floor, items, size) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,0,0)",
        values,
    )


def update(connection: sqlite3.Connection, collection: int, values: Mapping[str, object]) -> None:
    """Set columns that are ``SETTABLE``."""
    assert all(name in SETTABLE for name in values)
    names = ", ".join(f"{name} = ?" for name in values)
    if values:
        connection.execute(f"UPDATE collection SET {names} WHERE id = ?", (*values.values(), collection))  # noqa: S608


def rename(connection: sqlite3.Connection, collection: int, name: str) -> None:
    next_change(connection)
    connection.execute("UPDATE collection SET name = ? WHERE id = ?", (name, collection))


def properties(connection: sqlite3.Connection, collection: int) -> dict[str, str]:
    rows = connection.execute("SELECT name, value FROM collection_property WHERE collection = ?", (collection,))
    return dict(rows.fetchall())


def set_property(connection: sqlite3.Connection, collection: int, name: str, value: str | None) -> None:
    """None removes it."""
    if value is None:
        connection.execute("DELETE FROM collection_property WHERE collection = ? AND name = ?", (collection, name))
    else:
        connection.execute("INSERT OR REPLACE INTO collection_property VALUES (?, ?, ?)", (collection, name, value))


def remove(connection: sqlite3.Connection, row: CollectionRow) -> None:
    """With everything in it."""
    next_change(connection)
    connection.execute("DELETE FROM body WHERE item IN (SELECT id FROM item WHERE collection = ?)", (row.id,))
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE collection = ?", (row.id,))  # noqa: S608 - our own names
    connection.execute("DELETE FROM collection WHERE id = ?", (row.id,))
    connection.execute("UPDATE account SET size = (SELECT ifnull(sum(size), 0) FROM collection)")


def recount(connection: sqlite3.Connection) -> int:
    """Set every counter from what it counts; how many were wrong."""
    wrong = connection.execute(
        "UPDATE collection SET items = counted.items, size = counted.size FROM (SELECT c.id AS id,"
        " count(i.id) AS items, ifnull(sum(i.size), 0) AS size FROM collection c"
        " LEFT JOIN item i ON i.collection = c.id GROUP BY c.id)"
        " AS counted WHERE counted.id = collection.id"
        " AND (collection.items <> counted.items OR collection.size <> counted.size)"
    ).rowcount
    wrong += connection.execute(
        "UPDATE account SET size = (SELECT ifnull(sum(size), 0) FROM collection)"
        " WHERE size <> (SELECT ifnull(sum(size), 0) FROM collection)"
    ).rowcount
    return wrong


def forget_tombstones(connection: sqlite3.Connection, before: int) -> int:
    """Forget what went before that time (Unix seconds); tokens from before are invalid then."""
    connection.execute(
        "UPDATE collection SET floor = max(floor, ifnull((SELECT max(change) FROM tombstone WHERE collection ="
        " collection.id AND gone_at < ?), 0))",
        (before,),
    )
    return connection.execute("DELETE FROM tombstone WHERE gone_at < ?", (before,)).rowcount
