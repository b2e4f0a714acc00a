"""Greylisting: who writes for the first time is asked to come again, and let in when it does so as mail servers do.

What is remembered is the triplet of network, sender and recipient. Sub-addresses and the numbers that lists put into
senders (``bounces+4711=…@``) are taken away, else no message of a list would ever look known. A network several of
whose triplets have passed is let in as a whole.

The file belongs to all workers of the host. When it cannot be used, mail comes in: it is a filter, not a promise.
"""

import asyncio
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from prometheus_client import Counter

from optimails.config.traffic import GreylistSettings, TrafficSettings
from optimails.door.traffic import network
from optimails.model.address import EmailAddress

log = logging.getLogger(__name__)

_ASKED = Counter("optimails_greylist_total", "Recipients that the greylist was asked about, by answer.", ["answer"])
_PASSED, _PUT_OFF = _ASKED.labels("passed"), _ASKED.labels("put off")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS triplet (
    network TEXT, sender TEXT, recipient TEXT, first REAL, last REAL, passed INT,
    PRIMARY KEY (network, sender, recipient)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS triplet_last ON triplet (last);
"""
_DAY, _HOUR = 86_400.0, 3_600.0
_VARIES = re.compile(r"[0-9]+")
_SWEEP = 200  # questions between two looks for what is over


class Greylist:
    """One per worker."""

    def __init__(
        self,
        settings: GreylistSettings,
        traffic: TrafficSettings,
        path: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._allow = (*settings.allow, *traffic.allow)
        self._path = path
        self._clock = clock
        self._questions = 0

    @property
    def enabled(self) -> bool:
        """Whether it is on where a domain says nothing of its own."""
        return self._settings.enabled

    async def wait(self, address: str, sender: EmailAddress | None, recipient: EmailAddress) -> int:
        """Seconds after which the client may come again; 0: it is let in."""
        name = network(address, self._allow)
        if name is None:
            return 0
        triplet = (name, _sender_key(sender), recipient.base.key)
        try:
            left = await asyncio.get_running_loop().run_in_executor(None, self._ask, triplet)
        except (sqlite3.Error, OSError) as wrong:
            log.warning("greylist_unavailable", extra={"fields": {"error": str(wrong)[:300]}})
            return 0
        (_PUT_OFF if left else _PASSED).inc()
        return left

    def _ask(self, triplet: tuple[str, str, str]) -> int:
        settings, now = self._settings, self._clock()
        with self._opened() as database:
            self._questions += 1
            if self._questions % _SWEEP == 0:
                database.execute(
                    "DELETE FROM triplet WHERE last < ? AND (passed = 0 OR last < ?)",
                    (now - settings.retry_hours * _HOUR, now - settings.keep_days * _DAY),
                )
            row = database.execute(
                "SELECT first, last, passed FROM triplet WHERE network = ? AND sender = ? AND recipient = ?", triplet
            ).fetchone()
            if row is None or now - row[1] > (settings.keep_days * _DAY if row[2] else settings.retry_hours * _HOUR):
                passed = self._well_known(database, triplet[0], now)
                values = (*triplet, now, now, passed)
                database.execute("INSERT OR REPLACE INTO triplet VALUES (?, ?, ?, ?, ?, ?)", values)
                return 0 if passed else settings.delay_seconds
            first, _, passed = row
            left = 0 if passed else max(0, int(first + settings.delay_seconds - now + 0.999))
            database.execute(
                "UPDATE triplet SET last = ?, passed = ? WHERE network = ? AND sender = ? AND recipient = ?",
                (now if not left else row[1], int(not left), *triplet),
            )
            return left

    def _well_known(self, database: sqlite3.Connection, name: str, now: float) -> bool:
        most = self._settings.allow_after
        if not most:
            return False
        found = database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM triplet WHERE network = ? AND passed = 1 AND last > ? LIMIT ?)",
            (name, now - self._settings.keep_days * _DAY, most),
        ).fetchone()
        return bool(found[0] >= most)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file, for one question in one transaction."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=2.0)) as database:
            database.execute("PRAGMA synchronous = OFF")
            database.executescript(_SCHEMA)
            with database:
                database.execute("BEGIN IMMEDIATE")
                yield database


def _sender_key(sender: EmailAddress | None) -> str:
    if sender is None:
        return ""
    return _VARIES.sub("#", sender.base.key)
