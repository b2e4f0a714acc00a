"""Reminders by mail, in the jobs worker: to the owner of the calendar, at the right time, once.

What is due stands in tables (``optimails.index.groupware.reminders``); a text is read only when its own time has come.
A reminder goes into the queue under a key of its own (item, occurrence, time), and only then it is noted as done: who
is killed in between sends it again, and the queue has it already. After the service was down, what is a little late is
still sent, and what would come too late is left out.

Who else an alarm names gets nothing: an event would be a way to write to anybody.
"""

import asyncio
import hashlib
import logging
import time
from datetime import tzinfo
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from optimails.config import Config
from optimails.delivery.calendars import wording
from optimails.delivery.calendars.letter import Letter, Party, notice
from optimails.delivery.calendars.summary import Scheduled, reminder
from optimails.directory.api import Directory
from optimails.groupware.account import AccountGroupware
from optimails.groupware.alarms import AlarmKind, Ring, next_looks, rings
from optimails.groupware.api import Unfit
from optimails.groupware.calendar import CalendarObject, read_object
from optimails.groupware.scheduling.messages import address_of
from optimails.groupware.service import LocalGroupware
from optimails.groupware.work import Work
from optimails.groupware.zones import zone_of
from optimails.index.groupware import collections, items, reminders
from optimails.index.groupware.collections import CollectionRow
from optimails.index.groupware.reminders import ReminderRow
from optimails.model.account import Account, AccountState
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.model.errors import BadSyntax, MailError
from optimails.model.ids import AccountId
from optimails.queue.api import Body, Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue
from optimails.texts import text

log = logging.getLogger(__name__)

GAP = 60  # seconds, at least, between two looks at an item
AT_ONCE = 3  # reminders of one item that are sent at one look, the newest
AGAIN = 300.0  # seconds until an account is tried again that could not be looked at
_REMINDERS = Counter("optimails_reminders_total", "Reminders by mail, by what became of them.", ["result"])


class Reminders:
    """``optimails.delivery.calendars.runner.Task``; one per process."""

    def __init__(
        self, work: Work, groupware: LocalGroupware, directory: Directory, queue: Queue, config: Config
    ) -> None:
        self._work = work
        self._groupware = groupware
        self._directory = directory
        self._queue = queue
        self._enabled = config.calendar_mail.reminders
        self._late = int(config.calendar_mail.reminders_late * 3_600)
        self._zone = ZoneInfo(config.calendar_mail.time_zone)
        self._host = ascii_name(config.server.hostname)

    async def step(self) -> int:
        """Look at the accounts whose time has come; gives how many reminders were sent. Raises ``Unavailable``."""
        sent = 0
        for account in await asyncio.to_thread(self._work.to_look_at):
            try:
                sent += await self._look(account)
            except MailError as wrong:
                log.warning("reminders_wait", extra={"fields": {"account": account, "why": str(wrong)[:300]}})
                await asyncio.to_thread(self._work.looked, account, self._work.clock() + AGAIN)
            except Exception:
                log.exception("reminders_failed", extra={"fields": {"account": account}})
                await asyncio.to_thread(self._work.looked, account, self._work.clock() + AGAIN)
        return sent

    async def _look(self, identity: AccountId) -> int:
        account = await self._directory.account(identity)
        if account is None or account.state is AccountState.CLOSED or not self._groupware.exists(identity):
            await asyncio.to_thread(self._work.looked, identity, None)
            return 0
        return await asyncio.to_thread(self._look_now, account)

    def _look_now(self, account: Account) -> int:
        now, sent = int(self._work.clock()), 0
        settled: list[tuple[ReminderRow, int | None]] = []
        with self._groupware.open(account) as groupware:
            for row, collection, content in _due(groupware, now):
                count, at = self._remind(account, row, collection, content, now)
                sent += count
                settled.append((row, at))
            with groupware.database.write() as connection:
                reminders.settle(connection, settled, now)
                self._work.looked(account.id, reminders.next_due(connection))
        return sent

    def _remind(
        self, account: Account, row: ReminderRow, collection: CollectionRow, content: bytes, now: int
    ) -> tuple[int, int | None]:
        """How many reminders were sent of an item, and when to look at it again."""
        try:
            found = read_object(content.decode("utf-8", "replace"))
        except Unfit:
            return 0, None
        zone = self._zone_of(collection)
        ringing = [ring for ring in rings(found, row.since, now, zone) if ring.kind == row.kind]
        wanted = [ring for ring in ringing if ring.at >= now - self._late and self._enabled]
        wanted = [ring for ring in wanted if not _declined(found, ring, account)][-AT_ONCE:]
        _REMINDERS.labels("skipped").inc(len(ringing) - len(wanted))
        for ring in wanted:
            self._send(account, found, ring, collection, zone)
        following = next_looks(found, now, zone).get(AlarmKind(row.kind))
        return len(wanted), None if following is None else max(following, now + (GAP if ringing else 1))

    def _zone_of(self, collection: CollectionRow) -> tzinfo:
        try:
            return zone_of(collection.time_zone) or self._zone
        except BadSyntax:
            return self._zone

    def _send(
        self, account: Account, found: CalendarObject, ring: Ring, collection: CollectionRow, zone: tzinfo
    ) -> None:
        language, part = account.language, found.parts[ring.part]
        try:
            start, end = wording.occurrence(part, found.zones, ring.start, zone)
            when = wording.between(start, end, language)
        except (BadSyntax, OverflowError, ValueError):
            return
        said = reminder(Scheduled("", part, found.zones), when, collection.display_name, language)
        uid = hashlib.sha256(found.uid.encode("utf-8", "replace")).hexdigest()[:32]
        key = f"reminder {account.id} {collection.object_id} {uid} {ring.start} {ring.at}"
        sender = Party(EmailAddress("postmaster", self._host), text("reminder.sender", language))
        letter = Letter(key, sender, (Party(account.address, account.name),), language, automatic="auto-generated")
        header, body = notice(letter, said, time.time())
        outbound = Outbound(
            None,
            (QueuedRecipient(account.address),),
            Origin.CALENDAR,
            smtputf8=not account.address.local.isascii(),
            body=Body.SEVEN_BIT if header.isascii() else Body.EIGHT_BIT,
            key=key,
        )
        self._queue.accept_now(outbound, [header, b"\r\n", body])
        _REMINDERS.labels("sent").inc()
        log.info("reminder_sent", extra={"fields": {"account": account.id, "calendar": collection.name}})


def _due(groupware: AccountGroupware, now: int) -> list[tuple[ReminderRow, CollectionRow, bytes]]:
    with groupware.database.read() as connection:
        known = {one.id: one for one in collections.every(connection)}
        found = reminders.due(connection, now)
        return [(row, known[row.collection], items.text(connection, row.item)) for row in found]


def _declined(found: CalendarObject, ring: Ring, account: Account) -> bool:
    """Nobody is reminded of what he will not go to."""
    for line in found.parts[ring.part].every("ATTENDEE"):
        try:
            who = EmailAddress.parse(address_of(line.value)).key
        except BadSyntax:
            continue
        if who == account.address.key:
            return (line.param("PARTSTAT") or "").upper() == "DECLINED"
    return False
