"""A list's letters on their way to people: with the null sender, to accounts here and to others alike."""

import logging
from collections.abc import Callable, Iterable

from optimails.delivery.api import Delivered, Outgoing
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)


class Letterbox:
    """A letter that cannot be sent is logged, and not tried again: no letter is worth that a post waits for it."""

    def __init__(self, outgoing: Outgoing, directory: Directory) -> None:
        self._outgoing = outgoing
        self._directory = directory

    async def send(self, people: Iterable[str], letter: Callable[[EmailAddress], bytes]) -> None:
        """To each of these addresses, by key."""
        for key in dict.fromkeys(people):
            why = "it is no address"
            try:
                to = EmailAddress.parse(key)
                outcome = (await self._outgoing.submit(None, (to,), Spool.of(letter(to))))[to]
                if isinstance(outcome, Delivered):
                    continue
                why = outcome.text
            except BadSyntax:
                pass
            except MailError as wrong:
                why = str(wrong)
            log.warning("list_letter_lost", extra={"fields": {"to": key, "why": why[:300]}})

    async def poster(self, account: str, letter: Callable[[EmailAddress], bytes]) -> None:
        """To who posted, when it was somebody who had logged in: of others nobody knows who wrote (no backscatter)."""
        known = await self.account(account)
        if known is not None:
            await self.send((known.address.key,), letter)

    async def account(self, account: str) -> Account | None:
        """Raises ``Unavailable``."""
        return await self._directory.account(AccountId(account)) if account else None
