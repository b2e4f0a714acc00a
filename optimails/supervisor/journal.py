"""The jobs worker settles what is left in the journals of processes that died."""

import asyncio
import logging
from pathlib import Path

from optimails.index import accounts
from optimails.mailbox.service import JOURNAL, LocalMailService
from optimails.model.errors import MailError
from optimails.model.ids import AccountId
from optimails.store.places import account_directory
from optimails.store.remains import Orphans, Remains

log = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds between two looks


class JournalJobs:
    """Looks at once, for the last end may have been that of the machine, and then now and then."""

    def __init__(self, data: Path, mail: LocalMailService) -> None:
        self._data = data
        self._mail = mail
        self._boot = accounts.boot_id()
        self._remains = Remains(data / JOURNAL, self._boot)

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except OSError:
                log.exception("journal_not_settled")
            await asyncio.sleep(INTERVAL)

    async def look(self) -> int:
        """Settle what can be; how many segments. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        orphans = await loop.run_in_executor(None, Orphans, self._data / JOURNAL, self._boot)
        try:
            for path in orphans.segments:
                identities = await loop.run_in_executor(None, self._remains.accounts, path)
                if not await self._restored(identities):
                    orphans.keep(path)
            found = len(orphans.segments)
        except BaseException:
            for path in orphans.segments:
                orphans.keep(path)
            raise
        await loop.run_in_executor(None, orphans.release, self._data / "mail")
        if found:
            log.info("journal_settled", extra={"fields": {"segments": found}})
        return found

    async def _restored(self, identities: list[str]) -> bool:
        """Open each account, which restores it: those that nobody has opened since the machine went down."""
        well = True
        for account in map(AccountId, identities):
            if not account_directory(self._data, account).exists():
                continue  # removed since
            try:
                await self._mail.recover(account)
            except MailError:  # for want of room, perhaps: the next look tries again
                well = False
                log.exception("account_not_restored", extra={"fields": {"account": account}})
        return well
