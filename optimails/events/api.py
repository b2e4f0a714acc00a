"""What others see of the bus."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from optimails.model.ids import AccountId, MailboxId, ModSeq

NO_MAILBOX = MailboxId(0)
NO_MODSEQ = ModSeq(0)
QUEUE_NEWS = AccountId("queue")
EVERYBODY = AccountId("everybody")


class Kind(IntEnum):
    """What a notice is about; the numbers travel between processes."""

    MAILBOX = 1  # something in the mailbox changed, up to the given MODSEQ
    ACCOUNT = 2  # the directory's entry changed: state, password, limits, names; caches must forget it
    TEXTS = 4  # somebody searches the account's texts, or new mail came to one that is searched: the index is behind
    QUEUE = 5  # mail for other servers was queued; the account is always ``QUEUE_NEWS``
    RIGHTS = 6  # other people's rights on something of the account changed; with ``EVERYBODY``: groups or plans did
    FOLDERS = 3  # a mailbox of the account was created, renamed, deleted or subscribed


@dataclass(frozen=True, slots=True)
class Notice:
    """One hint. ``mailbox`` and ``modseq`` are 0 in notices about the account."""

    kind: Kind
    account: AccountId
    mailbox: MailboxId = NO_MAILBOX
    modseq: ModSeq = NO_MODSEQ


class Subscription(Protocol):
    def cancel(self) -> None:
        """End it; the callback is not called again. May be called twice."""


class Bus(Protocol):
    def publish(self, account: AccountId, mailbox: MailboxId, modseq: ModSeq) -> None:
        """Tell everybody that the mailbox changed. From any thread; never blocks, never raises."""

    def publish_account(self, account: AccountId, kind: Kind = Kind.ACCOUNT) -> None:
        """Tell everybody that the account itself, or its set of mailboxes, changed. As ``publish``."""

    def subscribe(
        self, account: AccountId | None, mailbox: MailboxId | None, callback: Callable[[Notice], None]
    ) -> Subscription:
        """Have ``callback`` called in the running event loop, with notices of the same mailbox merged into the newest.

        With a mailbox: its notices. Without: all notices of the account. Without an account: the ``ACCOUNT``,
        ``TEXTS``, ``QUEUE`` and ``RIGHTS`` notices of every account (for caches and jobs). Own publications are
        reported, too.
        """
