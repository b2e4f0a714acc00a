"""The account's own row: counters of the whole account, and numbers that must never be given twice.

MODSEQs and UIDs are reserved in blocks by a durable commit and then handed out by ordinary ones. When the machine went
down in between (the boot id changed), the last ordinary commits may be lost although their numbers were shown to
clients; so every counter then jumps to the end of its block.
"""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from optimails.index.database import Database
from optimails.model.ids import AccountId, MailboxId, ModSeq, UidValidity

UID_BLOCK = 1000
MODSEQ_BLOCK = 10_000
_UNFINISHED = ""  # instead of a boot: the account's mailboxes are still being made


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening the account's row found out."""

    created: bool  # or its creation was never finished
    rebooted: bool  # the machine went down since the last writer: acknowledged rows may be missing


def boot_id() -> str:
    """Changes with every boot of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


def prepare(database: Database, account: AccountId) -> Opened:
    """Make the account's row, or bring its counters past a crash of the machine.

    Until ``finish`` the account counts as not recovered: who dies in between leaves it to the next.
    """
    boot = boot_id()
    with database.read() as connection:
        row = connection.execute("SELECT boot FROM account").fetchone()
    if row and row[0] == boot:
        return Opened(created=False, rebooted=False)
    with database.write(durable=True) as connection:
        if row is None:
            connection.execute(
                "INSERT OR IGNORE INTO account (id, modseq, modseq_reserved, uid_validity, storage, messages, boot) "
                "VALUES (?, 1, ?, ?, 0, 0, ?)",
                (account, MODSEQ_BLOCK, int(time.time()), _UNFINISHED),
            )
        elif row[0] != _UNFINISHED:
            connection.execute(
                "UPDATE account SET modseq = modseq_reserved, modseq_reserved = modseq_reserved + ?", (MODSEQ_BLOCK,)
            )
            connection.execute(
                "UPDATE mailbox SET uid_next = uid_reserved, uid_reserved = uid_reserved + ?", (UID_BLOCK,)
            )
    created = row is None or row[0] == _UNFINISHED
    return Opened(created=created, rebooted=not created)


def finish(database: Database) -> None:
    """All is there: the mailboxes of a new account, or what was left when the machine went down."""
    with database.write(durable=True) as connection:
        connection.execute("UPDATE account SET boot = ?", (boot_id(),))


def reserve(database: Database, mailbox: MailboxId, count: int) -> None:
    """See to it that ``count`` UIDs of the mailbox and a MODSEQ may be handed out by ordinary commits."""
    with database.read() as connection:
        row = connection.execute(
            "SELECT uid_reserved - uid_next, modseq_reserved - account.modseq FROM mailbox, account "
            "WHERE mailbox.id = ?",
            (mailbox,),
        ).fetchone()
    if row is None or (row[0] > count and row[1] > 1):
        return
    with database.write(durable=True) as connection:
        connection.execute(
            "UPDATE mailbox SET uid_reserved = uid_next + ? WHERE id = ? AND uid_reserved - uid_next <= ?",
            (count + UID_BLOCK, mailbox, count),
        )
        connection.execute(
            "UPDATE account SET modseq_reserved = modseq + ? WHERE modseq_reserved - modseq <= 1", (MODSEQ_BLOCK,)
        )


class Standing(NamedTuple):
    """The account within a transaction that changes it."""

    modseq: ModSeq  # of this change
    left: int  # MODSEQs that may still be given by ordinary commits
    storage: int  # bytes, with those of this change
    messages: int


def advance(connection: sqlite3.Connection, size: int = 0, count: int = 0) -> Standing:
    """Take a MODSEQ above all given before, within the caller's transaction, and count what comes with it."""
    modseq, reserved, storage, messages = connection.execute(
        "UPDATE account SET modseq = modseq + 1, storage = storage + ?, messages = messages + ? "
        "RETURNING modseq, modseq_reserved, storage, messages",
        (size, count),
    ).fetchone()
    if modseq + MODSEQ_BLOCK // 2 >= reserved:
        # By an ordinary commit, but so long before it is needed that the log is synced (at a checkpoint, every thousand
        # pages) while there are numbers left that are safe. Or a power cut would have them given twice.
        connection.execute("UPDATE account SET modseq_reserved = modseq + ?", (MODSEQ_BLOCK,))
    return Standing(ModSeq(modseq), reserved - modseq, storage, messages)


def next_modseq(connection: sqlite3.Connection) -> ModSeq:
    """A MODSEQ above all given before, within the caller's transaction."""
    return advance(connection).modseq


def next_uid_validity(connection: sqlite3.Connection) -> UidValidity:
    """A UIDVALIDITY above all given before in this account (RFC 9051 §2.3.1.1)."""
    (value,) = connection.execute(
        "UPDATE account SET uid_validity = max(uid_validity + 1, ?) RETURNING uid_validity", (int(time.time()),)
    ).fetchone()
    return UidValidity(value)


def usage(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes and messages of the account."""
    storage, messages = connection.execute("SELECT storage, messages FROM account").fetchone()
    return storage, messages


def add_usage(connection: sqlite3.Connection, storage: int, messages: int) -> None:
    connection.execute("UPDATE account SET storage = storage + ?, messages = messages + ?", (storage, messages))
