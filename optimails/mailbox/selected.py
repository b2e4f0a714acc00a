"""One session's view of one mailbox (``optimails.mailbox.api.SelectedMailbox``)."""

import asyncio
import functools
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from optimails.index import messages, seen
from optimails.index.database import storage_errors
from optimails.mailbox import fetching, flagging, ingest, removing, searching, storing
from optimails.mailbox.api import (
    Change,
    Copied,
    Keywords,
    MailboxStatus,
    MessageFile,
    MessageSet,
    Row,
    Stored,
    StoreMode,
    Sync,
    Want,
)
from optimails.mailbox.engine import Engine
from optimails.mailbox.sharing.places import place_of
from optimails.mailbox.state import Delta, MailboxState, read_delta
from optimails.mailbox.tracker import Span, Tracker
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import Flag
from optimails.model.ids import ModSeq, SeqNum, Uid
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import NumberSet
from optimails.model.query import Query
from optimails.model.rights import Right

if TYPE_CHECKING:
    from optimails.events.api import Bus, Notice, Subscription
    from optimails.index.mailboxes import MailboxRow

T = TypeVar("T")
log = logging.getLogger(__name__)

INLINE = 100  # rows that are read in the event loop; more go to a thread
BATCH = 500  # rows a thread reads before others get their turn


class Carrier(Protocol):
    """Copies or moves messages of a view where another account is on either side."""

    async def __call__(
        self, source: "LocalSelectedMailbox", ranges: messages.Ranges, to: MailboxName, *, move: bool
    ) -> Copied: ...


class LocalSelectedMailbox:
    """See the interface. The list of UIDs is loaded when something first needs it."""

    def __init__(  # noqa: PLR0913 - what a view is made of
        self,
        engine: Engine,
        row: "MailboxRow",
        status: MailboxStatus,
        recent_from: int,
        *,
        read_only: bool,
        guest: bool = False,
        viewer: str = "",
    ) -> None:
        r"""``viewer`` is somebody who keeps ``\Seen`` for himself."""
        self._engine = engine
        self._row = row
        self._recent_from = recent_from
        self.viewer = viewer
        self._state = engine.state(row.id, viewer)
        self._state.viewers += 1
        self._tracker: Tracker | None = None
        self._exists = row.messages
        self._uid_next: int = row.uid_next
        self._modseq: int = row.modseq
        self._own: set[int] = set()  # MODSEQs of changes made here, which the client knows of
        self._foreign: set[int] = set()  # UIDs that others changed before these
        self._subscription: Subscription | None = None
        self._closed = False
        self._guest = guest  # somebody else than the owner looks: recent is what the owner has not seen
        self.carrier: Carrier | None = None  # for targets that are not the engine's
        self.name = row.name
        self.id = row.id
        self.read_only = read_only
        self.status = status
        self.keywords: Keywords = engine.keywords
        self._table = engine.keywords
        self.first_unseen = self._first_unseen()

    def _first_unseen(self) -> SeqNum | None:
        if self.status.unseen and self.status.unseen == self._row.messages:
            return SeqNum(1)
        state = self._state
        if self.status.unseen and state.modseq == self._row.modseq:
            position = next((at for at, flags in enumerate(state.flags) if not flags & 8), None)
            return None if position is None else SeqNum(position + 1)
        return None

    # -- the view ------------------------------------------------------------------------------------------------------

    @property
    def exists(self) -> int:
        return self._tracker.count if self._tracker else self._exists

    @property
    def highest_modseq(self) -> ModSeq:
        return ModSeq(self._modseq)

    def is_recent(self, uid: int) -> bool:
        return uid >= self._recent_from

    def keywords_left(self) -> bool:
        return not self._table.full()

    def may(self, right: Right) -> bool:
        del right
        return True

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def row(self) -> "MailboxRow":
        """As of select."""
        return self._row

    async def _refreshed(self) -> MailboxState:
        """The shared state, as the index is now."""
        state = self._state
        while True:
            base = state.modseq
            if base is None:
                delta = await self._run(read_delta, self._engine.database, self.id, None, -1, self.viewer)
            else:
                delta = read_delta(self._engine.database, self.id, base, INLINE, self.viewer)
                if not delta.complete:
                    delta = await self._run(read_delta, self._engine.database, self.id, base, -1, self.viewer)
            if state.take(delta):
                if delta.changed:
                    self._table.refresh()
                return state

    async def _view(self) -> Tracker:
        """The tracker; made from the shared state and what was expunged since this view was announced."""
        if self._tracker is None:
            # This very array: while a thread looks for what went, another session may have the state take an expunge,
            # which puts another one in its place. What went before is in ``gone``, what goes later is still in here.
            uids = (await self._refreshed()).uids
            gone = await self._run(self._gone_since, self._modseq)
            if self._tracker is not None:  # another task of this session was faster
                return self._tracker
            if gone:
                uids = type(uids)("I", sorted({*uids, *gone}))
            self._tracker = Tracker(uids, bisect_left(uids, self._uid_next))
        return self._tracker

    def _gone_since(self, modseq: int) -> list[int]:
        with self._engine.database.read() as connection:
            gone = messages.expunged_since(connection, self.id, modseq)
        return [uid for uid, _ in gone if uid < self._uid_next]

    async def _spans(self, named: MessageSet) -> tuple[Tracker, list[Span]]:
        tracker = await self._view()
        return tracker, tracker.spans(named.numbers, by_uid=named.by_uid)

    async def uids(self, messages: MessageSet) -> Sequence[int]:
        tracker, spans = await self._spans(messages)
        if len(spans) == 1:
            start, end = spans[0]
            return tracker.uids[start:end]
        return [uid for start, end in spans for uid in tracker.uids[start:end]]

    async def sequence_numbers(self, uids: Sequence[int]) -> list[int]:
        tracker = await self._view()
        if len(uids) == tracker.count:
            return list(range(1, tracker.count + 1))
        if len(uids) > tracker.count // 16:  # a walk along the view is quicker than a search for each
            wanted = frozenset(uids)
            return [at for at, uid in enumerate(tracker.uids[: tracker.count], 1) if uid in wanted]
        return [at + 1 for uid in uids if (at := tracker.position(uid)) is not None]

    # -- reading -------------------------------------------------------------------------------------------------------

    async def flags(self, messages: MessageSet) -> Iterable[tuple[int, int, int]]:
        tracker, spans = await self._spans(messages)
        state = await self._refreshed()
        if not tracker.gone:
            tracker.join(state.uids)
        if tracker.uids is state.uids:
            if len(spans) == 1:
                start, end = spans[0]
                if start == 0 and end == len(state.uids):
                    return zip(range(1, end + 1), state.uids, state.flags, strict=True)
                return zip(range(start + 1, end + 1), state.uids[start:end], state.flags[start:end], strict=True)
            return [(at + 1, state.uids[at], state.flags[at]) for start, end in spans for at in range(start, end)]
        known = dict(zip(state.uids, state.flags, strict=True))
        places = ((at + 1, tracker.uids[at]) for start, end in spans for at in range(start, end))
        return [(seq, uid, known[uid]) for seq, uid in places if uid in known]

    async def fetch(
        self, messages: MessageSet, want: Want, changed_since: ModSeq | None = None
    ) -> AsyncIterator[Sequence[Row]]:
        tracker, spans = await self._spans(messages)
        uids = tracker.uids  # the view may move on while the caller writes; this array does not
        if changed_since is not None and spans:
            view = uids[: tracker.count]
            question = functools.partial(
                fetching.changed, self._engine.database, self.id, view, spans, changed_since, viewer=self.viewer
            )
            spans = question() if tracker.count <= INLINE else await self._run(question)
        for some in fetching.batches(spans, BATCH):
            count = sum(end - start for start, end in some)
            wanted = (
                self._engine.database,
                self.id,
                [(uids[start], uids[end - 1]) for start, end in some],
                want,
                self.viewer,
            )
            found = fetching.rows(*wanted) if count <= INLINE else await self._run(fetching.rows, *wanted)
            if len(found) == count:
                places: Iterable[int] = (at for start, end in some for at in range(start, end))
                yield [Row(at + 1, *row) for at, row in zip(places, found, strict=True)]  # type: ignore[arg-type]
            elif found:
                yield [
                    Row(at + 1, *row)  # type: ignore[arg-type]
                    for row in found
                    if (at := bisect_left(uids, row[0])) < len(uids) and uids[at] == row[0]
                ]

    async def open_message(self, uid: int) -> MessageFile:
        for _ in range(3):  # a move gives the file another name between the two steps
            with self._engine.database.read() as connection:
                found = messages.file_of(connection, self.id, uid)
            if found is None:
                break
            try:
                return self._engine.files.open(*found)
            except FileNotFoundError:
                continue
        raise Refused(Reason.EXPUNGE_ISSUED, "Some of the messages no longer exist")

    async def search(self, query: Query) -> list[Uid]:
        tracker = await self._view()
        recent = self._recent_from
        uids = tracker.uids[: tracker.count]
        return await self._run(lambda: searching.search(self._engine, self.id, query, uids, recent, viewer=self.viewer))

    async def modseq_of(self, uids: Sequence[int]) -> ModSeq:
        ranges = messages.ranges_of(uids)
        rows = await self._run(self._flags_of, ranges)
        return ModSeq(max((modseq for _, _, modseq in rows), default=0))

    def _flags_of(self, ranges: messages.Ranges) -> list[tuple[int, int, int]]:
        with self._engine.database.read() as connection:
            return seen.flags_of(connection, self.id, ranges, self.viewer)

    async def vanished_since(self, modseq: ModSeq) -> NumberSet:
        return NumberSet.of(await self._run(self._gone_since, modseq))

    # -- changing ------------------------------------------------------------------------------------------------------

    def _writable(self) -> None:
        if self.read_only:
            raise Refused(Reason.NO_PERMISSION, "Mailbox was opened read-only")

    async def store(
        self,
        messages: MessageSet,
        mode: StoreMode,
        flags: frozenset[Flag],
        unchanged_since: ModSeq | None = None,
        protected: int = 0,
    ) -> Stored:
        """``protected`` is a mask of flags that stay as they are."""
        self._writable()
        tracker, spans = await self._spans(messages)
        ranges = tracker.ranges(spans)
        done = await self._run(
            lambda: flagging.store(
                self._engine,
                self.id,
                ranges,
                mode,
                flags,
                unchanged_since=unchanged_since,
                protected=protected,
                viewer=self.viewer,
            )
        )
        if done.modseq is not None:
            # What somebody else had changed just before must be told all the same: the client knows only its own part.
            self._foreign |= {uid for uid, at in done.before.items() if at > self._modseq and at not in self._own}
            self._own.add(done.modseq)
        changes = [
            Change(at + 1, uid, mask, modseq)
            for uid, mask, modseq in done.rows
            if (at := tracker.position(uid)) is not None
        ]
        return Stored(changes, [Uid(uid) for uid in done.modified], done.differences)

    async def expunge(self, uids: NumberSet | None = None) -> None:
        await self.expunge_counted(uids)

    async def expunge_counted(self, uids: NumberSet | None = None) -> int:
        """How many messages went."""
        self._writable()
        among = None
        if uids is not None:
            tracker = await self._view()
            among = tracker.ranges(tracker.spans(uids, by_uid=True))
        return await self._run(removing.expunge, self._engine, self.id, among)

    async def copy(self, messages: MessageSet, to: MailboxName) -> Copied:
        return await self._copy(messages, to, move=False)

    async def move(self, messages: MessageSet, to: MailboxName) -> Copied:
        self._writable()
        return await self._copy(messages, to, move=True)

    async def _copy(self, messages: MessageSet, to: MailboxName, *, move: bool) -> Copied:
        tracker, spans = await self._spans(messages)
        ranges = tracker.ranges(spans)
        if self.carrier is not None and (self._guest or place_of(to) is not None):
            return await self.carrier(self, ranges, to, move=move)
        return await self._run(lambda: storing.copy(self._engine, self._row, ranges, to, move=move))

    # -- news ----------------------------------------------------------------------------------------------------------

    async def sync(self, *, expunges: bool) -> Sync:
        if ingest.waiting(self._engine, self._row.folder):
            await self._run(ingest.ingest, self._engine, self._row)
        delta = read_delta(self._engine.database, self.id, self._modseq, INLINE, self.viewer)
        if not delta.complete:
            delta = await self._run(read_delta, self._engine.database, self.id, self._modseq, -1, self.viewer)
        if delta.name is None:
            return Sync(gone=True)
        self.name = MailboxName(delta.name)  # another session may have renamed it
        pending = self._tracker is not None and bool(self._tracker.gone)
        if delta.modseq == self._modseq and not (expunges and pending):
            return Sync()
        return await self._announce(delta, expunges=expunges)

    async def _announce(self, delta: Delta, *, expunges: bool) -> Sync:
        old_next = self._uid_next
        arrived = [uid for uid, _, _ in delta.changed if uid >= old_next]
        others = [
            row for row in delta.changed if row[0] < old_next and (row[2] not in self._own or row[0] in self._foreign)
        ]
        gone = [uid for uid in delta.gone if uid < old_next]
        if gone or others:
            await self._view()
        self._state.take(delta)  # when it starts where the state is; else the state reads for itself when needed
        self._uid_next = delta.uid_next
        self._modseq = delta.modseq
        self._own = {modseq for modseq in self._own if modseq > delta.modseq}
        self._foreign.clear()
        if others:
            self._table.refresh()
        tracker = self._tracker
        if tracker is None:
            self._exists += len(arrived)
            return Sync(exists=self._exists, recent=self._recent()) if arrived else Sync()
        tracker.gone.update(gone)
        expunged, expunged_uids = tracker.expunge() if expunges else ([], [])
        if arrived:
            tracker.arrived(arrived)
        if self._state.modseq == delta.modseq:
            tracker.join(self._state.uids)
        changes = [
            Change(at + 1, uid, flags, modseq)
            for uid, flags, modseq in others
            if (at := tracker.position(uid)) is not None
        ]
        exists, recent = (tracker.count, self._recent()) if arrived else (None, None)
        return Sync(expunged, [Uid(uid) for uid in expunged_uids], exists, recent, changes)

    def _recent(self) -> int:
        """How many messages of the view are recent in this session."""
        if self._tracker is None:
            before = max(0, min(self._row.messages, self._row.uid_next - self._recent_from))
            return before + self._exists - self._row.messages
        return self._tracker.count - bisect_left(self._tracker.uids, self._recent_from, 0, self._tracker.count)

    @storage_errors
    def _claim_recent(self) -> None:
        with self._engine.database.write() as connection:
            connection.execute(
                "UPDATE mailbox SET recent_from = max(recent_from, ?) WHERE id = ?", (self._uid_next, self.id)
            )

    def watch(self, callback: Callable[[], None] | None) -> None:
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
        if callback is not None:
            bus: Bus = self._engine.bus  # type: ignore[assignment]  # the whole bus, where sessions are
            wake = callback

            def notice(_: "Notice") -> None:
                wake()

            self._subscription = bus.subscribe(self._engine.account, self.id, notice)

    def when_revoked(self, callback: Callable[[], None]) -> None:
        """An owner's right does not end."""

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.watch(None)
            self._state.viewers -= 1
            self._engine.trim_states()
            if self._uid_next > self._row.uid_next and not self.read_only and not self._guest:
                # What arrived while this session watched was recent here, and is not again (RFC 3501 §2.3.2).
                try:
                    await self._run(self._claim_recent)
                except Unavailable as away:  # a closed mailbox is not worth an error
                    fields = {"account": self._engine.account, "error": str(away)}
                    log.warning("recent_not_noted", extra={"fields": fields})

    @staticmethod
    async def _run(function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)
