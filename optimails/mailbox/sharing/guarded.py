"""A selected mailbox of somebody else: every act asks for its right (RFC 4314 §4)."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from optimails.events.api import EVERYBODY, Kind
from optimails.mailbox.api import (
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
from optimails.mailbox.sharing.places import name_for_others
from optimails.mailbox.sharing.visit import Visit
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED, SEEN, Flag
from optimails.model.ids import MailboxId, ModSeq, SeqNum, Uid
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import NumberSet
from optimails.model.query import Query
from optimails.model.rights import Right

if TYPE_CHECKING:
    from optimails.events.api import Bus, Notice, Subscription
    from optimails.mailbox.selected import LocalSelectedMailbox

log = logging.getLogger(__name__)

RIGHTS_NEWS = (Kind.RIGHTS, Kind.ACCOUNT)
CHANGING = (Right.INSERT, Right.SEEN, Right.WRITE, Right.REMOVE, Right.EXPUNGE)
"""Who has none of these has opened the mailbox read-only (RFC 4314 §5.2)."""


class GuardedMailbox:
    """See ``optimails.mailbox.api.SelectedMailbox``. ``inner`` is the owner's view of it."""

    def __init__(self, inner: "LocalSelectedMailbox", visit: Visit, bus: "Bus") -> None:
        self._inner = inner
        self._visit = visit
        self._bus = bus
        self._subscriptions: list[Subscription] = []
        self._wake: Callable[[], None] | None = None
        self._revoked: Callable[[], None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.id: MailboxId = inner.id
        self.status: MailboxStatus = inner.status
        self.first_unseen: SeqNum | None = inner.first_unseen
        self.keywords: Keywords = inner.keywords

    @property
    def name(self) -> MailboxName:
        return name_for_others(self._visit.owner, self._inner.name)

    @property
    def read_only(self) -> bool:
        return self._inner.read_only or not any(map(self._visit.now.may, CHANGING))

    @property
    def exists(self) -> int:
        return self._inner.exists

    @property
    def highest_modseq(self) -> ModSeq:
        return self._inner.highest_modseq

    def is_recent(self, uid: int) -> bool:
        return self._inner.is_recent(uid)

    def keywords_left(self) -> bool:
        return self.may(Right.WRITE) and self._inner.keywords_left()

    def may(self, right: Right) -> bool:
        return self._visit.now.may(right)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def uids(self, messages: MessageSet) -> Sequence[int]:
        await self._visit.expect(Right.READ)
        return await self._inner.uids(messages)

    async def sequence_numbers(self, uids: Sequence[int]) -> list[int]:
        return await self._inner.sequence_numbers(uids)

    async def flags(self, messages: MessageSet) -> Iterable[tuple[int, int, int]]:
        await self._visit.expect(Right.READ)
        return await self._inner.flags(messages)

    async def fetch(
        self, messages: MessageSet, want: Want, changed_since: ModSeq | None = None
    ) -> AsyncIterator[Sequence[Row]]:
        await self._visit.expect(Right.READ)
        async for rows in self._inner.fetch(messages, want, changed_since):
            yield rows

    async def open_message(self, uid: int) -> MessageFile:
        await self._visit.expect(Right.READ)
        return await self._inner.open_message(uid)

    async def search(self, query: Query) -> list[Uid]:
        await self._visit.expect(Right.READ)
        return await self._inner.search(query)

    async def modseq_of(self, uids: Sequence[int]) -> ModSeq:
        await self._visit.expect(Right.READ)
        return await self._inner.modseq_of(uids)

    async def vanished_since(self, modseq: ModSeq) -> NumberSet:
        await self._visit.expect(Right.READ)
        return await self._inner.vanished_since(modseq)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def store(
        self, messages: MessageSet, mode: StoreMode, flags: frozenset[Flag], unchanged_since: ModSeq | None = None
    ) -> Stored:
        """Flags that may not be changed stay as they are; when that leaves nothing, it is refused (RFC 4314 §4)."""
        await self._visit.expect(Right.READ)
        allowed = frozenset(flag for flag in flags if self.may(right_of(flag)))
        any_right = any(map(self.may, (Right.SEEN, Right.WRITE, Right.REMOVE)))
        if not allowed and (flags or not any_right) and not (mode is StoreMode.REPLACE and any_right):
            raise Refused(Reason.NO_PERMISSION, "You have no right to change these flags")
        kept = self._visit.untouchable
        stored = await self._inner.store(messages, mode, allowed, unchanged_since, protected=kept)
        self._visit.did("flagged", len(stored.changed))
        return stored

    async def expunge(self, uids: NumberSet | None = None) -> None:
        await self._visit.expect(Right.READ, Right.EXPUNGE)
        self._visit.did("expunged", await self._inner.expunge_counted(uids))

    async def copy(self, messages: MessageSet, to: MailboxName) -> Copied:
        await self._visit.expect(Right.READ)
        copied = await self._inner.copy(messages, to)
        self._visit.did("copied", len(copied.sources))
        return copied

    async def move(self, messages: MessageSet, to: MailboxName) -> Copied:
        await self._visit.expect(Right.READ, Right.REMOVE, Right.EXPUNGE)  # RFC 6851 §3.3, with RFC 4314
        moved = await self._inner.move(messages, to)
        self._visit.did("moved", len(moved.sources))
        return moved

    # -- news ----------------------------------------------------------------------------------------------------------

    async def sync(self, *, expunges: bool) -> Sync:
        if not (await self._visit.ask()).may(Right.READ):
            return Sync(revoked=True)
        self._set_alarm()
        return await self._inner.sync(expunges=expunges)

    def watch(self, callback: Callable[[], None] | None) -> None:
        """Also wakes when rights change, or end by the clock."""
        self._inner.watch(callback)
        self._wake = callback
        self._listen()

    def when_revoked(self, callback: Callable[[], None]) -> None:
        self._revoked = callback
        self._listen()

    def _listen(self) -> None:
        """For news of rights: of the owner's entries, of the visitor himself, of groups and plans; and to the clock."""
        if not self._subscriptions and not self._closed:
            whose = (self._visit.owner.id, self._visit.visitor.account.id, EVERYBODY)
            self._subscriptions = [self._bus.subscribe(account, None, self._noticed) for account in whose]
        self._set_alarm()

    def _noticed(self, news: "Notice") -> None:
        if news.kind in RIGHTS_NEWS:
            self._changed()

    def _changed(self) -> None:
        """Something may be different: who waits asks for himself, else we ask."""
        if self._wake is not None:
            self._wake()
        elif self._revoked is not None and self._look is None:
            self._look = asyncio.get_running_loop().create_task(self._look_again())
            self._look.add_done_callback(self._looked)

    async def _look_again(self) -> None:
        if not (await self._visit.ask()).may(Right.READ) and self._revoked is not None:
            self._revoked()

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._look = None
        if task.cancelled() or self._closed:
            return
        wrong = task.exception()
        if wrong is None:
            self._set_alarm()
        else:  # the next command asks again
            log.warning("rights_unknown", extra={"fields": {"account": self._visit.owner.id, "error": str(wrong)}})

    def _set_alarm(self) -> None:
        """For when the clock changes the visitor's rights."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        until = self._visit.now.until
        if self._subscriptions and until is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, until - time.time()), self._changed)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._wake = self._revoked = None
            for subscription in self._subscriptions:
                subscription.cancel()
            self._subscriptions = []
            self._set_alarm()
            if self._look is not None:
                self._look.cancel()
            try:
                await self._inner.close()
                await self._visit.leave()
            finally:
                await self._visit.mail.close()


def right_of(flag: Flag) -> Right:
    """The right that changing it needs (RFC 4314 §2.1)."""
    if flag == SEEN:
        return Right.SEEN
    return Right.REMOVE if flag == DELETED else Right.WRITE
