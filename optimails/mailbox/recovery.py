"""Making files and rows agree again after a crash, and rebuilding an index that is lost. Blocking.

What can be found, and what is done (``Finding.kind``):

- a tombstone whose file is still in its folder: the process died between commit and the file's move. Finish the move.
- a file without a row, placed by a process that died: it died before the commit, so nobody was told that the message is
  stored. It is removed; the sender will send it again. (Kept instead, it would be there twice.)
- a file without a row that may have been acknowledged: after a crash of the machine, when the last commits may be lost,
  or one that another program put there. A row is made, the message is new again.
- a row without a file: reported, and expunged. When the file is on the shelf (the machine went down after the expunge
  moved it and lost the commit), it can be brought back.
- the folder of a mailbox that was deleted, with its messages: the process died before it moved them. Finish that.
- a file that is not whole, without a row: its process, or the machine, died while it was written. It is removed; what
  was acknowledged has been made whole before (``restoring``).
- temporary files of dead processes: removed.

Processes that live and have the account open are left alone: their names carry their process id.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from optimails.index import accounts, mailboxes, messages
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.mailbox import folders, storing
from optimails.mailbox.api import NewMessage
from optimails.mailbox.engine import Engine, other_openers
from optimails.mailbox.findings import Finding, Kind
from optimails.model.mailbox_name import INBOX, MailboxName

log = logging.getLogger(__name__)


@storage_errors
def recover(engine: Engine, living: AbstractSet[int], *, adopt: bool, repair: bool = True) -> list[Finding]:
    """Compare every folder with its rows. ``living`` are the other processes that have the account open."""
    findings: list[Finding] = []
    with engine.database.read() as connection:
        boxes = [row for row in mailboxes.every(connection) if row.selectable]
    for box in boxes:
        findings += _recover_mailbox(engine, box, living, adopt=adopt, repair=repair)
    findings += _deleted_folders(engine, repair=repair)
    findings += _counters(engine, repair=repair)
    for finding in findings:
        fields = {"account": engine.account, "mailbox": finding.mailbox, "kind": finding.kind.value}
        log.warning("recovered" if repair else "inconsistent", extra={"fields": {**fields, "detail": finding.detail}})
    return findings


def _recover_mailbox(
    engine: Engine, box: MailboxRow, living: AbstractSet[int], *, adopt: bool, repair: bool
) -> list[Finding]:
    findings: list[Finding] = []
    with engine.database.write() as connection:  # nobody commits while files and rows are compared
        # Those who opened the account since: they were noted before they could place a file.
        living = living | other_openers(connection)
        rows = {
            name: key - (box.id << 32)
            for key, name in connection.execute(
                "SELECT id, name FROM content WHERE id BETWEEN ? AND ?", (box.id << 32, (box.id + 1 << 32) - 1)
            )
        }
        tombstones: dict[str, int] = dict(
            connection.execute("SELECT name, kept FROM expunged WHERE folder = ?", (box.folder,)).fetchall()
        )
        try:
            files = set(engine.files.names(box.folder))
        except FileNotFoundError:
            files = set()
            findings.append(Finding(Kind.FOLDER, box.name, box.folder, repair))
            if repair:
                folders.restore_folder(engine, box)
        for name in sorted(files - rows.keys()):
            kind = _without_row(engine, box.folder, name, tombstones, living, adopt=adopt)
            if kind is not None:
                findings.append(Finding(kind, box.name, name, repair))
        missing = sorted(rows.keys() - files)
        findings += [Finding(Kind.FILE_MISSING, box.name, name, repair) for name in missing]
        if repair and missing:
            gone = messages.contents(connection, box.id, messages.ranges_of(sorted(rows[name] for name in missing)))
            current = mailboxes.by_id(connection, box.id)
            assert current is not None
            modseq = accounts.next_modseq(connection)
            shelved = set(engine.files.shelved())
            for kept in (True, False):
                some = [row for row in gone if (row.name in shelved) is kept]
                messages.remove(connection, current, modseq, some, int(time.time()), kept=kept)
    if repair:
        _repair_files(engine, box, findings, tombstones)
    return findings


def _deleted_folders(engine: Engine, *, repair: bool) -> list[Finding]:
    """Folders that no mailbox has any more, and the tombstones of what is in them."""
    findings: list[Finding] = []
    with engine.database.write() as connection:  # nobody makes a mailbox meanwhile
        known = {row.folder for row in mailboxes.every(connection)}
        for folder in sorted(engine.files.folders().keys() - known):
            tombstones: dict[str, tuple[str, int]] = {
                name: (mailbox, kept)
                for name, mailbox, kept in connection.execute(
                    "SELECT name, mailbox_name, kept FROM expunged WHERE folder = ?", (folder,)
                )
            }
            for name in sorted(tombstones.keys() & set(engine.files.names(folder))):
                mailbox, kept = tombstones[name]
                findings.append(Finding(Kind.UNFINISHED_EXPUNGE, mailbox, name, repair))
                if repair and kept:
                    engine.files.shelve(folder, name)
                elif repair:
                    engine.files.remove(folder, name)
            if repair and tombstones:
                folders.remove_empty_folder(engine, folder)
    return findings


def _without_row(  # noqa: PLR0913 - all that is known of the file
    engine: Engine, folder: str, name: str, tombstones: Mapping[str, int], living: AbstractSet[int], *, adopt: bool
) -> Kind | None:
    """What a file is that has no row; None when a living process is just about to give it one."""
    writer = engine.files.writer(name)
    if name in tombstones:
        return Kind.UNFINISHED_EXPUNGE
    if writer in living:
        return None
    if engine.files.torn(folder, name):
        return Kind.UNACKNOWLEDGED  # or the journal had had it, and it were whole again
    return Kind.ADOPTED if writer is None or adopt else Kind.UNACKNOWLEDGED


def _repair_files(engine: Engine, box: MailboxRow, findings: Sequence[Finding], tombstones: Mapping[str, int]) -> None:
    for finding in findings:
        if finding.kind is Kind.ADOPTED:
            _adopt(engine, box, finding.detail)
        elif finding.kind is Kind.UNACKNOWLEDGED or (
            finding.kind is Kind.UNFINISHED_EXPUNGE and not tombstones[finding.detail]
        ):
            engine.files.remove(box.folder, finding.detail)
        elif finding.kind is Kind.UNFINISHED_EXPUNGE:
            engine.files.shelve(box.folder, finding.detail)


def _adopt(engine: Engine, box: MailboxRow, name: str) -> None:
    """Give a row to a file that has none; it stays where it is."""
    file = engine.files.open(box.folder, name)
    try:
        row = storing.scanned(file.view(), file.size, NewMessage(b""))
    finally:
        file.close()
    modified = int(engine.files.modified(box.folder, name))
    storing.insert_row(engine, box, row._replace(name=name, internal_date=modified))


def _counters(engine: Engine, *, repair: bool) -> list[Finding]:
    """Compare every counter with what it counts."""
    findings: list[Finding] = []
    with engine.database.write() as connection:
        before = {row.id: row for row in mailboxes.every(connection)}
        usage = accounts.usage(connection)
        connection.execute("SAVEPOINT counting")
        for identity in before:
            mailboxes.recount(connection, identity)
        mailboxes.recount_account(connection)
        findings += [
            Finding(Kind.COUNTERS, row.name, f"{row.messages} messages, {row.size} bytes", repair)
            for row in mailboxes.every(connection)
            if row != before[row.id]
        ]
        if accounts.usage(connection) != usage:
            counted = accounts.usage(connection)
            findings.append(Finding(Kind.COUNTERS, "", f"{counted[1]} messages, {counted[0]} bytes", repair))
        if not repair:
            connection.execute("ROLLBACK TO counting")
        connection.execute("RELEASE counting")
    return findings


@storage_errors
def rebuild(engine: Engine) -> list[Finding]:
    """Make an empty index describe the files again. Flags and UIDs are lost; UIDVALIDITY tells clients so."""
    findings = [Finding(Kind.INDEX, "", "rebuilt from the message files", repaired=True)]
    labels = engine.files.folders()
    with engine.database.write(durable=True) as connection:
        last = max((label.uid_validity for label in labels.values() if label), default=0)
        connection.execute("UPDATE account SET uid_validity = max(uid_validity, ?)", (last,))
    for folder, label in sorted(labels.items()):
        name = MailboxName(label.name if label else folder.strip(".").replace(".", "/")) if folder else INBOX
        folders.adopt_folder(engine, folder, name, label.special_use if label else None)
    return findings + recover(engine, frozenset(), adopt=True)
