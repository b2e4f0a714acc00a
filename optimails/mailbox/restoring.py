"""Putting back what the machine lost when it went down, from the journal of the store. Blocking.

A small message is acknowledged when the journal has it; its file follows some time later (``optimails.store.journal``).
After a power cut that file may be missing, empty or cut short, whatever the index says of it. So before anything else
looks at the account, every message that the journals of earlier boots have is compared with what is there:

- it has a row: its file is given the content again.
- it has a tombstone, or its file is on the shelf: it was expunged, and stays so. What is kept for ``undelete`` is whole
  again, too.
- neither: the commit of its row was lost with the power. Its file is put back, and recovery, which comes next, makes a
  row for it.

Doing this twice does no harm, so a crash in the middle is none either.
"""

import logging
from typing import NamedTuple

from optimails.index import mailboxes
from optimails.index.database import Database, storage_errors
from optimails.mailbox.findings import Finding, Kind
from optimails.model.ids import AccountId
from optimails.store.api import AccountFiles

log = logging.getLogger(__name__)


class _Known(NamedTuple):
    """What the index knows of a folder."""

    mailbox: str | None
    rows: frozenset[str]  # file names
    tombstones: dict[str, int]  # file names, and whether the file is kept


@storage_errors
def restore(files: AccountFiles, database: Database, account: AccountId) -> list[Finding]:
    """Compare and put back. Raises ``Unavailable``: the account must not be opened then."""
    findings: list[Finding] = []
    folders: dict[str, _Known] = {}
    shelved: set[str] | None = None
    for folder, name, content in files.unsettled():
        if shelved is None:
            shelved = set(files.shelved())
        known = folders.get(folder)
        if known is None:
            known = folders[folder] = _known(database, folder)
        if name not in known.rows and (name in known.tombstones or name in shelved):
            kept = name in shelved or known.tombstones.get(name)
            mended = bool(kept) and files.mend_shelved(name, content)
        else:
            # A folder without a mailbox that is not there was deleted with all that was in it.
            there = known.mailbox is not None or files.has_folder(folder)
            mended = there and files.mend(folder, name, content)
        if mended:
            findings.append(Finding(Kind.RESTORED, known.mailbox or folder, name, repaired=True))
    for finding in findings:
        fields = {"account": account, "mailbox": finding.mailbox, "kind": finding.kind.value, "detail": finding.detail}
        log.warning("recovered", extra={"fields": fields})
    return findings


def _known(database: Database, folder: str) -> _Known:
    with database.read() as connection:
        box = next((row for row in mailboxes.every(connection) if row.selectable and row.folder == folder), None)
        rows: list[tuple[str]] = []
        if box is not None:
            between = (box.id << 32, (box.id + 1 << 32) - 1)
            rows = connection.execute("SELECT name FROM content WHERE id BETWEEN ? AND ?", between).fetchall()
        tombstones = connection.execute("SELECT name, kept FROM expunged WHERE folder = ?", (folder,)).fetchall()
    return _Known(box.name if box else None, frozenset(name for (name,) in rows), dict(tombstones))
