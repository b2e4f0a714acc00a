"""Sending digests, in the jobs worker: once for each time of the day, to everybody for whom something new is kept."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from optimails.delivery.api import Failed
from optimails.delivery.outgoing import OutgoingMail
from optimails.delivery.spool import Spool
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError
from securemail.case import Direction, Health
from securemail.digest.letter import Line, digest
from securemail.digest.links import Links, Ticket
from securemail.digest.times import last_due
from securemail.ledger.ledger import Ledger
from securemail.ledger.reading import Search, Tracked
from securemail.ledger.values import State

log = logging.getLogger(__name__)

_FIRST = 86_400.0  # seconds that the first digest of somebody looks back
_PAGE = 500


class DigestSender:
    def __init__(self, ledger: Ledger, outgoing: OutgoingMail, times: Sequence[str], web: str, *, days: int) -> None:
        """``web`` is the public address of the web pages (``https://host``); ``days`` messages are kept."""
        self._ledger = ledger
        self._outgoing = outgoing
        self._times = tuple(times)
        self._web = web
        self._days = days
        self._links = Links(ledger.key_file)

    async def run(self) -> dict[str, object]:
        """Send what is due; gives how many. Who is killed in between sends some again, and forgets none."""
        now = datetime.fromtimestamp(self._ledger.clock()).astimezone()
        moment = last_due(self._times, now)
        if moment is None:
            return {"digests": 0}
        sent = 0
        for address, since in await self._ledger.digests_due(moment.timestamp(), _FIRST):
            try:
                sent += await self._send(EmailAddress.parse(address), since, moment.timestamp())
            except (MailError, BadSyntax) as wrong:
                log.warning("digest_waits", extra={"fields": {"address": address, "why": str(wrong)}})
                continue
            await self._ledger.digest_sent(address, moment.timestamp())
        return {"digests": sent}

    async def _send(self, reader: EmailAddress, since: float, until: float) -> int:
        """Raises ``Unavailable``."""
        search = Search(recipient=str(reader), states=(State.QUARANTINED,), limit=_PAGE)
        kept = [one for one in await self._ledger.find(search) if one.arrival.direction is Direction.INBOUND]
        new = [one for one in kept if since < _changed(one, str(reader)) <= until and _shown(one)]
        if not new:
            return 0
        lines = [await asyncio.to_thread(self._line, one, reader) for one in new]
        language = await self._outgoing.language(reader)
        letter = digest(reader, lines, len(kept), self._days, language)
        outcome = (await self._outgoing.submit(None, (reader,), Spool.of(letter)))[reader]
        if isinstance(outcome, Failed) and not outcome.permanent:
            raise MailError(outcome.text)
        return 1

    def _line(self, message: Tracked, reader: EmailAddress) -> Line:
        entry = next(one for one in message.recipients if one.address == str(reader))
        until = int(entry.expires or self._ledger.clock())
        token = self._links.token(Ticket(message.arrival.id, entry.address, until))
        sender = message.arrival.author or message.arrival.sender
        link = f"{self._web}/quarantine/{token}"
        return Line(sender, message.arrival.subject, message.arrival.arrived, entry.zone, link)


def _changed(message: Tracked, address: str) -> float:
    return next((one.changed for one in message.recipients if one.address == address), 0.0)


def _shown(message: Tracked) -> bool:
    """Viruses are the administrator's business."""
    return message.findings.health is not Health.INFECTED
