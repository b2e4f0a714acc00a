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
        with engine.database.read() as connection:
            current = mailboxes.by_id(connection, box.id)  # it may have been renamed or deleted since
        if current is None or not current.selectable:
            return 0
        stamp = engine.files.arrivals_stamp(box.folder)
        count = 0
        for name in engine.files.arrivals(box.folder):
            if name.startswith("."):
                continue
            try:
                data, modified = engine.files.read_arrival(box.folder, name)
            except (FileNotFoundError, IsADirectoryError):
                continue
            message = NewMessage(with_crlf(data), internal_date=datetime.fromtimestamp(modified, UTC))
            storing.append(engine, current.name, [message], exempt=True)
            engine.files.remove_arrival(box.folder, name)
            count += 1
        # Removing changes the folder too: look once more next time, in case something came while we worked.
        engine.arrivals[box.folder] = -1 if count else stamp
        if count:
            log.info("ingested", extra={"fields": {"account": engine.account, "mailbox": box.name, "messages": count}})
        return count
    finally:
        engine.ingesting.release()


def with_crlf(data: bytes) -> bytes:
    """The message with every line ended by CRLF."""
    if b"\n" not in data.replace(b"\r\n", b"") and b"\r" not in data.replace(b"\r\n", b""):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
