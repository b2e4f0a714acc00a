"""Whose turn it is: visits sources that are due, so many at a time, each by one process only."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from prometheus_client import Counter

from optimails.collection.api import CollectFailed, Source, Trouble
from optimails.collection.store import SourceStore
from optimails.collection.visit import Visit, Visited, log_in
from optimails.config.collection import CollectionSettings
from optimails.mailbox.api import MailService
from optimails.model.account import Account, AccountState
from optimails.model.errors import Unavailable
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

_VISITS = Counter("optimails_collection_visits_total", "Visits to sources, by result.", ["result"])
_MESSAGES = Counter("optimails_collection_messages_total", "Messages fetched from sources.")
LOOK = 5.0  # seconds between two looks for sources that are due
_JITTER = 0.2  # of an interval


class Accounts(Protocol):
    """The part of the directory that is needed here."""

    async def account(self, account_id: AccountId) -> Account | None: ...


class Busy(Exception):
    """Somebody visits the source just now."""


class Collector:
    def __init__(
        self,
        data: Path,
        settings: CollectionSettings,
        accounts: Accounts,
        mail: MailService,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = SourceStore(data, clock)
        self._settings = settings
        self._accounts = accounts
        self._mail = mail
        self._clock = clock
        self._visiting: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                try:
                    await self.look()
                except Unavailable as away:
                    log.warning("collection_unavailable", extra={"fields": {"why": str(away)}})
                await asyncio.sleep(LOOK)
        finally:
            tasks = list(self._visiting.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.store.close()

    async def look(self) -> "list[asyncio.Task[None]]":
        """Start the visits that are due, as far as there is room; gives those that go on."""
        room = self._settings.concurrency - len(self._visiting)
        if room > 0:
            for source in await asyncio.to_thread(self.store.due, self._settings.concurrency):
                if source.id not in self._visiting and room > 0:
                    room -= 1
                    task = asyncio.create_task(self._turn(source))
                    self._visiting[source.id] = task
        return list(self._visiting.values())

    async def _turn(self, source: Source) -> None:
        try:
            await self.visit(source)
        except (Busy, CollectFailed):
            pass  # somebody else does it; or it is noted and logged
        except Unavailable as away:
            log.warning("collection_unavailable", extra={"fields": {"why": str(away)}})
        finally:
            del self._visiting[source.id]

    async def visit(self, source: Source) -> Visited | None:
        """One visit, now; None when the account is not active.

        Raises:
            Busy: another process does it.
            CollectFailed: it is noted in the source.
            Unavailable: the directory or the database is away.
        """
        with self.store.locked(source.id) as ours:
            if not ours:
                raise Busy
            account = await self._accounts.account(source.account)
            if account is None:  # gone for good, and its password goes with it
                await asyncio.to_thread(self.store.remove, source.id)
                return None
            if account.state is not AccountState.ACTIVE:
                await asyncio.to_thread(self.store.failed, source.id, self._next(source), Trouble.ACCOUNT, "")
                return None
            try:
                visited = await self._visit(source, account)
            except CollectFailed as failed:
                await self._failed(source, failed)
                raise
            except Exception as error:
                log.exception("collection_error", extra={"fields": {"source": source.id, "account": source.account}})
                ours_to_mend = CollectFailed(Trouble.INTERNAL)
                await self._failed(source, ours_to_mend)
                raise ours_to_mend from error
            due = self._clock() + _spread(self._settings.interval)
            await asyncio.to_thread(self.store.succeeded, source.id, due, visited.too_big)
        _VISITS.labels("done").inc()
        _MESSAGES.inc(visited.fetched)
        fields = {"source": source.id, "account": source.account, "host": source.access.host}
        fields |= {"fetched": visited.fetched, "deleted": visited.deleted, "too_big": visited.too_big}
        log.info("collected", extra={"fields": fields})
        return visited

    async def _visit(self, source: Source, account: Account) -> Visited:
        password = await asyncio.to_thread(self.store.password, source)
        try:
            async with asyncio.timeout(self._settings.visit_timeout), await self._mail.open(account) as mail:
                remote = await log_in(source.access, password, self._settings)
                return await Visit(source, self.store, mail, self._settings, self._clock).run(remote)
        except TimeoutError as late:
            raise CollectFailed(Trouble.SILENT, source.access.host) from late
        except Unavailable as away:
            raise CollectFailed(Trouble.STORAGE, str(away)) from away

    async def _failed(self, source: Source, failed: CollectFailed) -> None:
        _VISITS.labels(failed.trouble.value).inc()
        fields = {"source": source.id, "account": source.account, "host": source.access.host}
        fields |= {"trouble": failed.trouble.value, "detail": failed.detail}
        log.warning("collection_failed", extra={"fields": fields})
        await asyncio.to_thread(self.store.failed, source.id, self._next(source), failed.trouble, failed.detail)

    def _next(self, source: Source) -> float:
        settings = self._settings
        return self._clock() + _spread(min(settings.retry_max, settings.retry_first * 2.0 ** min(source.failures, 30)))


def _spread(interval: float) -> float:
    return interval * (1 + _JITTER * (2 * random.random() - 1))  # noqa: S311  # not for secrets
