"""Rows of mailboxes."""

import sqlite3
import uuid
from typing import NamedTuple

from optimails.index.accounts import UID_BLOCK, next_modseq, next_uid_validity
from optimails.model.flags import DELETED_BIT, SEEN_BIT
from optimails.model.ids import AccountId, MailboxId, ModSeq, Uid, UidValidity
from optimails.model.mailbox_name import MailboxName


class MailboxRow(NamedTuple):
    """One mailbox with its counters."""

    id: MailboxId
    name: MailboxName
    folder: str
    object_id: str
    selectable: int
    special_use: str | None
    uid_validity: UidValidity
    uid_next: Uid
    uid_reserved: Uid
    recent_from: Uid
    modseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    size: int


_COLUMNS = ", ".join(MailboxRow._fields)
_ALL = f"SELECT {_COLUMNS} FROM mailbox ORDER BY name"  # noqa: S608 - our own column names
_BY_NAME = f"SELECT {_COLUMNS} FROM mailbox WHERE name = ?"  # noqa: S608
_BY_ID = f"SELECT {_COLUMNS} FROM mailbox WHERE id = ?"  # noqa: S608


def every(connection: sqlite3.Connection) -> list[MailboxRow]:
    return [MailboxRow._make(row) for row in connection.execute(_ALL)]


def by_name(connection: sqlite3.Connection, name: str) -> MailboxRow | None:
    row = connection.execute(_BY_NAME, (name,)).fetchone()
    return MailboxRow._make(row) if row else None


def by_id(connection: sqlite3.Connection, mailbox: MailboxId) -> MailboxRow | None:
    row = connection.execute(_BY_ID, (mailbox,)).fetchone()
    return MailboxRow._make(row) if row else None


def insert(  # noqa: PLR0913 - the columns of a row
    connection: sqlite3.Connection,
    account: AccountId,
    name: MailboxName,
    folder: str,
    *,
    special_use: str | None = None,
    selectable: bool = True,
) -> MailboxRow:
    """A new, empty mailbox; the caller's transaction is to be durable."""
    connection.execute(
        "INSERT INTO mailbox (account, name, folder, object_id, selectable, special_use, uid_validity, uid_next, "
        "uid_reserved, recent_from, modseq, messages, unseen, deleted, size) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, 1, ?, 0, 0, 0, 0)",
        (
            account,
            name,
            folder,
            uuid.uuid4().hex,
            selectable,
            special_use,
            next_uid_validity(connection),
            UID_BLOCK,
            next_modseq(connection),
        ),
    )
    row = by_name(connection, name)
    assert row is not None
    return row


def recount(connection: sqlite3.Connection, mailbox: MailboxId) -> None:
    """Set the counters of a mailbox from its messages."""
    messages, unseen, deleted = connection.execute(
        f"SELECT count(*), ifnull(sum(flags & {SEEN_BIT} = 0), 0), ifnull(sum(flags & {DELETED_BIT} != 0), 0) "  # noqa: S608 - numbers
        "FROM message WHERE mailbox = ?",
        (mailbox,),
    ).fetchone()
    (size,) = connection.execute(
        "SELECT ifnull(sum(size), 0) FROM content WHERE id BETWEEN ? AND ?", (mailbox << 32, (mailbox + 1 << 32) - 1)
    ).fetchone()
    connection.execute(
        "UPDATE mailbox SET messages = ?, unseen = ?, deleted = ?, size = ? WHERE id = ?",
        (messages, unseen, deleted, size, mailbox),
    )


def recount_account(connection: sqlite3.Connection) -> None:
    """Set the account's counters from its mailboxes."""
    connection.execute(
        "UPDATE account SET (storage, messages) = (SELECT ifnull(sum(size), 0), ifnull(sum(messages), 0) FROM mailbox)"
    )
