"""Creating, deleting and renaming mailboxes. Blocking.

The name of a mailbox is in the index and, for rebuilding, in its folder's label; the folder on disk keeps the name it
was given. A deleted mailbox that has inferiors stays as a name that cannot be selected (RFC 9051 §6.3.5).
"""

import sqlite3
import time
from collections.abc import Iterable

from optimails.index import accounts, annotations, mailboxes, messages
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.mailbox import removing, storing
from optimails.mailbox.engine import Engine
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import INBOX, SEPARATOR, MailboxName, canonical, is_inferior, mailbox_name, parents
from optimails.model.special_use import CREATABLE, NEW_ACCOUNT, SpecialUse
from optimails.store.api import FolderLabel
from optimails.store.names import INBOX_FOLDER, folder_name

MAX_MAILBOXES = 10_000
EVERYTHING = ((1, 2**32 - 1),)


@storage_errors
def create_standard(engine: Engine) -> None:
    """INBOX and the special-use mailboxes of a new account, subscribed."""
    _make(engine, INBOX)
    for name, use in NEW_ACCOUNT:
        _make(engine, MailboxName(name), use)
    with engine.database.write() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO subscription (name) VALUES (?)", [(INBOX,), *((name,) for name, _ in NEW_ACCOUNT)]
        )


@storage_errors
def create(engine: Engine, text: str, special_use: SpecialUse | None = None) -> MailboxRow:
    """A new mailbox, with its missing parents. A trailing separator is ignored (RFC 9051 §6.3.4)."""
    name = mailbox_name(text.removesuffix(SEPARATOR))
    with engine.database.read() as connection:
        rows = {row.name: row for row in mailboxes.every(connection)}
    if name == INBOX or (name in rows and rows[name].selectable):
        raise Refused(Reason.ALREADY_EXISTS, "Mailbox already exists")
    _check_use(rows.values(), special_use)
    missing = [parent for parent in parents(name) if parent not in rows and parent != INBOX]
    if len(rows) + len(missing) >= MAX_MAILBOXES:
        raise Refused(Reason.LIMIT, "Too many mailboxes")
    for parent in missing:
        _make(engine, parent)
    return _make(engine, name, special_use)


def _check_use(rows: Iterable[MailboxRow], special_use: SpecialUse | None) -> None:
    if special_use is None:
        return
    if special_use not in CREATABLE:
        raise Refused(Reason.USE_ATTR, "A mailbox cannot be given this special use")
    if any(row.special_use == special_use for row in rows):
        raise Refused(Reason.USE_ATTR, "Another mailbox has this special use already")


def _make(engine: Engine, name: MailboxName, special_use: SpecialUse | None = None) -> MailboxRow:
    """The row and its folder; when only the row of a former mailbox is there, it becomes selectable again."""
    with engine.database.write(durable=True) as connection:
        row = mailboxes.by_name(connection, name)
        if row is None:
            folder = INBOX_FOLDER if name == INBOX else _free_folder(engine, connection, name)
            row = mailboxes.insert(connection, engine.account, name, folder, special_use=special_use)
        elif not row.selectable:
            connection.execute(
                "UPDATE mailbox SET selectable = 1, special_use = ?, uid_validity = ? WHERE id = ?",
                (special_use, accounts.next_uid_validity(connection), row.id),
            )
            row = mailboxes.by_id(connection, row.id)
            assert row is not None
        # Inside the transaction: a mailbox that can be seen has its folder.
        engine.files.create_folder(row.folder, _label(row))
    engine.changed(row.id, row.modseq)
    return row


def _free_folder(engine: Engine, connection: sqlite3.Connection, name: MailboxName) -> str:
    taken = frozenset(row.folder.lower() for row in mailboxes.every(connection))
    while engine.files.has_folder(folder := folder_name(name, taken)):  # left by a mailbox that was deleted
        taken |= {folder.lower()}
    return folder


def _label(row: MailboxRow) -> FolderLabel:
    return FolderLabel(row.name, row.uid_validity, row.special_use)


@storage_errors
def delete(engine: Engine, text: MailboxName) -> None:
    """Expunge all of it and remove the mailbox; its subscription stays (RFC 9051 §6.3.5)."""
    name = canonical(text)
    if name == INBOX:
        raise Refused(Reason.CANNOT, "INBOX cannot be deleted")
    with engine.database.write(durable=True) as connection:
        box = mailboxes.by_name(connection, name)
        if box is None:
            raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
        inferior = any(is_inferior(row.name, name) for row in mailboxes.every(connection))
        if inferior and not box.selectable:
            raise Refused(Reason.HAS_CHILDREN, "Mailbox has inferior mailboxes")
        rows = messages.contents(connection, box.id, EVERYTHING)
        modseq = accounts.next_modseq(connection)
        messages.remove(connection, box, modseq, rows, int(time.time()), kept=True)
        if inferior:
            connection.execute("UPDATE mailbox SET selectable = 0, special_use = NULL WHERE id = ?", (box.id,))
        else:
            connection.execute("DELETE FROM mailbox WHERE id = ?", (box.id,))
        annotations.forget(connection, box.id)  # RFC 5464 §3
    engine.changed(box.id, modseq)
    removing.shelve(engine, box.folder, rows)
    if not inferior:
        remove_empty_folder(engine, box.folder)


def remove_empty_folder(engine: Engine, folder: str) -> None:
    """Never delete mail here: what a delivery placed a moment too late is removed by its own, failing transaction."""
    if not any(True for _ in engine.files.names(folder)) and not any(True for _ in engine.files.arrivals(folder)):
        engine.files.remove_folder(folder)


@storage_errors
def rename(engine: Engine, old_text: MailboxName, new_text: str) -> None:
    """Give a mailbox and its inferiors new names; INBOX gives its messages to a new mailbox (RFC 9051 §6.3.6)."""
    old, new = canonical(old_text), mailbox_name(new_text.removesuffix(SEPARATOR))
    if old == INBOX:
        _rename_inbox(engine, new)
        return
    if new == INBOX:
        raise Refused(Reason.ALREADY_EXISTS, "Mailbox already exists")
    if is_inferior(new, old):
        raise Refused(Reason.CANNOT, "A mailbox cannot be moved below itself")
    for parent in _missing_parents(engine, old, new):
        _make(engine, parent)
    with engine.database.write(durable=True) as connection:
        moved = [row for row in mailboxes.every(connection) if row.name == old or is_inferior(row.name, old)]
        if not any(row.name == old for row in moved):
            raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
        if mailboxes.by_name(connection, new):
            raise Refused(Reason.ALREADY_EXISTS, "Mailbox already exists")
        modseq = accounts.next_modseq(connection)
        for row in moved:
            name = mailbox_name(new + row.name[len(old) :])
            _rename_row(connection, row, name)
            if row.selectable:
                engine.files.relabel(row.folder, _label(row._replace(name=name)))
    for row in moved:
        engine.changed(row.id, modseq)


def _missing_parents(engine: Engine, old: MailboxName, new: MailboxName) -> list[MailboxName]:
    with engine.database.read() as connection:
        names = {row.name for row in mailboxes.every(connection)}
    if old not in names:
        raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
    return [parent for parent in parents(new) if parent not in names and parent != INBOX]


def _rename_row(connection: sqlite3.Connection, row: MailboxRow, name: MailboxName) -> None:
    connection.execute("UPDATE mailbox SET name = ? WHERE id = ?", (name, row.id))


def _rename_inbox(engine: Engine, new: MailboxName) -> None:
    target = create(engine, new)
    inbox = engine.mailbox(INBOX)
    storing.copy(engine, inbox, EVERYTHING, target.name, move=True)
    with engine.database.write() as connection:  # RFC 5464 §3: INBOX keeps its own
        annotations.copy(connection, inbox.id, target.id, accounts.next_modseq(connection))


@storage_errors
def subscribe(engine: Engine, name: MailboxName, *, subscribed: bool) -> None:
    """Note or forget the wish; the mailbox need not exist."""
    with engine.database.write() as connection:
        if subscribed:
            connection.execute("INSERT OR IGNORE INTO subscription (name) VALUES (?)", (canonical(name),))
        else:
            connection.execute("DELETE FROM subscription WHERE name = ?", (canonical(name),))


@storage_errors
def claim_recent(engine: Engine, box: MailboxRow) -> int:
    r"""The first UID that is recent to this session; later ones get only what comes then (RFC 3501 §2.3.2)."""
    if box.recent_from >= box.uid_next:
        return box.uid_next
    with engine.database.write() as connection:
        row = mailboxes.by_id(connection, box.id)
        if row is None:
            return box.uid_next
        connection.execute("UPDATE mailbox SET recent_from = uid_next WHERE id = ?", (box.id,))
        return row.recent_from


def restore_folder(engine: Engine, row: MailboxRow) -> None:
    """Make a mailbox's folder again after somebody removed it."""
    engine.files.create_folder(row.folder, _label(row))


def adopt_folder(engine: Engine, folder: str, name: MailboxName, special_use: str | None) -> None:
    """A mailbox for a folder that has none yet (the index was lost)."""
    with engine.database.write(durable=True) as connection:
        row = mailboxes.by_name(connection, name)
        if row is None:
            row = mailboxes.insert(connection, engine.account, name, folder, special_use=special_use)
            connection.execute("INSERT OR IGNORE INTO subscription (name) VALUES (?)", (name,))
        engine.files.create_folder(folder, _label(row))
