"""Taking in what another program left in a folder's ``new/``. Blocking.

Such files often have bare LF line ends, which IMAP does not allow, so each is written anew with CRLF and the original
is removed once the message has its row. A crash in between stores the message a second time; nothing is lost.
"""

import logging
from datetime import UTC, datetime

from optimails.index import mailboxes
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.mailbox import storing
from optimails.mailbox.api import NewMessage
from optimails.mailbox.engine import Engine

log = logging.getLogger(__name__)


def waiting(engine: Engine, folder: str) -> bool:
    """Whether something was left there since the last time: one ``stat``."""
    return engine.arrivals.get(folder) != engine.files.arrivals_stamp(folder)


@storage_errors
def ingest(engine: Engine, box: MailboxRow) -> int:
    """Store what is in ``new/``; how many messages."""
    if not engine.ingesting.acquire(blocking=False):
        return 0
    try:
        with engine.files.taking(box.folder) as ours:  # and not another worker's: the message would be there twice
            return _take(engine, box) if ours else 0
    finally:
        engine.ingesting.release()


def _take(engine: Engine, box: MailboxRow) -> int:
    with engine.database.read() as connection:
        current = mailboxes.by_id(connection, box.id)  # it may have been renamed or deleted since
    if current is None or not current.selectable:
        return 0
    stamp = engine.files.arrivals_stamp(box.folder)
    count = 0
    for name in engine.files.arrivals(box.folder):
        if not name.startswith(".") and (message := _read(engine, box.folder, name)) is not None:
            storing.append(engine, current.name, [message], exempt=True)
            engine.files.remove_arrival(box.folder, name)
            count += 1
    # Removing changes the folder too: look once more next time, in case something came while we worked.
    engine.arrivals[box.folder] = -1 if count else stamp
    if count:
        log.info("ingested", extra={"fields": {"account": engine.account, "mailbox": box.name, "messages": count}})
    return count


def _read(engine: Engine, folder: str, name: str) -> NewMessage | None:
    """The message, or None for something that must not keep anybody from the rest of the mailbox."""
    try:
        data, modified = engine.files.read_arrival(folder, name)
        date = datetime.fromtimestamp(modified, UTC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, OverflowError) as wrong:  # of another user, a folder, or of a year beyond all dates
        log.warning("arrival_unreadable", extra={"fields": {"account": engine.account, "error": str(wrong)}})
        return None
    return NewMessage(with_crlf(data), internal_date=date)


def with_crlf(data: bytes) -> bytes:
    """The message with every line ended by CRLF."""
    if b"\n" not in data.replace(b"\r\n", b"") and b"\r" not in data.replace(b"\r\n", b""):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
