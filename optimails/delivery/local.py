"""Delivery into the mailboxes of this server.

**The order.** Recipients become accounts (an alias may be several, two recipients may be one account). Each account
gets one copy: Return-Path, Delivered-To, the door's Received line, the content as it came. ``append`` returns when the
copy is safe on disk. Recipients on other servers get one message in the queue together, and stand beside the accounts
in all that follows. One account is written to in the caller's own coroutine, several at a time but not more than the
setting allows. Then each recipient gets the worst outcome of its accounts.

**Failures in part** are explained in ``optimails.delivery.pending``: accounts that are noted there count as served.

**Warnings.** When a copy lifts the account's usage over 80, 90 or 100 percent, the user gets a mail about it. It is
derived from the usage before and after this very copy, so nothing has to be remembered, and it comes again only after
the usage has been lower in between.
"""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Counter

from optimails.audit import AuditLog
from optimails.config import Config
from optimails.delivery import failures, notices
from optimails.delivery.api import Attempt, Delivered, Failed, Outcome, SmtpEnvelope
from optimails.delivery.arrival import Arrival, shown
from optimails.delivery.calendars.copies import Copies
from optimails.delivery.calendars.intake import CalendarIntake
from optimails.delivery.callouts import Prober
from optimails.delivery.filters import Filters
from optimails.delivery.folders import junk
from optimails.delivery.forwards import Forwards, copy_of, parts_of
from optimails.delivery.lists.intake import ListIntake
from optimails.delivery.lists.intake import place as list_place
from optimails.delivery.onward import Onward, Outside
from optimails.delivery.outgoing import OutgoingMail
from optimails.delivery.pending import Pending
from optimails.delivery.remote import Remote, is_place, place
from optimails.delivery.spool import Spool
from optimails.delivery.srs import is_rewritten
from optimails.directory.api import Directory, Resolution
from optimails.groupware.work import Work
from optimails.lists.addresses import Addresses
from optimails.lists.store import ListStore
from optimails.mailbox.api import AccountMail, Appended, MailService, NewMessage
from optimails.model.account import Account, AccountState
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import flag_set
from optimails.model.ids import AccountId
from optimails.model.mailbox_name import INBOX, MailboxName
from optimails.queue.api import Notify
from optimails.queue.store import Queue
from quota.thresholds import crossed

log = logging.getLogger(__name__)

_COPIES = Counter("optimails_delivery_copies_total", "Copies given to mailboxes, by result.", ["result"])
_STORED, _DEFERRED, _REFUSED, _REPEATED = (
    _COPIES.labels(result) for result in ("stored", "deferred", "refused", "repeated")
)
_WARNINGS = Counter("optimails_quota_warnings_total", "Quota warnings sent to users.", ["threshold"])
_DELIVERED = Delivered()


@dataclass(slots=True)
class LocalAttempt:
    """What became of one message."""

    envelope: SmtpEnvelope
    content: Spool
    accounts: dict[EmailAddress, tuple[AccountId, ...]]  # of the recipients that could be resolved
    outcomes: dict[EmailAddress, Outcome] = field(default_factory=dict)
    stored: set[AccountId] = field(default_factory=set)  # now
    served: frozenset[AccountId] = frozenset()  # by an earlier attempt
    identity: bytes | None = None


class LocalDelivery:
    """One per worker."""

    def __init__(  # noqa: PLR0913 - what a delivery is made of
        self,
        directory: Directory,
        mail: MailService,
        config: Config,
        queue: Queue | None = None,
        lists: ListStore | None = None,
        *,
        prober: Prober | None = None,
        calendars: Work | None = None,
    ) -> None:
        """Without a ``queue`` nobody on another server can be written to, without ``lists`` no list; ``prober`` asks
        servers of relay domains; ``calendars`` is told of invitations."""
        self._directory = directory
        self._mail = mail
        self._config = config
        self._settings = config.delivery
        self._hostname = config.server.hostname
        self._run: Path = config.server.data / "run"
        self._remote = Remote(config, queue, prober) if queue is not None else None
        outgoing = OutgoingMail(self, directory, config)
        self._forwards = Forwards(outgoing, directory, config.smtp.max_hops)
        self.filters = Filters(config, outgoing, self._forwards)
        self._onward = Onward(directory, self._remote, config)
        self._lists = ListIntake(directory, lists, Addresses(config.server.data)) if lists is not None else None
        self._calendars = None
        if calendars is not None:
            copies = Copies(outgoing, directory, AuditLog(config.server.data))
            self._calendars = CalendarIntake(calendars, directory, mail, config.calendar_mail, copies=copies)
        self._pending = Pending(self._run / "pending.sqlite", self._settings.retry_days)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()

    def may_ask_for(self, address: str, domain: str | None = None) -> bool:
        return self._remote is not None and self._remote.may_ask_for(address, domain)

    async def hurry(self, domain: str) -> int:
        return await self._remote.hurry(domain) if self._remote is not None else 0

    def spool(self) -> Spool:
        return Spool(self._run / "spool", self._settings.memory)

    async def check(
        self,
        recipient: EmailAddress,
        size: int | None,
        sender: Account | None = None,
        *,
        reverse_path: EmailAddress | None = None,
    ) -> Failed | Resolution:
        resolution = await self._resolve(recipient, trusted=sender is not None)
        if isinstance(resolution, Failed):
            return resolution
        if resolution.lists and self._lists is not None:
            refused = await self._lists.check(resolution.lists, sender, reverse_path, size)
            if refused is not None:
                return refused
        if resolution.remote and sender is not None and self._remote is not None:
            refused = await self._remote.room(sender)
            if refused is not None:
                return refused
        if size is None:
            return resolution
        if resolution.remote:
            return resolution
        worst: Failed | None = None
        for account in resolution.accounts:
            # What is sent on must not wait for room in the mailbox that sends it on.
            failed = None if account.forward else await self._has_room(account, size)
            if failed is None:
                # One of an alias' accounts is enough: the others are tried again as long as the sender tries.
                return resolution
            worst = _worse(worst, failed)
        return worst or resolution

    async def deliver(
        self,
        envelope: SmtpEnvelope,
        received: bytes,
        content: Spool,
        known: Mapping[EmailAddress, Resolution] | None = None,
    ) -> LocalAttempt:
        attempt = LocalAttempt(envelope, content, {})
        trusted = envelope.trusted or envelope.account is not None
        copies: dict[AccountId, tuple[Account, EmailAddress]] = {}
        outside: dict[AccountId, tuple[EmailAddress, EmailAddress]] = {}  # target, and the recipient that led there
        lists: dict[AccountId, EmailAddress] = {}
        for recipient in envelope.recipients:
            resolution = (known or {}).get(recipient) or await self._resolve(recipient, trusted=trusted)
            if not isinstance(resolution, Failed):
                resolution = await self._of_sender(recipient, resolution, envelope.sender)
            if isinstance(resolution, Failed):
                attempt.outcomes[recipient] = resolution
                continue
            # A list alone keeps what its sender wants held by itself, and posts it when the time has come.
            waits = envelope.not_before is not None and (resolution.accounts or resolution.remote)
            if waits or envelope.hold:
                # Everybody waits in the queue; from there ``optimails.delivery.home`` brings it back.
                resolution = Resolution((), (recipient,))
            remote = {place(target): (target, recipient) for target in resolution.remote}
            parts = (part for account in resolution.accounts for part in parts_of(account))
            posts = {list_place(address): address for address in resolution.lists}
            attempt.accounts[recipient] = (*(account.id for account in resolution.accounts), *parts, *remote, *posts)
            lists |= posts
            for account in resolution.accounts:
                copies.setdefault(account.id, (account, recipient))
            for name, target in remote.items():
                outside.setdefault(name, target)
        await self._find_served(attempt)
        todo = [copy for account_id, copy in copies.items() if account_id not in attempt.served]
        failed = await self._store_all(attempt, todo, received)
        failed |= await self._queue_all(
            attempt, {name: pair for name, pair in outside.items() if name not in attempt.served}, received
        )
        failed |= await self._post_all(
            attempt, {name: address for name, address in lists.items() if name not in attempt.served}, received
        )
        for recipient, account_ids in attempt.accounts.items():
            worst: Failed | None = None
            for account_id in account_ids:
                if account_id in failed:
                    worst = _worse(worst, failed[account_id])
            attempt.outcomes[recipient] = worst or _DELIVERED
        return attempt

    async def settle(self, attempt: Attempt, again: Collection[EmailAddress]) -> None:
        assert isinstance(attempt, LocalAttempt)
        if not again:
            await self._confirm(attempt)
            if not attempt.served:
                return
        have = attempt.stored | attempt.served
        keep = {account for recipient in again for account in attempt.accounts.get(recipient, ()) if account in have}
        done = attempt.served - keep
        try:
            if keep:
                await self._pending.remember(await self._identity(attempt), keep)
            if done:
                await self._pending.forget(await self._identity(attempt), done)
        except (sqlite3.Error, OSError, Unavailable):
            # The answer stays what it is: at worst the message is stored twice.
            log.exception("delivery_not_noted")

    async def _confirm(self, attempt: LocalAttempt) -> None:
        """Report success to a sender who asked for it (RFC 3461 §4.1); of other servers the queue reports."""
        envelope = attempt.envelope
        asked = [
            who
            for who, wish in envelope.wishes.items()
            if Notify.SUCCESS in (wish.notify or ())
            and isinstance(attempt.outcomes.get(who), Delivered)
            and any(not is_place(account) for account in attempt.accounts.get(who, ()))
        ]
        if not asked or envelope.sender is None or self._remote is None:
            return
        try:
            await OutgoingMail(self, self._directory, self._config).confirm(envelope, asked, attempt.content)
        except (Refused, Unavailable):
            log.exception("bounce_lost", extra={"fields": {"recipients": len(asked)}})

    async def notify(self, account: Account, message: bytes) -> None:
        """Put a report into the account's INBOX; it needs no room. Raises ``Refused`` or ``Unavailable``."""
        await self._append(account, b"Return-Path: <>\r\n" + message, exempt=True)

    async def bounce(
        self, account: Account, envelope: SmtpEnvelope, failed: Mapping[EmailAddress, Failed], content: Spool
    ) -> None:
        header = content.head().partition(b"\r\n\r\n")[0] + b"\r\n"
        report = notices.bounce(account, envelope.sender or account.address, failed, header, self._hostname)
        try:
            await self._append(account, report, exempt=True)
        except (Refused, Unavailable):
            log.exception("bounce_lost", extra={"fields": {"account": account.id, "recipients": len(failed)}})

    # -- recipients ----------------------------------------------------------------------------------------------------

    async def _resolve(self, recipient: EmailAddress, *, trusted: bool = False) -> Failed | Resolution:
        if is_rewritten(recipient):
            back = await self._onward.came_back(recipient)
            if back is not None:
                return back if isinstance(back, Failed) else await self._resolve(back, trusted=True)
        try:
            resolution = await self._directory.resolve(recipient)
        except Refused as refused:
            if refused.reason is Reason.CANNOT and self._remote is not None:
                return await self._remote.resolve(recipient, trusted=trusted)
            return failures.not_resolved(refused)
        except Unavailable:
            return failures.DIRECTORY_AWAY
        if resolution.remote and self._remote is None:
            # Without a queue a part of the recipients would silently get nothing.
            return failures.FORWARDS
        if resolution.lists and self._lists is None:
            return failures.NO_LISTS
        if not resolution.accounts and not resolution.remote and not resolution.lists:
            return failures.UNKNOWN
        if any(account.state is AccountState.CLOSED for account in resolution.accounts):
            open_ones = tuple(account for account in resolution.accounts if account.state is not AccountState.CLOSED)
            resolution = Resolution(open_ones, resolution.remote, resolution.lists)
            return resolution if open_ones or resolution.remote or resolution.lists else failures.CLOSED
        return resolution

    async def _of_sender(
        self, recipient: EmailAddress, resolution: Resolution, sender: EmailAddress | None
    ) -> Failed | Resolution:
        """Where its mail goes when it comes from there."""
        if sender is not None and is_rewritten(recipient):
            return await self._onward.only_bounces(recipient) or resolution
        if resolution.lists and self._lists is not None:
            return await self._lists.routed(resolution, sender)
        return resolution

    async def _has_room(self, account: Account, size: int) -> Failed | None:
        limits = account.limits
        if limits.storage is None and limits.messages is None:
            return None
        if limits.storage is not None and size > limits.storage:
            return failures.TOO_BIG
        try:
            mail = await self._mail.open(account)
            try:
                usage = await mail.usage()
            finally:
                await mail.close()
        except (Refused, Unavailable):
            return failures.AWAY
        return None if usage.allows(size) else failures.full(account)

    # -- copies --------------------------------------------------------------------------------------------------------

    async def _store_all(
        self, attempt: LocalAttempt, copies: list[tuple[Account, EmailAddress]], received: bytes
    ) -> dict[AccountId, Failed]:
        """Store every copy; gives what failed."""
        sender, smtputf8 = attempt.envelope.sender, attempt.envelope.smtputf8
        client = (attempt.envelope.client, attempt.envelope.client_name)
        return_path = b"Return-Path: <%b>\r\n" % (b"" if sender is None else shown(sender, smtputf8=smtputf8))

        async def store(account: Account, recipient: EmailAddress) -> Failed | None:
            header = b"%bDelivered-To: %b\r\n%b" % (return_path, shown(recipient, smtputf8=smtputf8), received)
            arrival = Arrival(
                account, sender, recipient, header, attempt.content, attempt.served, attempt.stored, *client
            )
            junk = attempt.envelope.junk or recipient in attempt.envelope.disowned
            failed = await (self._quarantine(arrival) if junk else self._store(arrival))
            if failed is None:
                attempt.stored.add(account.id)
                if self._calendars is not None:
                    await self._calendars.take(arrival, attempt.envelope)
            return failed

        if len(copies) <= 1:
            results = [await store(*copy) for copy in copies]
        else:
            places = asyncio.Semaphore(self._settings.concurrency)

            async def in_turn(account: Account, recipient: EmailAddress) -> Failed | None:
                async with places:
                    return await store(account, recipient)

            results = await asyncio.gather(*(in_turn(*copy) for copy in copies))
        return {account.id: why for (account, _), why in zip(copies, results, strict=True) if why is not None}

    async def _queue_all(self, attempt: LocalAttempt, outside: Outside, received: bytes) -> dict[AccountId, Failed]:
        """Queue for all recipients on other servers, in one message unless each needs a sender of its own."""
        failed = await self._onward.queue(attempt.envelope, outside, received, attempt.content)
        attempt.stored.update(name for name in outside if name not in failed)
        return failed

    async def _post_all(
        self, attempt: LocalAttempt, lists: Mapping[AccountId, EmailAddress], received: bytes
    ) -> dict[AccountId, Failed]:
        """Store the message for its lists."""
        if not lists or self._lists is None:
            return {}
        failed = await self._lists.take(attempt.envelope, lists, received, attempt.content)
        attempt.stored.update(name for name in lists if name not in failed)
        return failed

    async def _store(self, arrival: Arrival) -> Failed | None:
        return await self._guarded(arrival.account, self._sort(arrival))

    async def _quarantine(self, arrival: Arrival) -> Failed | None:
        """Into \\Junk, whatever the account's scripts and forwards say."""

        async def put() -> None:
            async with await self._mail.open(arrival.account) as mail:
                await self._put(mail, await junk(mail), (), arrival.header, arrival.content)

        return await self._guarded(arrival.account, put())

    async def _sort(self, arrival: Arrival) -> Failed | None:
        account = arrival.account
        plan = self.filters.find(account)
        if plan is None and account.forward:
            return await self._forward(arrival)
        if plan is None:
            await self._append(account, arrival.header, arrival.content)
            arrival.places.add(INBOX)
            return None

        async def put(
            mail: AccountMail, mailbox: MailboxName, flags: Collection[str], header: bytes, content: Spool | None
        ) -> None:
            await self._put(mail, mailbox, flags, header, content)
            arrival.places.add(mailbox)

        async with await self._mail.open(account) as mail:
            return await self.filters.deliver(plan, mail, arrival, put)

    @staticmethod
    async def _guarded(account: Account, work: Awaitable[Failed | None]) -> Failed | None:
        """What came of storing one copy, whatever goes wrong."""
        failed: Failed | None
        try:
            failed = await work
        except Refused as refused:
            failed = failures.not_stored(refused, account)
        except Unavailable:
            failed = failures.AWAY
        except Exception:
            error = secrets.token_hex(4)
            log.exception("delivery_failed", extra={"fields": {"account": account.id, "error": error}})
            failed = Failed(permanent=False, status="4.3.0", text=f"Internal error {error}, try again later")
        if failed is None:
            _STORED.inc()
            return None
        (_REFUSED if failed.permanent else _DEFERRED).inc()
        return failed

    async def _forward(self, arrival: Arrival) -> Failed | None:
        """Send it on, and store the account's own copy, each unless an earlier attempt did."""
        keep, later = await self._forwards.send(arrival)
        copy = copy_of(arrival.account)
        if keep and copy not in arrival.served:
            await self._append(arrival.account, arrival.header, arrival.content)
            arrival.stored.add(copy)
            arrival.places.add(INBOX)
        return later

    async def _append(
        self, account: Account, header: bytes, content: Spool | None = None, *, exempt: bool = False
    ) -> None:
        """Store header and content in the account's INBOX, and warn its user when that fills it up."""
        async with await self._mail.open(account) as mail:
            await self._put(mail, INBOX, (), header, content, exempt=exempt)

    async def _put(  # noqa: PLR0913 - what a copy is made of
        self,
        mail: AccountMail,
        mailbox: MailboxName,
        flags: Collection[str],
        header: bytes,
        content: Spool | None,
        *,
        exempt: bool = False,
    ) -> None:
        """Store header and content in a mailbox, and warn its user when that fills the account up."""
        whole = content.whole() if content is not None else b""
        if whole is not None:
            size = len(header) + len(whole)
            message = NewMessage(header + whole, flag_set(flags) if flags else frozenset())
            appended = await mail.append(mailbox, (message,), exempt=exempt)
        else:
            assert content is not None
            size = len(header) + content.size
            appended = await self._append_large(mail, mailbox, flags, header, content)
        if not exempt:
            await self._warn(mail.account, mail, appended, size)

    @staticmethod
    async def _append_large(
        mail: AccountMail, mailbox: MailboxName, flags: Collection[str], header: bytes, content: Spool
    ) -> Appended:
        incoming = mail.incoming()

        def copy() -> None:
            incoming.write(header)
            for piece in content.pieces():
                incoming.write(piece)

        try:
            await asyncio.get_running_loop().run_in_executor(None, copy)
            return await mail.append(mailbox, (NewMessage(incoming, flag_set(flags)),))
        finally:
            incoming.discard()

    async def _warn(self, account: Account, mail: AccountMail, appended: Appended, size: int) -> None:
        """Never raises: the message is stored, whatever becomes of the warning."""
        limits = account.limits
        if not self._settings.quota_warnings or (limits.storage is None and limits.messages is None):
            return
        try:
            after = appended.usage or await mail.usage()
            threshold = crossed(after.plus(-size, -1), after)
            if threshold is not None:
                warning = notices.quota_warning(account, after, threshold, self._hostname)
                await mail.append(INBOX, (NewMessage(warning),), exempt=True)
                _WARNINGS.labels(str(threshold)).inc()
        except Exception:
            log.exception("quota_warning_failed", extra={"fields": {"account": account.id}})

    # -- messages that come again --------------------------------------------------------------------------------------

    async def _find_served(self, attempt: LocalAttempt) -> None:
        try:
            if await self._pending.refresh():
                attempt.served = await self._pending.served(await self._identity(attempt))
        except (sqlite3.Error, OSError, Unavailable):
            log.exception("delivery_notes_unreadable")
        if attempt.served:
            _REPEATED.inc(len(attempt.served))

    @staticmethod
    async def _identity(attempt: LocalAttempt) -> bytes:
        """What makes two attempts one message: the envelope sender, and the content as received.

        What a filter makes of a message may be different each time: a signature has a date.
        """
        if attempt.identity is None:
            envelope = attempt.envelope
            attempt.identity = envelope.fingerprint or await attempt.content.fingerprint(envelope.sender)
        return attempt.identity


def _worse(one: Failed | None, other: Failed) -> Failed:
    """Of two failures the one to answer with: while one may still pass, the sender should try again."""
    return other if one is None or (one.permanent and not other.permanent) else one
