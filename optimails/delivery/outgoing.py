"""Mail that the service sends by itself, and the reports of the queue on their way to their readers."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from optimails.config import Config
from optimails.delivery.api import Delivered, Delivery, Failed, Outcome, SmtpEnvelope
from optimails.delivery.spool import Spool
from optimails.delivery.srs import is_rewritten
from optimails.directory.api import Directory
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.queue import reports
from optimails.queue.api import Body, Report, Reported


class Mailboxes(Delivery, Protocol):
    """Delivery that can also put something into an INBOX that needs no room."""

    async def notify(self, account: Account, message: bytes) -> None: ...


class OutgoingMail:
    """``optimails.delivery.api.Outgoing``, and ``optimails.queue.runner.Notices``."""

    def __init__(self, delivery: Mailboxes, directory: Directory, config: Config) -> None:
        self._delivery = delivery
        self._directory = directory
        self._server = config.server

    async def submit(  # noqa: PLR0913 - all that a message is sent with
        self,
        sender: EmailAddress | None,
        recipients: Sequence[EmailAddress],
        content: Spool,
        received: bytes = b"",
        *,
        via: str = "",
        account: Account | None = None,
    ) -> Mapping[EmailAddress, Outcome]:
        smtputf8 = any(not str(address).isascii() for address in (*recipients, sender or ""))
        whole = content.whole()
        # Saying 8BITMIME of what may need it costs nothing: it is looked at again where a server lacks that.
        body = Body.SEVEN_BIT if whole is not None and whole.isascii() else Body.EIGHT_BIT
        to = tuple(dict.fromkeys(recipients))
        envelope = SmtpEnvelope(sender, to, smtputf8, body, account, trusted=True, via=via)
        attempt = await self._delivery.deliver(envelope, received, content)
        again = [who for who, what in attempt.outcomes.items() if isinstance(what, Failed) and not what.permanent]
        await self._delivery.settle(attempt, again)
        return attempt.outcomes

    async def language(self, reader: EmailAddress) -> str:
        account = await self._account(reader)
        return account.language if account else self._server.language.value

    async def send(self, reader: EmailAddress, content: bytes) -> None:
        account = await self._account(reader)
        if account is not None:
            await self._delivery.notify(account, content)
            return
        spool = Spool.of(content)
        outcome = (await self.submit(None, (reader,), spool))[reader]
        if not isinstance(outcome, Delivered):
            raise Refused(Reason.CANNOT, outcome.text) if outcome.permanent else Unavailable(outcome.text)

    async def confirm(self, envelope: SmtpEnvelope, recipients: Sequence[EmailAddress], content: Spool) -> None:
        """Tell the sender that these recipients have the message. Raises ``Refused`` or ``Unavailable``."""
        assert envelope.sender is not None
        now = time.time()
        told = tuple(
            Reported(who, envelope.wishes[who].orcpt, "delivered", "2.1.5", "", "", now, now) for who in recipients
        )
        report = Report("", envelope.sender, envelope.envid, envelope.ret, now, envelope.smtputf8, told)
        header = content.head().partition(b"\r\n\r\n")[0] + b"\r\n"
        language = await self.language(envelope.sender)
        message = reports.build(report, header, whole=False, hostname=self._server.hostname, language=language, now=now)
        await self.send(envelope.sender, message)

    async def _account(self, reader: EmailAddress) -> Account | None:
        """The one account that reads this address. Raises ``Unavailable``."""
        if is_rewritten(reader):
            return None  # whoever catches unknown addresses does not read the bounces of other people
        try:
            resolution = await self._directory.resolve(reader)
        except Refused:
            return None
        only = resolution.accounts
        return only[0] if len(only) == 1 and not (resolution.remote or resolution.lists) else None
