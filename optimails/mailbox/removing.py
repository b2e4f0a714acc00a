"""EXPUNGE, and what becomes of expunged messages. Blocking.

An expunged message leaves the mailbox and the quota at once; its file moves to the account's shelf and stays there for
the plan's retention. Its tombstone stays as long as the file, and at least ``TOMBSTONES``, for clients that
resynchronise.
"""

import time
from collections.abc import Sequence

from optimails.index import accounts, mailboxes, messages, seen
from optimails.index.database import storage_errors
from optimails.index.messages import ContentRow, Ranges
from optimails.mailbox.engine import Engine
from optimails.model import number_set
from optimails.model.ids import MailboxId

TOMBSTONES = 30 * 86400  # seconds
DAY = 86400
_BATCH = 500


@storage_errors
def expunge(engine: Engine, mailbox: MailboxId, among: Ranges | None) -> int:
    r"""Remove the messages with ``\Deleted`` (among these UIDs, when given); how many there were."""
    with engine.database.write() as connection:
        box = mailboxes.by_id(connection, mailbox)
        uids = messages.deleted_uids(connection, mailbox)
        if among is not None:
            uids = number_set.among(uids, among)
        if box is None or not uids:
            return 0
        rows = messages.contents(connection, mailbox, messages.ranges_of(uids))
        modseq = accounts.next_modseq(connection)
        messages.remove(connection, box, modseq, rows, int(time.time()), kept=True)
    engine.changed(mailbox, modseq)
    shelve(engine, box.folder, rows)
    return len(rows)


def shelve(engine: Engine, folder: str, rows: Sequence[ContentRow]) -> None:
    """Move the files of expunged rows to the shelf; a crash before that is mended by recovery."""
    for row in rows:
        engine.tidy(engine.files.shelve, folder, row.name)


@storage_errors
def purge(engine: Engine, now: float | None = None) -> int:
    """Remove for good what was expunged longer ago than the account's retention; how many messages."""
    moment = int(time.time() if now is None else now)
    limit = moment - engine.limits.retention * DAY
    purged = 0
    while True:
        with engine.database.read() as connection:
            rows = connection.execute(
                "SELECT id, name FROM expunged WHERE kept AND expunged_at < ? LIMIT ?", (limit, _BATCH)
            ).fetchall()
        if not rows:
            break
        for _, name in rows:
            engine.files.remove_shelved(name)
        with engine.database.write() as connection:
            connection.executemany("UPDATE expunged SET kept = 0 WHERE id = ?", [(identity,) for identity, _ in rows])
        purged += len(rows)
    with engine.database.write() as connection:
        seen.prune(connection)
        connection.execute(
            "DELETE FROM expunged WHERE NOT kept AND expunged_at < ?", (min(limit, moment - TOMBSTONES),)
        )
    return purged
