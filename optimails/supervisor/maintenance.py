"""What the jobs worker does now and then: mail whose time is over goes for good, and so do accounts.

An account's expunged mail is looked through once in ``ROUNDS`` runs, so that a host with many accounts is not busy
with all of them at once.
"""

import asyncio
import logging
import shutil
import time
from pathlib import Path

from optimails.config import Config
from optimails.directory.admin import Admin
from optimails.directory.database import Database
from optimails.directory.local import LocalDirectory
from optimails.groupware.attachments import Attachments
from optimails.groupware.doctor import refresh
from optimails.groupware.scheduling import outbox
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.service import LocalGroupware, bounds_of
from optimails.groupware.undelete import forget_deleted
from optimails.mailbox.service import LocalMailService
from optimails.model.account import Account
from optimails.model.errors import MailError
from optimails.model.ids import AccountId
from optimails.store.places import account_directory

ROUNDS = 24
KEEP_MESSAGES = 60 * 86_400  # seconds for which an account knows which scheduling messages came
PAUSE = 0.01  # seconds between two accounts
_CONDEMNED = ".removed-"
log = logging.getLogger(__name__)


class Maintenance:
    """One round is one call of ``run``."""

    def __init__(self, config: Config, database: Database, directory: LocalDirectory, mail: LocalMailService) -> None:
        self._config = config
        self._admin = Admin(database, config.directory)
        self._directory = directory
        self._mail = mail
        self._data = config.server.data
        self._groupware = LocalGroupware(self._data, bounds_of(config.dav))

    async def run(self, turn: int | None = None) -> dict[str, object]:
        """Do what is due; gives the numbers for the log. ``turn`` says whose turn it is, by default as time passes."""
        if turn is None:
            turn = int(time.time() / self._config.server.jobs_interval)
        purged, looked_at = await self._purge_expunged(turn % ROUNDS)
        return {"accounts": looked_at, "purged_messages": purged, "removed_accounts": await self._remove_expired()}

    async def _purge_expunged(self, turn: int) -> tuple[int, int]:
        purged = looked_at = 0
        for info in await asyncio.to_thread(self._admin.account_list):
            if int(info.id[:8], 16) % ROUNDS != turn or not account_directory(self._data, info.id).is_dir():
                continue
            try:
                account = await self._directory.account(info.id)
                if account is not None:
                    purged += await self._mail.maintain(account)
                    await asyncio.to_thread(self._maintain_groupware, account)
                    looked_at += 1
            except MailError as wrong:
                log.warning("account_skipped", extra={"fields": {"account": info.id, "why": str(wrong)}})
            await asyncio.sleep(PAUSE)
        return purged, looked_at

    def _maintain_groupware(self, account: Account) -> None:
        if self._groupware.exists(account.id):
            with self._groupware.open(account) as groupware:
                groupware.forget(self._config.dav.keep_deletions_days)
                forget_deleted(groupware, account.limits.retention)
                folder = self._groupware.attachments(account.id)
                if folder is not None:
                    Attachments(groupware, folder).clean()
                outbox.forget(groupware, int(time.time()) - KEEP_MESSAGES)
                if outbox.next_due(groupware) is not None:
                    Pending(self._data).mark(account.id)
                refresh(groupware)
            self._groupware.close()

    async def _remove_expired(self) -> int:
        """First the mail leaves its place, then the directory forgets the account, then the mail is deleted; after a
        crash in between the next run goes on from there."""
        expired = await asyncio.to_thread(self._admin.account_expired)
        for info in expired:
            await asyncio.to_thread(self._set_aside, info.id)
            await asyncio.to_thread(self._admin.account_purge, info.id)
            log.info("account_removed", extra={"fields": {"account": info.id, "login": info.address}})
        await asyncio.to_thread(self._delete_set_aside)
        return len(expired)

    def _set_aside(self, account: AccountId) -> None:
        place = account_directory(self._data, account)
        if place.is_dir():
            place.rename(place.with_name(_CONDEMNED + place.name))

    def _delete_set_aside(self) -> None:
        for folder in Path(self._data, "mail").glob(f"*/{_CONDEMNED}*"):
            shutil.rmtree(folder, ignore_errors=True)
