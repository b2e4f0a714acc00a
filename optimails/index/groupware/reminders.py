"""Rows of reminders: which items have alarms, when to look for the next one, and of which of them mails remind."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

GRACE = 60  # seconds: an item that was changed since is not reminded of what rang before
DEFAULT = 0b01  # kinds as bits: those that ask for mail themselves
BATCH = 50


class ReminderRow(NamedTuple):
    """One kind of alarms of one item."""

    item: int
    kind: int
    collection: int
    at: int
    since: int


_COLUMNS = ", ".join(ReminderRow._fields)


def write(
    connection: sqlite3.Connection, collection: int, item: int, wanted: Sequence[tuple[int, int]], now: int | None
) -> None:
    """The item has these kinds of alarms, each to be looked for then; ``now`` is None when nobody has changed it."""
    kept = [kind for kind, _ in wanted]
    marks = ",".join("?" * len(kept))
    connection.execute(f"DELETE FROM reminder WHERE item = ? AND kind NOT IN ({marks})", (item, *kept))  # noqa: S608 - marks
    kinds = kinds_of(connection, collection) if wanted else 0
    since = 0 if now is None else now - GRACE
    for kind, at in wanted:
        connection.execute(
            "INSERT INTO reminder (item, kind, collection, at, since, wanted) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (item, kind) DO UPDATE SET at = excluded.at, since = max(since, ?), wanted = excluded.wanted",
            (item, kind, collection, at, now or 0, kinds >> kind & 1, since),
        )


def forget(connection: sqlite3.Connection, item: int) -> None:
    connection.execute("DELETE FROM reminder WHERE item = ?", (item,))


def kinds_of(connection: sqlite3.Connection, collection: int) -> int:
    """Of which kinds mails remind, as bits."""
    row = connection.execute("SELECT kinds FROM reminder_choice WHERE collection = ?", (collection,)).fetchone()
    return DEFAULT if row is None else int(row[0])


def choose(connection: sqlite3.Connection, collection: int, kinds: int, now: int) -> None:
    """From now on mails remind of these kinds, not of what rang before."""
    connection.execute("INSERT OR REPLACE INTO reminder_choice VALUES (?, ?)", (collection, kinds))
    connection.execute(
        "UPDATE reminder SET since = iif(wanted, since, max(since, ?)), wanted = ? >> kind & 1 WHERE collection = ?",
        (now, kinds, collection),
    )


def due(connection: sqlite3.Connection, now: int) -> list[ReminderRow]:
    """Those to look at now, at most a batch."""
    query = f"SELECT {_COLUMNS} FROM reminder WHERE wanted AND at <= ? ORDER BY at LIMIT ?"  # noqa: S608 - our own names
    return [ReminderRow._make(row) for row in connection.execute(query, (now, BATCH))]


def settle(connection: sqlite3.Connection, rows: Iterable[tuple[ReminderRow, int | None]], now: int) -> None:
    """These were looked at: when the next look is due, or that nothing rings any more. What was changed meanwhile
    stays as it is."""
    for row, at in rows:
        key = (row.item, row.kind, row.at, row.since)
        if at is None:
            connection.execute("DELETE FROM reminder WHERE item = ? AND kind = ? AND at = ? AND since = ?", key)
        else:
            connection.execute(
                "UPDATE reminder SET at = ?, since = ? WHERE item = ? AND kind = ? AND at = ? AND since = ?",
                (at, now, *key),
            )


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next look is due."""
    (found,) = connection.execute("SELECT min(at) FROM reminder WHERE wanted").fetchone()
    return None if found is None else int(found)
