"""Rows of messages for FETCH, by range of UIDs. Blocking."""

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from optimails.index import seen
from optimails.index.database import Database, storage_errors
from optimails.index.messages import Ranges, ranges_of
from optimails.mailbox.api import Want
from optimails.mailbox.tracker import Span
from optimails.model.ids import MailboxId
from optimails.model.number_set import among

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
_FLAGS = Want.FLAGS | Want.MODSEQ
_PREPARED = Want.ENVELOPE | Want.STRUCTURE | Want.HEADERS


@functools.cache
def _statement(want: Want) -> str:
    """Joins only the tables that are needed: a listing of flags reads the narrow one alone."""
    columns = ", ".join(column if want & wanted else "NULL" for wanted, column in _COLUMNS)
    joins = ""
    if want & _CONTENT:
        joins += " JOIN content c ON c.id = :key | m.uid"
    if want & _PREPARED:
        joins += " JOIN prepared p ON p.id = :key | m.uid"
    return (
        f"SELECT m.uid, {columns} FROM message m{joins} "  # noqa: S608 - the columns are ours
        "WHERE m.mailbox = :mailbox AND m.uid BETWEEN :low AND :high ORDER BY m.uid"
    )


@storage_errors
def rows(database: Database, mailbox: MailboxId, ranges: Ranges, want: Want, viewer: str = "") -> list[tuple[int, ...]]:
    """(UID, columns …) of the messages in the ranges, ascending; flags as ``viewer`` sees them."""
    statement = _statement(want)
    found: list[tuple[int, ...]] = []
    with database.read() as connection:
        for low, high in ranges:
            values = {"key": mailbox << 32, "mailbox": mailbox, "low": low, "high": high}
            found += connection.execute(statement, values).fetchall()
        if viewer and found and want & _FLAGS:
            # A change of the viewer's own counts in his MODSEQ, so both columns come from the overlay.
            marked = seen.flags_of(connection, mailbox, ranges, viewer)
            overlay = {uid: (flags, modseq) for uid, flags, modseq in marked}
            found = [_overlaid(row, overlay.get(row[0]), want) for row in found]
    return found


def _overlaid(row: tuple[int, ...], seen_so: tuple[int, int] | None, want: Want) -> tuple[int, ...]:
    if seen_so is None:  # it went between two statements
        return row
    flags, modseq = seen_so
    return (row[0], flags if want & Want.FLAGS else row[1], modseq if want & Want.MODSEQ else row[2], *row[3:])


def batches(spans: Sequence[Span], size: int) -> Iterator[list[Span]]:
    """The spans cut and gathered, at most ``size`` messages together.

    A client may name ten thousand single messages, or all at once.
    """
    some: list[Span] = []
    room = size
    for start, end in spans:
        first = start
        while first < end:
            last = min(end, first + room)
            some.append((first, last))
            room -= last - first
            first = last
            if not room:
                yield some
                some, room = [], size
    if some:
        yield some


@storage_errors
def changed(  # noqa: PLR0913 - a view, and what is asked of it
    database: Database, mailbox: MailboxId, uids: Sequence[int], spans: Sequence[Span], since: int, *, viewer: str = ""
) -> list[Span]:
    """Those positions among the spans of a view whose messages changed after ``since``, as spans."""
    with database.read() as connection:
        if viewer:
            rows = [row[:1] for row in seen.changed_since(connection, mailbox, since, viewer)]
        else:
            rows = connection.execute(
                "SELECT uid FROM message INDEXED BY message_modseq WHERE mailbox = ? AND modseq > ?", (mailbox, since)
            ).fetchall()
    positions = []
    for (uid,) in sorted(rows):
        at = bisect_left(uids, uid)
        if at < len(uids) and uids[at] == uid:
            positions.append(at)
    named = among(positions, [(start, end - 1) for start, end in spans])
    return [(low, high + 1) for low, high in ranges_of(named)]
