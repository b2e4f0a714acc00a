"""Which recipients of a relay domain exist, as its own server said when it was asked (``[relay.callout]``).

Asking costs that server a connection, and us the time until it answers. So answers are remembered, in one small file
for all workers of the host, which survives a restart; one address is asked about once, however many senders write to it
at the same moment; and who guesses addresses in great numbers is put off rather than passed on.

That the server is away is no answer: then mail is taken and kept for it, for this is what relaying is for.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

from prometheus_client import Counter

from optimails.config.relay import RelayCallout
from optimails.delivery import failures
from optimails.delivery.api import Failed
from optimails.model.address import EmailAddress

log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ASKED = Counter("optimails_callouts_total", "Recipients asked about at relay domains' servers, by answer.", ["answer"])
_SCHEMA = "CREATE TABLE IF NOT EXISTS answer (address TEXT PRIMARY KEY, known INT, until REAL) WITHOUT ROWID"
_SWEEP = 500  # answers between two looks for those whose time is over
_MINUTE = 60.0


class Prober(Protocol):
    """Asks the server of a relay domain."""

    async def exists(self, recipient: EmailAddress) -> bool | None:
        """None: it does not answer, or says neither yes nor no. Never raises for what the server does."""


class Callouts:
    """One per worker."""

    def __init__(self, prober: Prober, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._prober = prober
        self._path = path
        self._clock = clock
        self._asking: dict[str, asyncio.Task[bool | Failed | None]] = {}
        self._asked: dict[str, tuple[float, int]] = {}  # by domain: the minute's begin, and how many in it
        self._answers = 0

    async def check(self, recipient: EmailAddress, settings: RelayCallout) -> Failed | None:
        """Why mail for it is not taken; None when it is."""
        task = self._asking.get(recipient.key)
        if task is None:
            # Looking for an answer of earlier belongs to the task: else one who looked just before it was written, and
            # comes back just after, would ask again.
            task = self._asking[recipient.key] = asyncio.create_task(self._find_out(recipient, settings))
            task.add_done_callback(lambda _: self._asking.pop(recipient.key, None))
        known = await asyncio.shield(task)
        if isinstance(known, Failed):
            return known
        if known is None:
            return None if settings.when_away == "accept" else failures.NOT_VERIFIED
        return None if known else failures.UNKNOWN

    async def _find_out(self, recipient: EmailAddress, settings: RelayCallout) -> bool | Failed | None:
        known = await self._run(lambda database: _remembered(database, recipient.key, self._clock()))
        if known is not None:
            return known
        if not self._may_ask(recipient.domain, settings.per_minute):
            return failures.TOO_MANY_UNKNOWN
        return await self._ask(recipient, settings)

    async def _ask(self, recipient: EmailAddress, settings: RelayCallout) -> bool | None:
        try:
            async with asyncio.timeout(settings.timeout):
                known = await self._prober.exists(recipient)
        except TimeoutError:
            known = None
        answer = {True: "exists", False: "unknown", None: "undecided"}[known]
        _ASKED.labels(answer).inc()
        log.info("relay_callout", extra={"fields": {"recipient": str(recipient), "answer": answer}})
        if known is not None:
            until = self._clock() + (settings.positive_seconds if known else settings.negative_seconds)
            await self._run(lambda database: self._remember(database, (recipient.key, known, until)))
        return known

    def _may_ask(self, domain: str, most: int) -> bool:
        begin, count = self._asked.get(domain, (0.0, 0))
        now = self._clock()
        if now - begin >= _MINUTE:
            begin, count = now, 0
        self._asked[domain] = begin, count + 1
        return count < most

    def _remember(self, database: sqlite3.Connection, row: tuple[str, bool, float]) -> None:
        self._answers += 1
        if self._answers % _SWEEP == 0:
            database.execute("DELETE FROM answer WHERE until <= ?", (self._clock(),))
        database.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", row)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        return await asyncio.get_running_loop().run_in_executor(None, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """What cannot be remembered is asked again: mail must come in all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=2.0)) as database, database:
                database.execute("PRAGMA synchronous = OFF")
                database.execute(_SCHEMA)
                return work(database)
        except (sqlite3.Error, OSError) as wrong:
            log.warning("relay_answers_unavailable", extra={"fields": {"error": str(wrong)[:300]}})
            return None


def _remembered(database: sqlite3.Connection, key: str, now: float) -> bool | None:
    row = database.execute("SELECT known FROM answer WHERE address = ? AND until > ?", (key, now)).fetchone()
    return None if row is None else bool(row[0])
