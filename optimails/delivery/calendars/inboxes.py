"""Copies for delegates of what came for an owner's calendar without a mail: from colleagues, calendar to calendar.

Such messages stand in the owner's scheduling inbox. The jobs worker looks at the inboxes of those few whose delegates
are to have copies, remembers up to which change they have them, and writes a mail for each delegate, under a key that
the queue knows: once, whatever dies in between. What came by mail was copied as it was delivered (``copies``).
"""

import asyncio
import logging
import time

from optimails.audit import AuditLog
from optimails.delivery.calendars.carried import IDENTITY
from optimails.delivery.calendars.copies import delegates_of, mark, note
from optimails.delivery.calendars.letter import Letter, Party, invitation
from optimails.delivery.calendars.summary import Scheduled, summary
from optimails.directory.api import Directory
from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Unfit
from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.inbox import INBOX
from optimails.groupware.scheduling.messages import address_of
from optimails.groupware.service import LocalGroupware
from optimails.groupware.work import Work
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError
from optimails.model.ids import AccountId
from optimails.queue.api import Body, Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue

log = logging.getLogger(__name__)

BATCH = 50  # messages of one look at an inbox
AT_ONCE = 100  # inboxes of one look
PAUSE = 3.0  # seconds between two looks


class Inboxes:
    """``optimails.delivery.calendars.runner.Task``; one per process."""

    def __init__(
        self, work: Work, groupware: LocalGroupware, directory: Directory, queue: Queue, audit: AuditLog
    ) -> None:
        self._work = work
        self._groupware = groupware
        self._directory = directory
        self._queue = queue
        self._audit = audit
        self._looked = float("-inf")
        self._last = ""  # owner who was looked at last

    async def step(self) -> int:
        """Look at the inboxes of which delegates get copies, some now, others at the next look; gives how many copies
        were sent. Raises ``Unavailable``."""
        sent, now = 0, self._work.clock()
        if now - self._looked < PAUSE:
            return 0
        self._looked = now
        for owner in self._turn(await self._directory.rights.owners_with_copies()):
            try:
                sent += await self._look(owner)
            except MailError as wrong:
                log.warning("invitation_copy_lost", extra={"fields": {"account": owner, "why": str(wrong)[:300]}})
            except Exception:
                log.exception("invitation_copy_lost", extra={"fields": {"account": owner}})
        return sent

    def _turn(self, owners: list[AccountId]) -> list[AccountId]:
        """Everybody has his turn, however many they are."""
        later = [owner for owner in owners if owner > self._last]
        chosen = (later or owners)[:AT_ONCE]
        self._last = chosen[-1] if chosen else ""
        return chosen

    async def _look(self, identity: AccountId) -> int:
        owner = await self._directory.account(identity)
        if owner is None:
            return 0
        upto, messages = await asyncio.to_thread(self._new, owner)
        sent = 0
        for message, text in messages:
            if not message.startswith(IDENTITY):
                for delegate in await delegates_of(self._directory, owner, text):
                    sent += await asyncio.to_thread(self._send, owner, delegate, message, text)
        if upto is not None:
            await asyncio.to_thread(self._work.copy, owner.id, upto)
        return sent

    def _new(self, owner: Account) -> tuple[int | None, list[tuple[str, bytes]]]:
        """Up to which change the inbox was looked at (None: nothing is new), and the messages: id and text."""
        known = self._work.copied(owner.id)
        if not self._groupware.exists(owner.id):
            return (0 if known is None else None), []
        with self._groupware.open(owner) as account:
            inbox = account.collection(INBOX)
            change = inbox.change if inbox is not None else 0
            if known is None or inbox is None or known == change:  # who is a delegate from now on gets what comes now
                return (change if known != change else None), []
            return _since(account, inbox, known)

    def _send(self, owner: Account, delegate: Account, message: str, text: bytes) -> int:
        try:
            scheduled = Scheduled.read(text.decode("utf-8", "replace"))
            speaks = "ORGANIZER" if Method(scheduled.method).of_organizer else "ATTENDEE"
            sender = EmailAddress.parse(address_of(scheduled.part.value(speaks)))
        except (BadSyntax, ValueError):
            return 0
        line = scheduled.part.get(speaks)
        letter = Letter(
            f"copy {delegate.id} {message}",
            Party(sender, (line.param("CN") if line else "") or ""),
            (Party(owner.address, owner.name),),
            delegate.language,
            extra=(mark(owner.address),),
        )
        said = summary(scheduled, delegate.language)
        header, body = invitation(letter, said, scheduled.method, text, time.time())
        note(self._audit, delegate, owner.address)
        outbound = Outbound(
            None,
            (QueuedRecipient(delegate.address),),
            Origin.CALENDAR,
            smtputf8=not all(one.local.isascii() for one in (sender, owner.address, delegate.address)),
            body=Body.SEVEN_BIT if header.isascii() else Body.EIGHT_BIT,
            key=letter.key,
        )
        self._queue.accept_now(outbound, [header, b"\r\n", body])
        log.info("invitation_copied", extra={"fields": {"account": owner.id, "delegate": delegate.id}})
        return 1


def _since(account: AccountGroupware, inbox: Collection, known: int) -> tuple[int, list[tuple[str, bytes]]]:
    try:
        changes = account.changes(inbox, known, BATCH)
    except Unfit:  # nobody knows any more what came since
        return inbox.change, []
    found = [account.read(inbox, name) for name, _ in changes.changed]
    return changes.change, [(item.uid, text) for item, text in filter(None, found)]
