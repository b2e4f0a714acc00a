r"""What visitors of a mailbox have read, where each keeps that for himself: ``\Seen`` over the owner's flags.

A row says what one viewer made of one message; without a row it is unread. Every change takes the next MODSEQ of the
account, so a viewer's view of the mailbox is in step like any other: its flags, MODSEQs and changes are those of the
messages, overlaid with the viewer's. UIDs are never given twice, so rows of expunged messages do no harm; ``prune``
takes them away. An empty viewer stands for the owner, and the overlay is none.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from optimails.index import messages
from optimails.index.messages import Ranges
from optimails.model.flags import SEEN_BIT
from optimails.model.ids import MailboxId, ModSeq

FlagRow = tuple[int, int, int]
"""(UID, flags, MODSEQ)."""


def flags_of(connection: sqlite3.Connection, mailbox: MailboxId, ranges: Ranges, viewer: str) -> list[FlagRow]:
    """As ``messages.flags_of``, as the viewer sees them."""
    return overlaid(connection, mailbox, messages.flags_of(connection, mailbox, ranges), viewer)


def overlaid(connection: sqlite3.Connection, mailbox: MailboxId, rows: Sequence[FlagRow], viewer: str) -> list[FlagRow]:
    """The rows, ascending by UID, as the viewer sees them."""
    if not viewer or not rows:
        return list(rows)
    between = (viewer, mailbox, rows[0][0], rows[-1][0])
    statement = "SELECT uid, seen, modseq FROM seen_by WHERE viewer = ? AND mailbox = ? AND uid BETWEEN ? AND ?"
    marks = {uid: (seen, modseq) for uid, seen, modseq in connection.execute(statement, between)}
    found = []
    for uid, flags, modseq in rows:
        seen, at = marks.get(uid, (0, 0))
        found.append((uid, flags & ~SEEN_BIT | (SEEN_BIT if seen else 0), max(modseq, at)))
    return found


def changed_since(
    connection: sqlite3.Connection, mailbox: MailboxId, modseq: int, viewer: str, limit: int = -1
) -> list[FlagRow]:
    """As ``messages.changed_since``, with what the viewer changed for himself."""
    rows = messages.changed_since(connection, mailbox, modseq, limit)
    if not viewer:
        return rows
    marks = connection.execute(
        "SELECT uid FROM seen_by WHERE viewer = ? AND mailbox = ? AND modseq > ? LIMIT ?",
        (viewer, mailbox, modseq, limit),
    )
    missing = sorted({uid for (uid,) in marks} - {uid for uid, _, _ in rows})
    rows += messages.flags_of(connection, mailbox, messages.ranges_of(missing))
    return overlaid(connection, mailbox, sorted(rows), viewer)


def all_flags(connection: sqlite3.Connection, mailbox: MailboxId, viewer: str) -> list[FlagRow]:
    """(UID, flags, 0) of every message, ascending."""
    rows = [(uid, flags, 0) for uid, flags in messages.all_flags(connection, mailbox)]
    return overlaid(connection, mailbox, rows, viewer)


def seen_uids(connection: sqlite3.Connection, mailbox: MailboxId, viewer: str) -> set[int]:
    """What the viewer has read, expunged messages among it."""
    statement = "SELECT uid FROM seen_by WHERE viewer = ? AND mailbox = ? AND seen"
    return {uid for (uid,) in connection.execute(statement, (viewer, mailbox))}


def unseen(connection: sqlite3.Connection, mailbox: MailboxId, viewer: str) -> int:
    """How many messages the viewer has not read."""
    (count,) = connection.execute(
        "SELECT count(*) FROM message m "
        "LEFT JOIN seen_by s ON s.viewer = ? AND s.mailbox = m.mailbox AND s.uid = m.uid "
        "WHERE m.mailbox = ? AND NOT ifnull(s.seen, 0)",
        (viewer, mailbox),
    ).fetchone()
    return int(count)


def put(
    connection: sqlite3.Connection, mailbox: MailboxId, viewer: str, modseq: ModSeq, marks: Iterable[tuple[int, bool]]
) -> None:
    """Note (UID, seen) for the viewer; the mailbox's MODSEQ follows."""
    connection.executemany(
        "INSERT INTO seen_by (viewer, mailbox, uid, seen, modseq) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (viewer, mailbox, uid) DO UPDATE SET seen = excluded.seen, modseq = excluded.modseq",
        [(viewer, mailbox, uid, seen, modseq) for uid, seen in marks],
    )
    connection.execute("UPDATE mailbox SET modseq = ? WHERE id = ?", (modseq, mailbox))


def prune(connection: sqlite3.Connection) -> None:
    """Forget what is about messages that are gone."""
    connection.execute(
        "DELETE FROM seen_by WHERE NOT EXISTS "
        "(SELECT 1 FROM message m WHERE m.mailbox = seen_by.mailbox AND m.uid = seen_by.uid)"
    )
