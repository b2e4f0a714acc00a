"""Rows of messages: the hot statements, on the raw cursor.

Nothing here runs one statement per message but ``executemany``; ranges of UIDs are the unit of work. ``key`` makes the
primary key of ``content`` and ``prepared``.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from optimails.index.accounts import add_usage
from optimails.index.mailboxes import MailboxRow
from optimails.model.flags import DELETED_BIT, SEEN_BIT
from optimails.model.ids import MailboxId, ModSeq, Uid

Ranges = Sequence[tuple[int, int]]
"""Inclusive ranges of UIDs, ascending and disjoint."""


def key(mailbox: int, uid: int) -> int:
    return mailbox << 32 | uid


class NewRow(NamedTuple):
    """A message about to be inserted."""

    flags: int
    name: str
    size: int
    internal_date: int
    saved: int
    sent_day: int | None
    email: str
    envelope: bytes
    structure: bytes
    headers: bytes | None


class ContentRow(NamedTuple):
    """What copying and expunging need of a message."""

    uid: int
    flags: int
    name: str
    size: int


def insert(
    connection: sqlite3.Connection,
    mailbox: MailboxRow,
    modseq: ModSeq,
    rows: Sequence[NewRow],
    *,
    counted: bool = False,
) -> list[Uid]:
    """Give UIDs to the messages and count them in mailbox and account (there, unless ``accounts.advance`` did)."""
    first = mailbox.uid_next
    numbered = list(enumerate(rows, first))
    connection.executemany(
        "INSERT INTO message (mailbox, uid, flags, modseq) VALUES (?, ?, ?, ?)",
        [(mailbox.id, uid, row.flags, modseq) for uid, row in numbered],
    )
    connection.executemany(
        "INSERT INTO content (id, name, size, internal_date, saved, sent_day, email) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(key(mailbox.id, uid), *row[1:7]) for uid, row in numbered],
    )
    connection.executemany(
        "INSERT INTO prepared (id, envelope, structure, headers) VALUES (?, ?, ?, ?)",
        [(key(mailbox.id, uid), *row[7:]) for uid, row in numbered],
    )
    size = _arrived(connection, mailbox, modseq, [(row.flags, row.size) for row in rows])
    if not counted:
        add_usage(connection, size, len(rows))
    return [Uid(uid) for uid, _ in numbered]


def insert_copies(
    connection: sqlite3.Connection,
    mailbox: MailboxRow,
    modseq: ModSeq,
    copies: Sequence[tuple[int, str, int, int]],
    saved: int,
) -> list[Uid]:
    """Insert (key of the original, new file name, flags, size) as messages of the mailbox."""
    uids = [Uid(mailbox.uid_next + offset) for offset in range(len(copies))]
    connection.executemany(
        "INSERT INTO message (mailbox, uid, flags, modseq) VALUES (?, ?, ?, ?)",
        [(mailbox.id, uid, flags, modseq) for uid, (_, _, flags, _) in zip(uids, copies, strict=True)],
    )
    connection.executemany(
        "INSERT INTO content (id, name, size, internal_date, saved, sent_day, email) "
        "SELECT ?, ?, size, internal_date, ?, sent_day, email FROM content WHERE id = ?",
        [
            (key(mailbox.id, uid), name, saved, original)
            for uid, (original, name, _, _) in zip(uids, copies, strict=True)
        ],
    )
    connection.executemany(
        "INSERT INTO prepared (id, envelope, structure, headers) "
        "SELECT ?, envelope, structure, headers FROM prepared WHERE id = ?",
        [(key(mailbox.id, uid), original) for uid, (original, _, _, _) in zip(uids, copies, strict=True)],
    )
    size = _arrived(connection, mailbox, modseq, [(flags, size) for _, _, flags, size in copies])
    add_usage(connection, size, len(copies))
    return uids


def _arrived(
    connection: sqlite3.Connection, mailbox: MailboxRow, modseq: ModSeq, messages: Sequence[tuple[int, int]]
) -> int:
    """Count them in the mailbox; gives their bytes."""
    size = sum(size for _, size in messages)
    connection.execute(
        "UPDATE mailbox SET uid_next = uid_next + ?, messages = messages + ?, unseen = unseen + ?, "
        "deleted = deleted + ?, size = size + ?, modseq = ? WHERE id = ?",
        (
            len(messages),
            len(messages),
            sum(not flags & SEEN_BIT for flags, _ in messages),
            sum(bool(flags & DELETED_BIT) for flags, _ in messages),
            size,
            modseq,
            mailbox.id,
        ),
    )
    return size


def flags_of(connection: sqlite3.Connection, mailbox: MailboxId, ranges: Ranges) -> list[tuple[int, int, int]]:
    """(UID, flags, MODSEQ) of the messages in the ranges, ascending."""
    found: list[tuple[int, int, int]] = []
    for low, high in ranges:
        found += connection.execute(
            "SELECT uid, flags, modseq FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
            (mailbox, low, high),
        ).fetchall()
    return found


def changed_since(
    connection: sqlite3.Connection, mailbox: MailboxId, modseq: int, limit: int = -1
) -> list[tuple[int, int, int]]:
    """(UID, flags, MODSEQ) of what changed or arrived after ``modseq``, ascending by UID unless limited."""
    rows = connection.execute(
        "SELECT uid, flags, modseq FROM message WHERE mailbox = ? AND modseq > ? LIMIT ?", (mailbox, modseq, limit)
    ).fetchall()
    rows.sort()
    return rows


def expunged_since(
    connection: sqlite3.Connection, mailbox: MailboxId, modseq: int, limit: int = -1
) -> list[tuple[int, int]]:
    """(UID, MODSEQ) of what was expunged after ``modseq``, ascending by UID unless limited."""
    rows = connection.execute(
        "SELECT uid, modseq FROM expunged WHERE mailbox = ? AND modseq > ? LIMIT ?", (mailbox, modseq, limit)
    ).fetchall()
    rows.sort()
    return rows


def all_flags(connection: sqlite3.Connection, mailbox: MailboxId) -> list[tuple[int, int]]:
    """(UID, flags) of every message, ascending."""
    return connection.execute("SELECT uid, flags FROM message WHERE mailbox = ? ORDER BY uid", (mailbox,)).fetchall()


def contents(connection: sqlite3.Connection, mailbox: MailboxId, ranges: Ranges) -> list[ContentRow]:
    """The messages in the ranges, ascending."""
    found: list[ContentRow] = []
    for low, high in ranges:
        found += map(
            ContentRow._make,
            connection.execute(
                "SELECT m.uid, m.flags, c.name, c.size FROM message m JOIN content c ON c.id = ? | m.uid "
                "WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid",
                (mailbox << 32, mailbox, low, high),
            ),
        )
    return found


def file_of(connection: sqlite3.Connection, mailbox: MailboxId, uid: int) -> tuple[str, str] | None:
    """(folder, name) of the message's file."""
    row = connection.execute(
        "SELECT b.folder, c.name FROM content c JOIN mailbox b ON b.id = ? WHERE c.id = ?", (mailbox, key(mailbox, uid))
    ).fetchone()
    return (row[0], row[1]) if row else None


def set_flags(
    connection: sqlite3.Connection, mailbox: MailboxId, modseq: ModSeq, changes: Sequence[tuple[int, int, int]]
) -> None:
    """Give new flags to (UID, old flags, new flags), all of which differ; counters follow."""
    connection.executemany(
        "UPDATE message SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
        [(new, modseq, mailbox, uid) for uid, _, new in changes],
    )
    unseen = sum((not new & SEEN_BIT) - (not old & SEEN_BIT) for _, old, new in changes)
    deleted = sum(bool(new & DELETED_BIT) - bool(old & DELETED_BIT) for _, old, new in changes)
    connection.execute(
        "UPDATE mailbox SET unseen = unseen + ?, deleted = deleted + ?, modseq = ? WHERE id = ?",
        (unseen, deleted, modseq, mailbox),
    )


def deleted_uids(connection: sqlite3.Connection, mailbox: MailboxId) -> list[int]:
    r"""UIDs with ``\Deleted``, ascending."""
    rows = connection.execute(
        f"SELECT uid FROM message WHERE mailbox = ? AND flags & {DELETED_BIT} = {DELETED_BIT} ORDER BY uid",  # noqa: S608 - numbers
        (mailbox,),
    )
    return [uid for (uid,) in rows]


def remove(  # noqa: PLR0913 - one statement's parameters
    connection: sqlite3.Connection,
    mailbox: MailboxRow,
    modseq: ModSeq,
    rows: Sequence[ContentRow],
    now: int,
    *,
    kept: bool,
) -> None:
    """Take the messages out of the mailbox and leave their tombstones; counters follow."""
    keys = [(key(mailbox.id, row.uid),) for row in rows]
    connection.executemany(
        "INSERT INTO expunged (mailbox, uid, modseq, mailbox_name, folder, name, size, flags, internal_date, saved, "
        "expunged_at, kept) SELECT ?, ?, ?, ?, ?, name, size, ?, internal_date, saved, ?, ? FROM content WHERE id = ?",
        [
            (mailbox.id, row.uid, modseq, mailbox.name, mailbox.folder, row.flags, now, kept, key(mailbox.id, row.uid))
            for row in rows
        ],
    )
    connection.executemany("DELETE FROM message WHERE mailbox = ? AND uid = ?", [(mailbox.id, row.uid) for row in rows])
    connection.executemany("DELETE FROM content WHERE id = ?", keys)
    connection.executemany("DELETE FROM prepared WHERE id = ?", keys)
    size = sum(row.size for row in rows)
    connection.execute(
        "UPDATE mailbox SET messages = messages - ?, unseen = unseen - ?, deleted = deleted - ?, size = size - ?, "
        "modseq = ? WHERE id = ?",
        (
            len(rows),
            sum(not row.flags & SEEN_BIT for row in rows),
            sum(bool(row.flags & DELETED_BIT) for row in rows),
            size,
            modseq,
            mailbox.id,
        ),
    )
    add_usage(connection, -size, -len(rows))


def ranges_of(uids: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending UIDs as inclusive ranges without gaps inside."""
    ranges: list[tuple[int, int]] = []
    for uid in uids:
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return ranges
