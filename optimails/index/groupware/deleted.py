"""Rows of deleted items, with their texts: kept for the plan's time, and outside of what the account may keep."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class DeletedRow(NamedTuple):
    """An item as it was when it was deleted; ``object_id`` and ``collection`` are those of where it was."""

    id: int
    object_id: str
    collection: str
    kind: str
    name: str
    uid: str
    component: str
    title: str
    size: int
    gone_at: int


_COLUMNS = ", ".join(DeletedRow._fields)
_KEEP = (
    "INSERT INTO deleted (object_id, collection, kind, name, uid, component, title, size, gone_at, text)"
    " SELECT c.object_id, c.name, c.kind, i.name, i.uid, i.component, ifnull((SELECT ifnull(p.value, p.folded) FROM"
    " property p WHERE p.item = i.id AND p.name IN ('SUMMARY', 'FN') ORDER BY p.number LIMIT 1), ''), i.size, ?, b.text"
    " FROM item i JOIN collection c ON c.id = i.collection JOIN body b ON b.item = i.id"
    " WHERE c.kind IN ('calendar', 'addressbook') AND "
)


def keep_item(connection: sqlite3.Connection, item: int, now: int) -> None:
    """Before it is deleted."""
    connection.execute(_KEEP + "i.id = ?", (now, item))


def keep_collection(connection: sqlite3.Connection, collection: int, now: int) -> None:
    """Before it is deleted with all its items."""
    connection.execute(_KEEP + "i.collection = ?", (now, collection))


def every(connection: sqlite3.Connection) -> list[DeletedRow]:
    """The last one first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM deleted ORDER BY gone_at DESC, id DESC")  # noqa: S608 - ours
    return [DeletedRow._make(row) for row in rows]


def text(connection: sqlite3.Connection, identity: int) -> bytes | None:
    row = connection.execute("SELECT text FROM deleted WHERE id = ?", (identity,)).fetchone()
    return row[0] if row else None


def texts_with(connection: sqlite3.Connection, word: str) -> Iterator[bytes]:
    """Of those in which the word stands, in upper case."""
    query = "SELECT text FROM deleted WHERE kind = 'calendar' AND instr(upper(CAST(text AS TEXT)), ?)"
    for (text,) in connection.execute(query, (word,)):
        yield text


def forget(connection: sqlite3.Connection, identities: Iterable[int]) -> None:
    connection.executemany("DELETE FROM deleted WHERE id = ?", [(one,) for one in identities])


def forget_before(connection: sqlite3.Connection, moment: int) -> int:
    """Those that were deleted before; how many."""
    return connection.execute("DELETE FROM deleted WHERE gone_at < ?", (moment,)).rowcount


def bound(connection: sqlite3.Connection, size: int) -> None:
    """Let the oldest go until all together have no more than so many bytes."""
    (total,) = connection.execute("SELECT ifnull(sum(size), 0) FROM deleted").fetchone()
    if total <= size:
        return
    for identity, own in connection.execute("SELECT id, size FROM deleted ORDER BY gone_at, id").fetchall():
        connection.execute("DELETE FROM deleted WHERE id = ?", (identity,))
        total -= own
        if total <= size:
            return
