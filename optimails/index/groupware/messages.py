"""Rows of scheduling messages: those on their way out, and which of those that came were worked on."""

import hashlib
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

BATCH = 50  # rows that are read at once: their texts may be large


class MessageRow(NamedTuple):
    """One message on its way, without its text."""

    number: int
    id: str
    method: str
    sender: str
    sent_by: str
    recipient: str
    uid: str
    component: str
    sequence: int
    summary: str
    quiet: int
    created: int
    text: int  # id of the text
    attempts: int
    due: int | None
    why: str


_COLUMNS = ", ".join(MessageRow._fields)


def add(connection: sqlite3.Connection, row: MessageRow, text: bytes) -> None:
    """Its ``number`` and ``text`` are made here."""
    digest = hashlib.sha256(text).hexdigest()
    known = connection.execute("SELECT id FROM message_text WHERE digest = ?", (digest,)).fetchone()
    if known:
        (identity,) = known
    else:
        inserted = connection.execute("INSERT INTO message_text (digest, text) VALUES (?, ?)", (digest, text))
        identity = inserted.lastrowid
    names, values = MessageRow._fields[1:], row._replace(text=identity)[1:]
    connection.execute(
        f"INSERT INTO message_out ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608 - our own
        values,
    )


def every(connection: sqlite3.Connection) -> list[MessageRow]:
    """All that are not delivered, those that were given up too, in their order."""
    return [
        MessageRow._make(row)
        for row in connection.execute(f"SELECT {_COLUMNS} FROM message_out ORDER BY number")  # noqa: S608 - our own
    ]


def due(connection: sqlite3.Connection, now: int, after: int = 0) -> list[tuple[MessageRow, bytes]]:
    """The next ones behind that number whose time has come, with their texts.

    A message waits for those before it that are of the same UID and for the same recipient.
    """
    columns = ", ".join(f"m.{name}" for name in MessageRow._fields)
    rows = connection.execute(
        f"SELECT {columns}, t.text FROM message_out m JOIN message_text t ON t.id = m.text"  # noqa: S608 - our own
        " WHERE m.number > ? AND m.due <= ? AND NOT EXISTS (SELECT 1 FROM message_out b WHERE b.number < m.number"
        " AND b.recipient = m.recipient AND b.uid = m.uid AND b.due > ?) ORDER BY m.number LIMIT ?",
        (after, now, now, BATCH),
    ).fetchall()
    return [(MessageRow._make(row[:-1]), row[-1]) for row in rows]


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next one is to be tried; None: nothing waits."""
    (found,) = connection.execute("SELECT min(due) FROM message_out").fetchone()
    return None if found is None else int(found)


def remove(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """They are delivered, or nobody wants them any more."""
    connection.executemany("DELETE FROM message_out WHERE number = ?", [(number,) for number in numbers])
    connection.execute("DELETE FROM message_text WHERE id NOT IN (SELECT text FROM message_out)")


def put_off(connection: sqlite3.Connection, number: int, due_: int | None, why: str) -> None:
    """It could not be delivered; None: it never will."""
    connection.execute(
        "UPDATE message_out SET attempts = attempts + 1, due = ?, why = ? WHERE number = ?", (due_, why, number)
    )


def result_of(connection: sqlite3.Connection, identity: str) -> str | None:
    """What became of a message that came; None: it has not been worked on."""
    row = connection.execute("SELECT result FROM message_in WHERE id = ?", (identity,)).fetchone()
    return None if row is None else str(row[0])


def note(connection: sqlite3.Connection, identity: str, result: str, now: int) -> None:
    """It was worked on."""
    connection.execute("INSERT INTO message_in VALUES (?, ?, ?)", (identity, now, result))


def forget(connection: sqlite3.Connection, before: int) -> None:
    """What came, and what was given up, before that time (Unix seconds)."""
    connection.execute("DELETE FROM message_in WHERE at < ?", (before,))
    given_up = connection.execute("SELECT number FROM message_out WHERE due IS NULL AND created < ?", (before,))
    remove(connection, [number for (number,) in given_up.fetchall()])
