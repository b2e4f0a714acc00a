"""Putting messages into mailboxes: APPEND and delivery, COPY, MOVE. Blocking."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimails import mime
from optimails.index import accounts, mailboxes, messages
from optimails.index.database import storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.index.messages import ContentRow, NewRow, Ranges, key
from optimails.mailbox.api import Appended, Copied, NewMessage
from optimails.mailbox.engine import Engine
from optimails.model.errors import Reason, Refused
from optimails.model.flags import BIT, Flag
from optimails.model.ids import MailboxId, ModSeq, Uid
from optimails.model.mailbox_name import MailboxName
from optimails.model.unique import token
from optimails.store.api import Placed, Staged
from quota.usage import Usage

OVER_QUOTA = "Mailbox is full"


class Ready(NamedTuple):
    """A message that is written to disk's waiting room and scanned, before it has a name."""

    staged: Staged
    row: NewRow
    flags: frozenset[Flag]


class _BlockUsedUp(Exception):
    """Another writer took the UIDs that were reserved: reserve again."""


def stage(engine: Engine, message: NewMessage) -> Ready:
    """Write and scan one message."""
    content = message.content
    if isinstance(content, bytes):
        staged = engine.files.stage()
        staged.write(content)
    else:
        staged = content  # type: ignore[assignment]  # what ``incoming`` gave
    return Ready(staged, scanned(staged.view(), staged.size, message), message.flags)


def scanned(view: bytes, size: int, message: NewMessage) -> NewRow:
    """The row of a message, still without name and flags."""
    prepared = mime.prepare(view)
    now = int(time.time())
    return NewRow(
        flags=0,
        name="",
        size=size,
        internal_date=int(message.internal_date.timestamp()) if message.internal_date else now,
        saved=now,
        sent_day=prepared.sent_day.toordinal() if prepared.sent_day else None,
        email=token(12),
        envelope=prepared.envelope,
        structure=prepared.structure,
        headers=prepared.headers if prepared.headers_complete else None,
    )


class Arriving:
    """Messages for one mailbox on their way.

    ``place``, one ``commit`` for all that are placed, ``insert``, ``announce``: each step but the last may raise, and
    then nothing of the messages is left.
    """

    __slots__ = ("_box", "_exempt", "_modseq", "_ready", "engine", "placed")

    def __init__(self, engine: Engine, box: MailboxRow, *, exempt: bool) -> None:
        self.engine = engine
        self._box = box
        self._exempt = exempt
        self._ready: list[Ready] = []
        self._modseq: ModSeq | None = None
        self.placed: Placed | None = None

    @classmethod
    @storage_errors
    def place(cls, engine: Engine, name: MailboxName, new: Sequence[NewMessage], *, exempt: bool = False) -> "Arriving":
        """Write the messages; ``exempt`` leaves the quota aside: for the service's own notices."""
        self = cls(engine, engine.target(name), exempt=exempt)
        try:
            self._ready = [stage(engine, message) for message in new]
            if not exempt and engine.limited:
                expect_room(engine.usage(), sum(message.row.size for message in self._ready), len(self._ready))
            with folder_of_a_mailbox():
                self.placed = engine.files.place([message.staged for message in self._ready], self._box.folder)
        except BaseException:
            self.abandon()
            raise
        return self

    @staticmethod
    @storage_errors
    def commit(arriving: Sequence["Arriving"]) -> None:
        """Make them durable, with one sync for all."""
        try:
            arriving[0].engine.files.commit([one.placed for one in arriving if one.placed is not None])
        except BaseException:
            for one in arriving:
                one.abandon()
            raise

    @storage_errors
    def insert(self) -> Appended:
        """Give them their rows, all or none: now they are messages."""
        engine, box, placed = self.engine, self._box, self.placed
        assert placed is not None
        try:
            rows = [message.row._replace(name=file) for message, file in zip(self._ready, placed.names, strict=True)]
            flags = [message.flags for message in self._ready]
            uids, self._modseq, usage = insert_rows(engine, box, rows, flags, exempt=self._exempt)
        except BaseException:
            self.abandon()
            raise
        if any(flag not in BIT for some in flags for flag in some):
            engine.keywords.refresh()
        return Appended(box.uid_validity, uids, usage)

    def announce(self) -> None:
        """Tell everybody; a matter of its own because it costs least in the event loop."""
        assert self._modseq is not None
        self.engine.changed(self._box.id, self._modseq)

    def abandon(self) -> None:
        """Leave nothing behind."""
        for message in self._ready:
            message.staged.discard()
        if self.placed is not None:
            self.engine.tidy(self.engine.files.withdraw, self.placed)


def append(engine: Engine, name: MailboxName, new: Sequence[NewMessage], *, exempt: bool = False) -> Appended:
    """Store messages, all or none; they are on disk when this returns."""
    arriving = Arriving.place(engine, name, new, exempt=exempt)
    Arriving.commit([arriving])
    appended = arriving.insert()
    arriving.announce()
    return appended


@contextlib.contextmanager
def folder_of_a_mailbox() -> Iterator[None]:
    """Its folder goes when somebody deletes the mailbox just now: that is no fault of the store."""
    try:
        yield
    except FileNotFoundError as gone:
        raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist") from gone


def insert_rows(
    engine: Engine, box: MailboxRow, rows: Sequence[NewRow], flags: Sequence[frozenset[Flag]], *, exempt: bool
) -> tuple[list[Uid], ModSeq, Usage]:
    """One transaction for messages whose files are there; ``flags`` are those of each, by name."""
    size = sum(row.size for row in rows)
    while True:
        try:
            with engine.database.write() as connection:
                row = _current(connection, box.id, len(rows))
                standing = _standing(connection, size, len(rows))
                after = Usage(standing.storage, standing.messages, engine.limits)
                if engine.limited and not exempt:
                    expect_room(after.plus(-size, -len(rows)), size, len(rows))
                # All at once, or a second message's keyword could get the bit that the first one's just got.
                engine.keywords.assign(connection, {flag for some in flags for flag in some})
                marked = [
                    new._replace(flags=engine.keywords.assign(connection, some))
                    for new, some in zip(rows, flags, strict=True)
                ]
                uids = messages.insert(connection, row, standing.modseq, marked, counted=True)
                return uids, standing.modseq, after
        except _BlockUsedUp:
            accounts.reserve(engine.database, box.id, len(rows))


def _current(connection: sqlite3.Connection, mailbox: MailboxId, count: int) -> MailboxRow:
    """The mailbox as the transaction sees it, with room for so many UIDs."""
    row = mailboxes.by_id(connection, mailbox)
    if row is None or not row.selectable:
        raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
    if row.uid_reserved - row.uid_next < count:
        raise _BlockUsedUp
    return row


def _standing(connection: sqlite3.Connection, size: int, count: int) -> accounts.Standing:
    """The account with so much more, and with a MODSEQ that is safe."""
    standing = accounts.advance(connection, size, count)
    if standing.left <= 0:
        raise _BlockUsedUp
    return standing


def _check_quota(engine: Engine, connection: sqlite3.Connection, size: int, count: int) -> None:
    expect_room(Usage(*accounts.usage(connection), engine.limits), size, count)


def expect_room(usage: Usage, size: int, count: int) -> None:
    if count and not usage.allows(size, count):
        raise Refused(Reason.OVER_QUOTA, OVER_QUOTA)


def insert_row(engine: Engine, box: MailboxRow, new: NewRow) -> Uid:
    """A row for a message whose file has its place already; the quota is not asked."""
    while True:
        accounts.reserve(engine.database, box.id, 1)
        try:
            with engine.database.write() as connection:
                modseq = accounts.next_modseq(connection)
                (uid,) = messages.insert(connection, _current(connection, box.id, 1), modseq, [new])
        except _BlockUsedUp:
            continue
        engine.changed(box.id, modseq)
        return uid


# -- COPY and MOVE -----------------------------------------------------------------------------------------------------


@storage_errors
def copy(engine: Engine, source: MailboxRow, ranges: Ranges, to: MailboxName, *, move: bool) -> Copied:
    """Place the messages a second time in ``to``, all or none; with ``move`` the originals then go.

    The files are linked, never copied. A message that somebody expunges in the meantime is left out.
    """
    target = engine.mailbox(to)
    with engine.database.read() as connection:
        rows = messages.contents(connection, source.id, ranges)
    if not move:
        expect_room(engine.usage(), sum(row.size for row in rows), len(rows))
    links: dict[int, str] = {}
    try:
        engine.files.settle(source.folder, [row.name for row in rows])
        for row in rows:
            with contextlib.suppress(FileNotFoundError):
                links[row.uid] = engine.files.link(source.folder, row.name, target.folder)
        with folder_of_a_mailbox():
            engine.files.sync(target.folder)
        copied, done, modseq = _insert_links(engine, source, target, ranges, links, move=move)
    except BaseException:
        for name in links.values():
            engine.tidy(engine.files.remove, target.folder, name)
        raise
    for uid in links.keys() - set(copied.sources):
        engine.tidy(engine.files.remove, target.folder, links[uid])
    for row in done if move else ():
        engine.tidy(engine.files.remove, source.folder, row.name)
    for box in (target, source) if move else (target,):
        if modseq:
            engine.changed(box.id, modseq)
    return copied


def _insert_links(  # noqa: PLR0913 - one transaction's ingredients
    engine: Engine,
    source: MailboxRow,
    target: MailboxRow,
    ranges: Ranges,
    links: dict[int, str],
    *,
    move: bool,
) -> tuple[Copied, list[ContentRow], ModSeq | None]:
    while True:
        accounts.reserve(engine.database, target.id, len(links))
        try:
            with engine.database.write() as connection:
                row = _current(connection, target.id, len(links))
                present = [have for have in messages.contents(connection, source.id, ranges) if have.uid in links]
                if not present:
                    return Copied(target.uid_validity, [], []), [], None
                if not move:
                    _check_quota(engine, connection, sum(have.size for have in present), len(present))
                modseq = accounts.next_modseq(connection)
                copies = [(key(source.id, have.uid), links[have.uid], have.flags, have.size) for have in present]
                now = int(time.time())
                uids = messages.insert_copies(connection, row, modseq, copies, now)
                if move:
                    # Read again: when a mailbox is moved onto itself, the insertion has changed its counters.
                    messages.remove(connection, _current(connection, source.id, 0), modseq, present, now, kept=False)
                copied = Copied(target.uid_validity, [Uid(have.uid) for have in present], uids)
                return copied, present, modseq
        except _BlockUsedUp:
            continue
