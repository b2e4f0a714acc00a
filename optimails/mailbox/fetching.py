"""Rows of messages for FETCH, by range of UIDs. Blocking."""

import functools

from optimails.index.database import Database
from optimails.mailbox.api import Want
from optimails.model.ids import MailboxId

_COLUMNS = (
    (Want.FLAGS, "m.flags"),
    (Want.MODSEQ, "m.modseq"),
    (Want.INTERNAL_DATE, "c.internal_date"),
    (Want.SIZE, "c.size"),
    (Want.ENVELOPE, "p.envelope"),
    (Want.STRUCTURE, "p.structure"),
    (Want.HEADERS, "p.headers"),
    (Want.SAVED, "c.saved"),
    (Want.OBJECT_ID, "c.email"),
)
"""In the order of the fields of ``Row`` after ``seq`` and ``uid``."""

_CONTENT = Want.INTERNAL_DATE | Want.SIZE | Want.SAVED | Want.OBJECT_ID
_PREPARED = Want.ENVELOPE | Want.STRUCTURE | Want.HEADERS


@functools.cache
def _statement(want: Want, *, since: bool) -> str:
    """Joins only the tables that are needed: a listing of flags reads the narrow one alone."""
    index = " INDEXED BY message_modseq" if since else ""  # few rows of many, which the planner cannot know
    columns = ", ".join(column if want & wanted else "NULL" for wanted, column in _COLUMNS)
    joins = ""
    if want & _CONTENT:
        joins += " JOIN content c ON c.id = :key | m.uid"
    if want & _PREPARED:
        joins += " JOIN prepared p ON p.id = :key | m.uid"
    return (
        f"SELECT m.uid, {columns} FROM message m{index}{joins} "  # noqa: S608 - the columns are ours
        "WHERE m.mailbox = :mailbox AND m.uid BETWEEN :low AND :high AND m.modseq > :since ORDER BY m.uid"
    )


def rows(
    database: Database, mailbox: MailboxId, uids: tuple[int, int], want: Want, since: int
) -> list[tuple[int, ...]]:
    """(UID, columns …) of the messages from the first to the last UID that changed after ``since``, ascending."""
    values = {"key": mailbox << 32, "mailbox": mailbox, "low": uids[0], "high": uids[1], "since": since}
    with database.read() as connection:
        return connection.execute(_statement(want, since=since >= 0), values).fetchall()
