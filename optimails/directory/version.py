"""How a process learns, before each answer, whether the directory has changed since it last looked."""

import asyncio
from concurrent.futures import Executor

from optimails.directory.database import Database


class Version:
    """Awaiting ``now()`` gives the version as of a moment after the call; so a change that was committed before it,
    by whatever process, is never missed. SQLite answers inline; on PostgreSQL callers that wait share one query.
    """

    def __init__(self, database: Database, threads: Executor) -> None:
        self._database = database
        self._threads = threads
        self._inline = database.watch()
        self._running: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    async def now(self) -> int:
        """Raises ``Unavailable`` when the database is away."""
        if self._inline is not None:
            return self._inline()
        # A query that is under way may have read the row already: join the one after it.
        if self._next is None:
            self._next = asyncio.create_task(self._query(self._running))
        return await asyncio.shield(self._next)

    async def _query(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._database.version)
