"""Scheduling messages in mail that has just been delivered: noted for the account's calendar, or left alone.

**Where it stands.** After scripts and filters have had their say: what they put into junk, threw away or sent on
touches no calendar. Before the sender hears 250: the note is on disk with the mail, and the jobs worker does the rest.
The mail is delivered whatever happens here.

**Who may.** Only who proves to be the organizer (of a request, a change, a cancellation) or the attendee (of an answer,
a counter-proposal) in whose name the message speaks: a stranger by ``proof``, somebody who logged in here by his right
to send with that address. Of all others only the mail is delivered, and the log says so.
"""

import asyncio
import hashlib
import logging
from collections.abc import Collection

from prometheus_client import Counter

from optimails.config.calendars import CalendarMailSettings
from optimails.delivery.api import SmtpEnvelope
from optimails.delivery.arrival import Arrival
from optimails.delivery.calendars import carried
from optimails.delivery.calendars.carried import Carried
from optimails.delivery.calendars.copies import Copies
from optimails.delivery.calendars.proof import proves
from optimails.directory.api import Directory
from optimails.groupware import work
from optimails.groupware.scheduling.api import Method
from optimails.groupware.work import Work
from optimails.mailbox.api import MailService
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import MailError
from optimails.model.mailbox_name import INBOX, MailboxName
from optimails.model.rights import SendRight
from optimails.model.special_use import SpecialUse

log = logging.getLogger(__name__)

_TAKEN = Counter("optimails_calendar_arrivals_total", "Scheduling messages in delivered mail, by result.", ["result"])
_INLINE = 65_536  # bytes that are looked through in the event loop: a thread would cost more
_ASIDE = (SpecialUse.JUNK, SpecialUse.TRASH)


class CalendarIntake:
    """One per worker."""

    def __init__(
        self,
        work: Work,
        directory: Directory,
        mail: MailService,
        settings: CalendarMailSettings,
        *,
        copies: Copies,
    ) -> None:
        self._work = work
        self._copies = copies
        self._directory = directory
        self._mail = mail
        self._enabled = settings.incoming
        self._except = frozenset(one.lower() for one in settings.incoming_except)

    async def take(self, arrival: Arrival, envelope: SmtpEnvelope) -> None:
        """Note what the mail carries, once it is in the mailboxes that ``arrival.places`` names. Never raises."""
        if not arrival.places:
            return
        try:
            if not carried.may_carry(arrival.content.head()):
                return
            found = await self._found(arrival)
            if found is not None:
                result = await self._take(arrival, envelope, found)
                _TAKEN.labels(result).inc()
                self._say(arrival, result)
        except MailError as wrong:
            self._say(arrival, f"unavailable: {wrong}")
        except Exception:
            log.exception("calendar_intake_failed", extra={"fields": {"account": arrival.account.id}})

    def _wanted(self, account: Account) -> bool:
        domain = f"@{account.address.domain}"
        return self._enabled and not (self._except and {account.address.key, domain} & self._except)

    async def _found(self, arrival: Arrival) -> Carried | None:
        def look() -> Carried | None:
            with arrival.content.view() as content:
                return carried.read(content)

        if arrival.content.size <= _INLINE:
            return look()
        return await asyncio.get_running_loop().run_in_executor(None, look)

    async def _take(self, arrival: Arrival, envelope: SmtpEnvelope, found: Carried) -> str:
        """Gives what came of it, in a word."""
        if found.method is None:
            return "ignored"
        if INBOX not in arrival.places and await self._aside(arrival.account, arrival.places):
            return "aside"
        await self._copies.forward(arrival, found.itip)
        if not self._wanted(arrival.account):
            return "off"
        header = await arrival.content.header_beside()
        author = carried.author(header[0]) if header is not None else None
        if author is None or author.key not in found.speakers:
            return "stranger"
        if not await self._proven(envelope, author):
            return "unproven"
        await asyncio.to_thread(self._work.arrive, self._noted(arrival, found.method, author, found.itip))
        return "taken"

    async def _proven(self, envelope: SmtpEnvelope, author: EmailAddress) -> bool:
        if envelope.account is not None:
            right, _ = await self._directory.send_right(envelope.account, author)
            return right is not SendRight.NO
        return envelope.authentication is not None and proves(envelope.authentication, author)

    async def _aside(self, account: Account, places: Collection[MailboxName]) -> bool:
        """Whether a script has put it where nobody reads it."""
        async with await self._mail.open(account) as mail:
            aside = {one.name for one in await mail.mailboxes() if one.special_use in _ASIDE}
        return aside.issuperset(places)

    @staticmethod
    def _noted(arrival: Arrival, method: Method, author: EmailAddress, itip: bytes) -> work.Arrival:
        identity = hashlib.sha256(b"\0".join((method.encode(), author.key.encode(), itip))).hexdigest()
        return work.Arrival(
            arrival.account.id, f"{carried.IDENTITY}{identity}", author.key, arrival.account.address.key, itip
        )

    @staticmethod
    def _say(arrival: Arrival, result: str) -> None:
        fields = {"account": arrival.account.id, "sender": str(arrival.sender or ""), "result": result[:300]}
        log.info("calendar_message", extra={"fields": fields})
