"""The ledger as the rest sees it: one object a process over the same file (``securemail.sqlite``).

Every step is on disk when its call returns. What was delivered at once and needs nothing more is written down without
waiting for the disk: with the power it loses no more than its line in the journal.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from optimails.queue.database import Database
from securemail.contents import Contents
from securemail.ledger import figures, reading, writing
from securemail.ledger.policies import Policies
from securemail.ledger.reading import Search, Tracked
from securemail.ledger.schema import SCHEMA, VERSION
from securemail.ledger.values import KEPT, Arrival, Findings, State, Step
from securemail.policy.decide import Decision, Reason
from securemail.policy.document import ActionKind

FOLDER = "securemail"
RELEASE = "release"
"""The scope of the reason that takes a message out of quarantine; its rule is who did it."""
_REMEMBERED = 3 * 86_400.0  # seconds for which a message that was put off is known
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class End:
    """Where a recipient's message ends."""

    state: State
    zone: str = ""
    detail: str = ""
    expires: float | None = None


class Ledger:
    """Calls raise ``Unavailable`` when the disk or the database does not work."""

    def __init__(
        self,
        data: Path,
        *,
        memory: int = 262_144,
        clock: Callable[[], float] = time.time,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``wake`` is called when there is something to do for the runner."""
        self._wake = wake
        folder = data / FOLDER
        self.clock = clock
        self.contents = Contents(folder, memory)
        self.key_file = folder / "key"
        path = folder / "securemail.sqlite"
        self._database = Database(path, SCHEMA, VERSION, {})
        self._journal = Database(path, SCHEMA, VERSION, {}, durable=False)
        self.policies = Policies(self._database, clock)

    def close(self) -> None:
        self._database.close()
        self._journal.close()

    # -- on the way

    async def keep(
        self,
        arrival: Arrival,
        addresses: Sequence[str],
        pieces: Iterable[bytes],
        findings: Findings,
        decisions: Mapping[str, Decision] | None = None,
    ) -> list[str]:
        """Take a message that is not done with: safe on disk when this returns. ``pieces`` are read in a thread.

        Without ``decisions`` it still has to be looked at. Gives the recipients it is new for: those who have it from
        an attempt before are left out.
        """

        def insert(database: sqlite3.Connection) -> list[str]:
            new = writing.insert(database, arrival, addresses, State.RECEIVED, kept=True, due=arrival.arrived)
            if decisions is not None and new:
                writing.analysed(database, arrival.id, findings, arrival.arrived)
                writing.decided(database, arrival.id, {who: decisions[who] for who in new}, self.clock())
            return new

        def work() -> list[str]:
            self.contents.write(arrival.id, pieces)
            try:
                new = self._database.write_now(insert)
            except BaseException:
                self.contents.remove(arrival.id)
                raise
            if not new:
                self.contents.remove(arrival.id)
            return new

        new = await asyncio.get_running_loop().run_in_executor(None, work)
        self._wake()
        return new

    async def came_again(self, fingerprint: str, seconds: float) -> bool:
        """Whether the message was put off so many seconds ago; the first time, that it is now is written down."""
        now = self.clock()

        def work(database: sqlite3.Connection) -> bool:
            database.execute("DELETE FROM deferred WHERE first < ?", (now - _REMEMBERED,))
            database.execute("INSERT OR IGNORE INTO deferred VALUES (?, ?)", (fingerprint, now))
            (first,) = database.execute("SELECT first FROM deferred WHERE fingerprint = ?", (fingerprint,)).fetchone()
            return bool(now - first >= seconds)

        return await self._database.write(work)

    async def passed(self, arrival: Arrival, findings: Findings, ends: Mapping[str, tuple[Decision, End]]) -> None:
        """Note a message that was analysed, decided and brought to its end before it was answered."""

        def work(database: sqlite3.Connection) -> None:
            writing.insert(database, arrival, ends, State.DECIDED, kept=False, due=None)
            writing.note_findings(database, arrival.id, findings)
            for address, (decision, end) in ends.items():
                writing.note_decision(database, arrival.id, address, decision)
                writing.finish(database, arrival.id, address, end.state, self.clock(), detail=end.detail)

        await self._journal.write(work)

    async def analysed(self, message: str, findings: Findings) -> None:
        await self._database.write(lambda database: writing.analysed(database, message, findings, self.clock()))

    async def decided(self, message: str, decisions: Mapping[str, Decision]) -> None:
        await self._database.write(lambda database: writing.decided(database, message, decisions, self.clock()))

    async def finish(self, message: str, ends: Mapping[str, End]) -> None:
        """Some recipients of a message come to their ends, all in one transaction."""

        def work(database: sqlite3.Connection) -> bool:
            for address, end in ends.items():
                writing.finish(
                    database, message, address, end.state, self.clock(),
                    zone=end.zone, detail=end.detail, expires=end.expires,
                )  # fmt: skip
            return writing.settle(database, message)

        await self._forget(message, needless=await self._database.write(work))

    async def decide_again(
        self, message: str, address: str, end: End, actor: str, before: Sequence[State] = KEPT
    ) -> bool:
        """Somebody takes a message out of quarantine; False when it was not there any more."""

        def work(database: sqlite3.Connection) -> tuple[bool, bool]:
            changed = writing.finish(
                database, message, address, end.state, self.clock(),
                before=before, zone=end.zone, detail=end.detail, expires=end.expires, actor=actor,
            )  # fmt: skip
            return changed, writing.settle(database, message)

        changed, needless = await self._database.write(work)
        await self._forget(message, needless=needless)
        return changed

    async def release(self, message: str, address: str, actor: str) -> bool:
        """Have a message that is kept delivered, whatever the policies say; False when it was not there any more."""
        reason = Reason(RELEASE, 0, actor, ActionKind.DELIVER, locked=True)

        def work(database: sqlite3.Connection) -> bool:
            return writing.release(database, message, address, reason, self.clock(), actor)

        changed = await self._database.write(work)
        self._wake()
        return changed

    async def keep_for(self, message: str, days: int, actor: str) -> int:
        """Keep what is kept until so many days from now; for how many recipients."""

        def work(database: sqlite3.Connection) -> int:
            now = self.clock()
            count = database.execute(
                "UPDATE recipient SET expires = ? WHERE message = ? AND expires IS NOT NULL",
                (now + days * 86_400, message),
            ).rowcount
            if count:
                writing.step(database, now, message, "", "kept", f"{days} days", actor)
            return count

        return await self._database.write(work)

    async def note(self, message: str, address: str, what: str, detail: str = "", actor: str = "") -> None:
        """Add a line to the journal."""
        await self._database.write(
            lambda database: writing.step(database, self.clock(), message, address, what, detail, actor)
        )

    async def _forget(self, message: str, *, needless: bool) -> None:
        if needless:
            await asyncio.get_running_loop().run_in_executor(None, self.contents.remove, message)

    # -- the jobs worker

    async def begin(self, limit: int) -> list[Tracked]:
        """Messages that are due. Each counts a crash until ``put_off`` or its end: who kills us is found out."""

        def work(database: sqlite3.Connection) -> list[Tracked]:
            found = reading.due(database, self.clock(), limit)
            database.executemany("UPDATE message SET crashes = crashes + 1 WHERE id = ?", [(one,) for one in found])
            return [one for identity in found if (one := reading.tracked(database, identity)) is not None]

        if not await self._database.read(lambda database: reading.due(database, self.clock(), 1)):
            return []
        return await self._database.write(work)

    async def put_off(self, message: str, seconds: float, why: str) -> None:
        """Not now: an engine is away, a mailbox is full."""

        def work(database: sqlite3.Connection) -> None:
            now = self.clock()
            database.execute(
                "UPDATE message SET due = ?, attempts = attempts + 1, crashes = 0 WHERE id = ? AND due IS NOT NULL",
                (now + seconds, message),
            )
            writing.step(database, now, message, "", "put off", why[:500])

        await self._database.write(work)

    async def next_due(self) -> float | None:
        return await self._database.read(reading.next_due)

    async def expired(self, limit: int = 500) -> list[tuple[str, str]]:
        """Message and recipient of what has been kept long enough."""
        now = self.clock()
        return await self._database.read(
            lambda database: database.execute(
                "SELECT message, address FROM recipient WHERE expires <= ? LIMIT ?", (now, limit)
            ).fetchall()
        )

    async def digests_due(self, moment: float, first: float) -> list[tuple[str, float]]:
        """Who has mail in quarantine since his last digest, and when that was; ``first`` seconds back at most.

        Those whose last digest is of ``moment`` are left out.
        """
        return await self._database.read(
            lambda database: database.execute(
                "SELECT r.address, max(coalesce(d.upto, 0), ?) FROM recipient r LEFT JOIN digest d "
                "ON d.address = r.address WHERE r.expires IS NOT NULL AND r.state = 'quarantined' AND r.changed <= ? "
                "AND r.changed > max(coalesce(d.upto, 0), ?) GROUP BY r.address",
                (moment - first, moment, moment - first),
            ).fetchall()
        )

    async def digest_sent(self, address: str, upto: float) -> None:
        """His digest tells of everything up to then."""
        await self._database.write(
            lambda database: database.execute(
                "INSERT INTO digest VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET upto = excluded.upto",
                (address, upto),
            )
        )

    async def purge(self, days: int) -> int:
        """Forget messages of before that are done with, and contents that nobody knows; how many messages."""
        before = self.clock() - days * 86_400
        count = 0
        while batch := await self._database.write(lambda database: writing.purge(database, before)):
            count += batch
        known = await self._database.read(
            lambda database: {row[0] for row in database.execute("SELECT id FROM message WHERE kept = 1")}
        )
        for orphan in await asyncio.to_thread(self.contents.orphans, known):
            await asyncio.to_thread(self.contents.remove, orphan)
        return count

    # -- counters

    async def refresh_figures(self, days: int) -> None:
        """Make the counters of the days whose messages are kept anew."""
        since = self.clock() - days * 86_400
        await self._database.write(lambda database: figures.refresh(database, since))

    async def days(self, domains: Sequence[str], days: int) -> list[figures.Day]:
        since = datetime.fromtimestamp(self.clock() - days * 86_400, UTC)
        return await self._read(lambda database: figures.days(database, domains, f"{since:%Y-%m-%d}"))

    async def counters(self, domains: Sequence[str]) -> figures.Counters:
        return await self._read(lambda database: figures.counters(database, domains, self.clock()))

    async def usage(self, domains: Sequence[str], days: int) -> list[figures.Usage]:
        return await self._read(lambda database: figures.usage(database, domains, self.clock(), days))

    # -- questions

    async def find(self, search: Search) -> list[Tracked]:
        """The newest first."""
        return await self._read(lambda database: reading.find(database, search))

    async def message(self, identity: str) -> Tracked | None:
        return await self._read(lambda database: reading.tracked(database, identity))

    async def steps(self, message: str) -> list[Step]:
        return await self._read(lambda database: reading.steps(database, message))

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._database.read(work)
