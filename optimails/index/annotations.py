"""Rows of annotations: what METADATA keeps beside mailboxes and beside the account as a whole (RFC 5464).

A removed entry stays as a row without value, so that sessions that were promised news hear of it; each mailbox keeps
the last few of those only.
"""

import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

from optimails.model.ids import ModSeq

SERVER = 0
"""Stands for no mailbox: the account as a whole. Ids of mailboxes begin with 1."""
KEPT_REMOVALS = 100


class AnnotationRow(NamedTuple):
    mailbox: int
    owner: str  # empty: shared
    entry: str
    value: bytes | None


def of_mailbox(connection: sqlite3.Connection, mailbox: int, owner: str) -> list[tuple[str, bytes]]:
    """Entry and value, shared ones and those of this owner, by name."""
    return connection.execute(
        "SELECT entry, value FROM annotation WHERE mailbox = ? AND owner IN ('', ?) AND value IS NOT NULL "
        "ORDER BY entry",
        (mailbox, owner),
    ).fetchall()


def everywhere(
    connection: sqlite3.Connection, owner: str, entries: Collection[str] | None
) -> list[tuple[int, str, bytes]]:
    """Mailbox, entry and value of all mailboxes; only these entries, unless None."""
    where, names = "", tuple(entries or ())
    if entries is not None:
        where = f"AND entry IN ({', '.join('?' * len(names))})"
    return connection.execute(
        "SELECT mailbox, entry, value FROM annotation WHERE owner IN ('', ?) AND value IS NOT NULL "  # noqa: S608 - marks
        f"{where} ORDER BY mailbox, entry",
        (owner, *names),
    ).fetchall()


def changed_since(connection: sqlite3.Connection, owner: str, modseq: int) -> list[tuple[int, str, int]]:
    """Mailbox, entry and MODSEQ of what was set or removed."""
    return connection.execute(
        "SELECT mailbox, entry, modseq FROM annotation WHERE modseq > ? AND owner IN ('', ?) ORDER BY mailbox, entry",
        (modseq, owner),
    ).fetchall()


def put(
    connection: sqlite3.Connection, mailbox: int, modseq: ModSeq, values: Mapping[tuple[str, str], bytes | None]
) -> None:
    """Set or remove values, by owner and entry."""
    connection.executemany(
        "INSERT OR REPLACE INTO annotation (mailbox, owner, entry, value, modseq) VALUES (?, ?, ?, ?, ?)",
        [(mailbox, owner, entry, value, modseq) for (owner, entry), value in values.items()],
    )
    connection.execute(
        "DELETE FROM annotation WHERE mailbox = ? AND value IS NULL AND modseq < ifnull((SELECT modseq FROM annotation "
        "WHERE mailbox = ? AND value IS NULL ORDER BY modseq DESC LIMIT 1 OFFSET ?), 0)",
        (mailbox, mailbox, KEPT_REMOVALS),
    )


def usage(connection: sqlite3.Connection, mailbox: int, owner: str) -> tuple[int, int]:
    """How many values the mailbox has, and how many bytes (names and values) the whole account.

    Shared ones, and those of this owner: what visitors note for themselves takes no room from anybody else.
    """
    (count,) = connection.execute(
        "SELECT count(*) FROM annotation WHERE mailbox = ? AND owner IN ('', ?) AND value IS NOT NULL",
        (mailbox, owner),
    ).fetchone()
    (size,) = connection.execute(
        "SELECT ifnull(sum(length(entry) + length(value)), 0) FROM annotation WHERE owner IN ('', ?)", (owner,)
    ).fetchone()
    return count, size


def copy(connection: sqlite3.Connection, source: int, target: int, modseq: ModSeq) -> None:
    """Give a mailbox what another one has."""
    connection.execute(
        "INSERT OR REPLACE INTO annotation (mailbox, owner, entry, value, modseq) "
        "SELECT ?, owner, entry, value, ? FROM annotation WHERE mailbox = ? AND value IS NOT NULL",
        (target, modseq, source),
    )


def forget(connection: sqlite3.Connection, mailbox: int) -> None:
    """The mailbox goes, and all of this with it."""
    connection.execute("DELETE FROM annotation WHERE mailbox = ?", (mailbox,))
