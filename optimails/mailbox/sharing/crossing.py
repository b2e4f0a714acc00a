"""Messages carried from one account to another: COPY and MOVE across owners. Blocking.

Files are linked where both accounts are on one file system, and rows are written as they are: nothing is scanned
again. The two accounts have an index each, so a move is two transactions: first the copy is safe in the target, then
the originals are expunged, with their files kept as after any EXPUNGE. Who dies in between leaves a message twice,
never not at all; and an owner can bring back what somebody moved out of his account.

Two who move the same message at the same time both have a copy then. Only one of them finds the original: the other
takes his copy back, and so does everybody whose original cannot be expunged.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from optimails.index import accounts, mailboxes, messages, seen
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.index.messages import ContentRow, NewRow, Ranges
from optimails.mailbox import removing, storing
from optimails.mailbox.api import Copied
from optimails.mailbox.engine import Engine
from optimails.model.flags import BIT, Flag
from optimails.model.ids import Uid

Flags = Callable[[frozenset[Flag]], tuple[frozenset[Flag], frozenset[Flag]]]
"""From the flags in the source, as its viewer sees them, to those that are carried, and to those that are stored."""


class Origin(NamedTuple):
    engine: Engine
    box: MailboxRow
    viewer: str  # who keeps ``\\Seen`` for himself there


class Carried(NamedTuple):
    copied: Copied
    flags: list[frozenset[Flag]]  # that each came with


class _Found(NamedTuple):
    uid: int
    row: NewRow  # with the source's file name and mask


@storage_errors
def carry(source: Origin, ranges: Ranges, to: tuple[Engine, MailboxRow], flags: Flags, *, move: bool) -> Carried:
    """Place the messages in ``box`` of the other account, all or none; with ``move`` the originals then go.

    Raises:
        Refused: NON_EXISTENT, OVER_QUOTA (of the target's account).
    """
    engine, origin, _ = source
    target, box = to
    found = _read(source, ranges)
    exempt = move and engine is target  # it takes no more room than before
    if not exempt:
        storing.expect_room(target.usage(), sum(one.row.size for one in found), len(found))
    engine.files.settle(origin.folder, [one.row.name for one in found])
    linked: list[tuple[_Found, str]] = []
    try:
        for one in found:
            with contextlib.suppress(FileNotFoundError):  # expunged meanwhile
                name = target.files.link_from(engine.files, origin.folder, one.row.name, box.folder)
                linked.append((one, name))
        if not linked:
            return Carried(Copied(box.uid_validity, [], []), [])
        with storing.folder_of_a_mailbox():
            target.files.sync(box.folder)
        marks = [flags(frozenset(engine.keywords.names(one.row.flags))) for one, _ in linked]
        rows = [one.row._replace(name=name) for one, name in linked]
        uids, modseq, _ = storing.insert_rows(target, box, rows, [stored for _, stored in marks], exempt=exempt)
    except BaseException:
        for _, name in linked:
            target.tidy(target.files.remove, box.folder, name)
        raise
    if any(flag not in BIT for _, stored in marks for flag in stored):
        target.keywords.refresh()
    target.changed(box.id, modseq)
    carried = [(Uid(one.uid), uid, mark) for (one, _), uid, (mark, _) in zip(linked, uids, marks, strict=True)]
    if move:
        carried = _expunged(source, to, carried)
    sources, targets, seen_as = ([*column] for column in zip(*carried, strict=True)) if carried else ([], [], [])
    return Carried(Copied(box.uid_validity, sources, targets), seen_as)


def _expunged(
    source: Origin, to: tuple[Engine, MailboxRow], carried: list[tuple[Uid, Uid, frozenset[Flag]]]
) -> list[tuple[Uid, Uid, frozenset[Flag]]]:
    """Expunge the originals; of those that were gone already, the copies go. Gives what is moved."""
    engine, origin, _ = source
    originals = [uid for uid, _, _ in carried]
    try:
        gone = _remove(engine, origin, originals, kept=engine is not to[0])
    except BaseException:
        with engine.database.read() as connection:
            rows = messages.contents(connection, origin.id, messages.ranges_of(originals))
        there = {row.uid for row in rows}
        _remove(*to, [copy for uid, copy, _ in carried if uid in there], kept=False)
        raise
    _remove(*to, [copy for uid, copy, _ in carried if uid not in gone], kept=False)
    return [one for one in carried if one[0] in gone]


def _read(source: Origin, ranges: Ranges) -> list[_Found]:
    found: list[_Found] = []
    with source.engine.database.read() as connection:
        for low, high in ranges:
            found += [_Found(row[0], NewRow(*row[1:])) for row in _rows(connection, source.box.id, low, high)]
        plain = [(one.uid, one.row.flags, 0) for one in found]
        flags = [mask for _, mask, _ in seen.overlaid(connection, source.box.id, plain, source.viewer)]
    now = int(time.time())
    return [one._replace(row=one.row._replace(saved=now, flags=mask)) for one, mask in zip(found, flags, strict=True)]


def _rows(connection: sqlite3.Connection, mailbox: int, low: int, high: int) -> list[tuple]:  # type: ignore[type-arg]
    return connection.execute(
        "SELECT m.uid, m.flags, c.name, c.size, c.internal_date, c.saved, c.sent_day, c.email, p.envelope, "
        "p.structure, p.headers FROM message m "
        "JOIN content c ON c.id = ?1 | m.uid JOIN prepared p ON p.id = ?1 | m.uid "
        "WHERE m.mailbox = ?2 AND m.uid BETWEEN ?3 AND ?4 ORDER BY m.uid",
        (mailbox << 32, mailbox, low, high),
    ).fetchall()


def _remove(engine: Engine, box: MailboxRow, uids: Sequence[int], *, kept: bool) -> set[int]:
    """``kept``: their files stay for who wants them back; in one account the copies are enough. Gives who was there."""
    if not uids:
        return set()
    with engine.database.write() as connection:
        row = mailboxes.by_id(connection, box.id)
        present: list[ContentRow] = messages.contents(connection, box.id, messages.ranges_of(uids))
        if row is None or not present:
            return set()
        modseq = accounts.next_modseq(connection)
        messages.remove(connection, row, modseq, present, int(time.time()), kept=kept)
    engine.changed(box.id, modseq)
    if kept:
        removing.shelve(engine, box.folder, present)
    else:
        for one in present:
            engine.tidy(engine.files.remove, box.folder, one.name)
    return {one.uid for one in present}
