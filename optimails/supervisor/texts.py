"""The jobs worker keeps text indexes up: told by the bus which account is behind, and by a look around at its start."""

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from optimails.events import Bus
from optimails.events.api import Kind, Notice
from optimails.mailbox.service import TEXTS
from optimails.model.account import Account
from optimails.model.errors import MailError
from optimails.model.ids import AccountId

SETTLE = 2.0  # seconds that more mail may come before the account is looked at
log = logging.getLogger(__name__)


class Accounts(Protocol):
    """The part of the directory that is needed here."""

    async def account(self, account_id: AccountId) -> Account | None: ...


class Indexer(Protocol):
    """The part of the mail service that is needed here."""

    async def index_texts(self, account: Account) -> int: ...


class TextJobs:
    """One account at a time, each at most once in ``SETTLE`` seconds."""

    def __init__(self, data: Path, bus: Bus, accounts: Accounts, mail: Indexer) -> None:
        self._data = data
        self._bus = bus
        self._accounts = accounts
        self._mail = mail
        self._behind: dict[AccountId, None] = {}
        self._some = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        self._bus.subscribe(None, None, self._noticed)
        for path in await asyncio.to_thread(lambda: sorted(self._data.glob(f"mail/*/*/{TEXTS}"))):
            self._behind[AccountId(path.parent.name)] = None
        while True:
            if not self._behind:
                self._some.clear()
                await self._some.wait()
            await asyncio.sleep(SETTLE)
            batch, self._behind = self._behind, {}
            for identity in batch:
                await self._index(identity)

    def _noticed(self, notice: Notice) -> None:
        if notice.kind is Kind.TEXTS:
            self._behind[notice.account] = None
            self._some.set()

    async def _index(self, identity: AccountId) -> None:
        try:
            account = await self._accounts.account(identity)
            count = await self._mail.index_texts(account) if account else 0
        except MailError as wrong:
            log.warning("texts_not_indexed", extra={"fields": {"account": identity, "why": str(wrong)}})
        except Exception:
            log.exception("texts_not_indexed", extra={"fields": {"account": identity}})
        else:
            if count:
                log.info("texts_indexed", extra={"fields": {"account": identity, "messages": count}})
