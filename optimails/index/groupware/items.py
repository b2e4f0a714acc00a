"""Rows of items: their texts, occurrences, properties and tombstones."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from optimails.index.groupware import reminders
from optimails.index.groupware.collections import next_change

BATCH = 500
TEXTS = 50  # a batch of texts: each may be large


class ItemRow(NamedTuple):
    """One item without its text."""

    id: int
    name: str
    uid: str
    component: str
    etag: str
    change: int
    size: int
    created: int
    modified: int
    parts: int
    whole: int
    kept_from: int | None
    kept_to: int | None
    schedule_tag: str | None


class Facts(NamedTuple):
    """What is written of an item; the rest is counted here."""

    name: str
    uid: str
    component: str
    etag: str
    text: bytes
    parts: int
    whole: bool
    kept_from: int | None
    kept_to: int | None
    occurrences: Sequence[tuple[int, int, bool, int, int]]  # start, end, floating, busy, part
    properties: Sequence[tuple[int, str, str, str]]  # part, name, value, folded
    reminders: Sequence[tuple[int, int]] = ()  # kind, and when to look (optimails.index.groupware.reminders)


_COLUMNS = ", ".join(ItemRow._fields)
_BY_NAME = f"SELECT {_COLUMNS} FROM item WHERE collection = ? AND name = ?"  # noqa: S608 - our own column names
_BY_UID = f"SELECT {_COLUMNS} FROM item WHERE collection = ? AND uid = ?"  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM item WHERE collection = ? ORDER BY id"  # noqa: S608


def by_name(connection: sqlite3.Connection, collection: int, name: str) -> ItemRow | None:
    row = connection.execute(_BY_NAME, (collection, name)).fetchone()
    return ItemRow._make(row) if row else None


def by_uid(connection: sqlite3.Connection, collection: int, uid: str) -> ItemRow | None:
    row = connection.execute(_BY_UID, (collection, uid)).fetchone()
    return ItemRow._make(row) if row else None


def with_uid(connection: sqlite3.Connection, uid: str, kind: str) -> list[tuple[str, ItemRow]]:
    """Name of the collection and row, in all collections of that kind."""
    columns = ", ".join(f"i.{name}" for name in ItemRow._fields)
    rows = connection.execute(
        f"SELECT c.name, {columns} FROM collection c JOIN item i ON i.collection = c.id AND i.uid = ?"  # noqa: S608
        " WHERE c.kind = ? ORDER BY c.position IS NULL, c.position, c.id",
        (uid, kind),
    )
    return [(row[0], ItemRow._make(row[1:])) for row in rows.fetchall()]


def every(connection: sqlite3.Connection, collection: int) -> list[ItemRow]:
    return [ItemRow._make(row) for row in connection.execute(_ALL, (collection,))]


def etags(connection: sqlite3.Connection, collection: int) -> list[tuple[str, str]]:
    """Name and etag of all."""
    return connection.execute("SELECT name, etag FROM item WHERE collection = ?", (collection,)).fetchall()


def text(connection: sqlite3.Connection, item: int) -> bytes:
    row = connection.execute("SELECT text FROM body WHERE item = ?", (item,)).fetchone()
    return row[0] if row else b""


def texts(connection: sqlite3.Connection, identities: Iterable[int]) -> Iterator[tuple[int, str, str, int, bytes]]:
    """Id, name, etag, components and text of these, in batches."""
    wanted = list(identities)
    for start in range(0, len(wanted), TEXTS):
        batch = wanted[start : start + TEXTS]
        marks = ",".join("?" * len(batch))
        yield from connection.execute(
            "SELECT i.id, i.name, i.etag, i.parts, b.text FROM item i JOIN body b ON b.item = i.id"  # noqa: S608 - marks
            f" WHERE i.id IN ({marks})",
            batch,
        ).fetchall()


def all_texts(connection: sqlite3.Connection, collection: int) -> Iterator[tuple[int, str, bytes]]:
    """Id, name and text of all, by id."""
    after = 0
    while rows := connection.execute(
        "SELECT i.id, i.name, b.text FROM item i JOIN body b ON b.item = i.id"
        " WHERE i.collection = ? AND i.id > ? ORDER BY i.id LIMIT ?",
        (collection, after, TEXTS),
    ).fetchall():
        yield from rows
        after = rows[-1][0]


def by_names(connection: sqlite3.Connection, collection: int, names: Sequence[str]) -> dict[str, int]:
    """Ids by name; of those that are there."""
    found: dict[str, int] = {}
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        found.update(
            connection.execute(
                f"SELECT name, id FROM item WHERE collection = ? AND name IN ({marks})",  # noqa: S608 - marks
                (collection, *batch),
            ).fetchall()
        )
    return found


def put(connection: sqlite3.Connection, collection: int, old: ItemRow | None, facts: Facts, now: int) -> int:
    """Add an item, or replace one under its name; gives the change number."""
    change, size = next_change(connection), len(facts.text)
    facts_ = (facts.uid, facts.component, facts.etag, change, size, now)
    rest = (facts.parts, facts.whole, facts.kept_from, facts.kept_to)
    if old is None:
        identity = connection.execute(
            "INSERT INTO item (collection, name, uid, component, etag, change, size, modified, created, parts, whole,"
            " kept_from, kept_to) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (collection, facts.name, *facts_, now, *rest),
        ).lastrowid
        connection.execute("INSERT INTO body VALUES (?, ?)", (identity, facts.text))
        connection.execute("DELETE FROM tombstone WHERE collection = ? AND name = ?", (collection, facts.name))
    else:
        identity = old.id
        connection.execute(
            "UPDATE item SET uid = ?, component = ?, etag = ?, change = ?, size = ?, modified = ?, parts = ?,"
            " whole = ?, kept_from = ?, kept_to = ? WHERE id = ?",
            (*facts_, *rest, identity),
        )
        connection.execute("UPDATE body SET text = ? WHERE item = ?", (facts.text, identity))
        _forget_extract(connection, identity)
    assert identity is not None
    _write_extract(connection, collection, identity, facts)
    reminders.write(connection, collection, identity, facts.reminders, now)
    _count(connection, collection, change, 0 if old else 1, size - (old.size if old else 0))
    return change


def extract_again(connection: sqlite3.Connection, collection: int, identity: int, facts: Facts) -> None:
    """Replace what stands beside the text; nothing that clients see changes."""
    connection.execute(
        "UPDATE item SET uid = ?, component = ?, parts = ?, whole = ?, kept_from = ?, kept_to = ? WHERE id = ?",
        (facts.uid, facts.component, facts.parts, facts.whole, facts.kept_from, facts.kept_to, identity),
    )
    _forget_extract(connection, identity)
    _write_extract(connection, collection, identity, facts)
    reminders.write(connection, collection, identity, facts.reminders, None)


def remove(connection: sqlite3.Connection, collection: int, row: ItemRow, now: int) -> int:
    """Gives the change number; a tombstone stays."""
    change = next_change(connection)
    connection.execute("DELETE FROM item WHERE id = ?", (row.id,))
    connection.execute("DELETE FROM body WHERE item = ?", (row.id,))
    _forget_extract(connection, row.id)
    reminders.forget(connection, row.id)
    connection.execute("INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?)", (collection, row.name, change, now))
    _count(connection, collection, change, -1, -row.size)
    return change


def set_schedule_tag(connection: sqlite3.Connection, identity: int, tag: str | None) -> None:
    connection.execute("UPDATE item SET schedule_tag = ? WHERE id = ?", (tag, identity))


def changed_since(
    connection: sqlite3.Connection, collection: int, change: int, limit: int
) -> list[tuple[int, str, str]]:
    """Change number, name and etag, by change number."""
    return connection.execute(
        "SELECT change, name, etag FROM item WHERE collection = ? AND change > ? ORDER BY change LIMIT ?",
        (collection, change, limit),
    ).fetchall()


def gone_since(connection: sqlite3.Connection, collection: int, change: int, limit: int) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT change, name FROM tombstone WHERE collection = ? AND change > ? ORDER BY change LIMIT ?",
        (collection, change, limit),
    ).fetchall()


def extracted(
    connection: sqlite3.Connection, collection: int, identity: int
) -> tuple[set[tuple[int, ...]], list[tuple[int, str, str, str]]]:
    """What the tables say of an item, as in ``Facts``."""
    occurrences = connection.execute(
        'SELECT start, "end", floating, busy, part FROM occurrence WHERE collection = ? AND item = ?',
        (collection, identity),
    )
    properties = connection.execute(
        "SELECT part, name, ifnull(value, folded), folded FROM property WHERE item = ? ORDER BY number", (identity,)
    )
    return set(occurrences), properties.fetchall()


def _forget_extract(connection: sqlite3.Connection, identity: int) -> None:
    connection.execute("DELETE FROM occurrence WHERE item = ?", (identity,))
    connection.execute("DELETE FROM property WHERE item = ?", (identity,))


def _write_extract(connection: sqlite3.Connection, collection: int, identity: int, facts: Facts) -> None:
    connection.executemany(
        'INSERT OR REPLACE INTO occurrence (collection, item, start, "end", floating, busy, part)'
        " VALUES (?,?,?,?,?,?,?)",
        [(collection, identity, *occurrence) for occurrence in facts.occurrences],
    )
    connection.executemany(
        "INSERT INTO property (collection, item, number, part, name, value, folded) VALUES (?,?,?,?,?,?,?)",
        [
            (collection, identity, number, part, name, None if value == folded else value, folded)
            for number, (part, name, value, folded) in enumerate(facts.properties)
        ],
    )


def _count(connection: sqlite3.Connection, collection: int, change: int, items: int, size: int) -> None:
    connection.execute(
        "UPDATE collection SET change = ?, items = items + ?, size = size + ? WHERE id = ?",
        (change, items, size, collection),
    )
    connection.execute("UPDATE account SET size = size + ?", (size,))
