"""Invitations and answers to people whose calendars are not here: each becomes one mail in the queue.

The engine hands in the same message again when its process died before it could note that it was taken. The queue is
given the message's id as its key, so there is one mail, whatever happens in between. Each recipient gets a mail of his
own: who else is invited stands in the text, as the organizer's calendar shows it, and each failure is one person's.
"""

import json
import logging
import time
from collections.abc import Mapping

from prometheus_client import Counter

from optimails.delivery.calendars.failures import key_of
from optimails.delivery.calendars.letter import Letter, Party, invitation
from optimails.delivery.calendars.summary import Scheduled, Summary, one_line, summary
from optimails.dkim import Signer
from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.groupware.work import Work
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.queue.api import Body, Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue

log = logging.getLogger(__name__)

_TOLD = (Method.REQUEST, Method.ADD)
_MAILS = Counter("optimails_calendar_mails_total", "Mails about calendars that were queued, by kind.", ["kind"])


class MailedInvitations:
    """``optimails.groupware.scheduling.api.OutgoingInvitations``; one per process."""

    def __init__(self, queue: Queue, work: Work, signer: Signer) -> None:
        self._queue = queue
        self._work = work
        self._signer = signer

    def send(self, account: Account, message: ItipMessage) -> None:
        """Raises ``Unavailable``; ``Refused`` for an address that is none, or a text without sense."""
        if message.quiet:
            return
        try:
            recipient = EmailAddress.parse(message.recipient)
            sender = EmailAddress.parse(message.sender)
            scheduled = Scheduled.read(message.text.decode("utf-8", "replace"))
            behalf = EmailAddress.parse(message.sent_by) if message.sent_by else None
        except BadSyntax as wrong:
            raise Refused(Reason.CANNOT, str(wrong)) from wrong
        language = account.language
        said = summary(scheduled, language, self._known(account, message, recipient))
        letter = Letter(
            key_of(account, message.id, message.uid),
            Party(sender, _name(account, sender, scheduled)),
            (Party(recipient, _named(scheduled, recipient)),),
            language,
            Party(behalf) if behalf is not None and behalf.key != sender.key else None,
            # RFC 3834 §5; a room has nobody behind it, unless somebody answers in its name
            automatic="auto-replied" if account.resource is not None and behalf is None else "",
        )
        header, body = invitation(letter, said, message.method.value, message.text, time.time())
        self._enqueue(account, letter, header, body)
        _MAILS.labels(message.method.value.lower()).inc()
        self._remember(account, message, recipient, said)
        fields = {"account": account.id, "method": message.method.value, "uid": message.uid[:200],
                  "recipient": str(recipient)}  # fmt: skip
        log.info("invitation_mailed", extra={"fields": fields})

    def _enqueue(self, account: Account, letter: Letter, header: bytes, body: bytes) -> None:
        sender = letter.sender.address
        addresses = [sender, *(one.address for one in letter.recipients)]
        outbound = Outbound(
            sender,
            tuple(QueuedRecipient(one.address) for one in letter.recipients),
            Origin.CALENDAR,
            account=account.id,
            smtputf8=not all(one.local.isascii() for one in addresses),
            body=Body.SEVEN_BIT if header.isascii() and body.isascii() else Body.EIGHT_BIT,
            key=letter.key,
        )
        try:
            self._queue.accept_now(outbound, [self._signature(header, body, sender), header, b"\r\n", body])
        except Refused as refused:
            if refused.reason is Reason.LIMIT:  # the account has sent enough for now
                raise Unavailable(str(refused)) from refused
            raise

    def _signature(self, header: bytes, body: bytes, sender: EmailAddress) -> bytes:
        try:
            return self._signer.sign(header, [body], sender.domain)
        except OSError as wrong:  # mail without a signature is better than no mail
            log.warning("dkim_not_signed", extra={"fields": {"domain": sender.domain, "why": str(wrong)}})
            return b""

    # -- what its reader knows

    def _known(self, account: Account, message: ItipMessage, recipient: EmailAddress) -> Mapping[str, str] | None:
        if not message.method.of_organizer:
            return None
        told = self._work.told(account.id, message.uid, recipient.key)
        if told is None:
            return None
        facts: dict[str, str] = json.loads(told[1]) if told[0] == account.language else {}
        return facts

    def _remember(self, account: Account, message: ItipMessage, recipient: EmailAddress, said: Summary) -> None:
        if message.method in _TOLD:
            facts = json.dumps(said.facts, ensure_ascii=False)
            self._work.tell(account.id, message.uid, recipient.key, (account.language, facts))
        elif message.method is Method.CANCEL:
            self._work.tell(account.id, message.uid, recipient.key, None)


def _name(account: Account, sender: EmailAddress, scheduled: Scheduled) -> str:
    """The name of who speaks: as the calendar has it, else the account's."""
    return _named(scheduled, sender) or account.name


def _named(scheduled: Scheduled, who: EmailAddress) -> str:
    for line in scheduled.part.properties:
        if line.name in ("ORGANIZER", "ATTENDEE") and line.value[:7].lower() == "mailto:":
            try:
                if EmailAddress.parse(line.value[7:].strip()).key == who.key:
                    name = one_line(line.param("CN") or "", 100)
                    return name if "@" not in name else ""
            except BadSyntax:
                continue
    return ""
