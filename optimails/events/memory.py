"""The bus inside one process. ``MemoryBus`` is complete in itself; ``DatagramBus`` builds on it.

Publications may come from any thread. They are gathered, merged by mailbox, and handed out once in the next turn of
the event loop: a delivery of 32 messages to one mailbox wakes each of its sessions once.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from optimails.events.api import Kind, Notice
from optimails.model.ids import AccountId, MailboxId, ModSeq

log = logging.getLogger(__name__)

Callback = Callable[[Notice], None]


class _Key(NamedTuple):
    """What notices are merged by, and what subscriptions are found by."""

    kind: Kind
    account: AccountId
    mailbox: MailboxId


class Gathering:
    """Notices merged by what they are about: the newest MODSEQ of each mailbox."""

    def __init__(self) -> None:
        self._newest: dict[_Key, Notice] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def add(self, notice: Notice) -> None:
        key = _Key(notice.kind, notice.account, notice.mailbox)
        known = self._newest.get(key)
        if known is None or known.modseq < notice.modseq:
            self._newest[key] = notice

    def take(self) -> list[Notice]:
        """All of them; the gathering is empty afterwards."""
        taken = list(self._newest.values())
        self._newest.clear()
        return taken


class _Subscription:
    __slots__ = ("callback", "hub", "place")

    def __init__(self, hub: "MemoryBus", place: tuple[AccountId | None, MailboxId | None], callback: Callback) -> None:
        self.hub = hub
        self.place = place
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None
        self.hub._forget(self)  # noqa: SLF001  # the two classes are one


class MemoryBus:
    """Notices between the sessions of one process, and the twin for tests."""

    def __init__(self) -> None:
        self._subscriptions: dict[tuple[AccountId | None, MailboxId | None], dict[_Subscription, None]] = {}
        self._gathering = Gathering()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0  # in which it runs
        self._scheduled = False

    def publish(self, account: AccountId, mailbox: MailboxId, modseq: ModSeq) -> None:
        self._publish(Notice(Kind.MAILBOX, account, mailbox, modseq))

    def publish_account(self, account: AccountId, kind: Kind = Kind.ACCOUNT) -> None:
        self._publish(Notice(kind, account))

    def subscribe(self, account: AccountId | None, mailbox: MailboxId | None, callback: Callback) -> _Subscription:
        self._use_loop(asyncio.get_running_loop())
        place = (account, mailbox if account is not None else None)
        subscription = _Subscription(self, place, callback)
        self._subscriptions.setdefault(place, {})[subscription] = None
        return subscription

    def _forget(self, subscription: _Subscription) -> None:
        here = self._subscriptions.get(subscription.place)
        if here is not None:
            here.pop(subscription, None)
            if not here:
                del self._subscriptions[subscription.place]

    def _use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            with self._lock:
                self._loop, self._thread, self._scheduled = loop, threading.get_ident(), False

    def _publish(self, notice: Notice) -> None:
        with self._lock:
            if self._loop is None:
                return  # nobody has ever subscribed
            self._gathering.add(notice)
            if self._scheduled:
                return
            self._scheduled = True
            loop = self._loop
        try:
            if self._thread == threading.get_ident():
                loop.call_soon(self._flush)  # that costs a tenth
            else:
                loop.call_soon_threadsafe(self._flush)
        except RuntimeError:  # the loop is closed: nobody listens any more
            with self._lock:
                self._scheduled = False

    def _taken(self) -> list[Notice]:
        with self._lock:
            self._scheduled = False
            return self._gathering.take()

    def _flush(self) -> None:
        self._dispatch(self._taken())

    def _dispatch(self, notices: Iterable[Notice]) -> None:
        """Call the callbacks; in the event loop. One that raises harms only itself."""
        for notice in notices:
            places: list[tuple[AccountId | None, MailboxId | None]] = [(notice.account, notice.mailbox)]
            places.append((notice.account, None))
            if notice.kind in (Kind.ACCOUNT, Kind.TEXTS, Kind.QUEUE, Kind.RIGHTS):
                places.append((None, None))
            for place in places:
                for subscription in tuple(self._subscriptions.get(place, ())):
                    if subscription.callback is not None:
                        try:
                            subscription.callback(notice)
                        except Exception:
                            log.exception("subscriber_failed")
