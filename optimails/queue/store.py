"""The queue as the rest of the service sees it: one object per process over the same files.

**What is safe when.** ``accept`` first writes the content (file synced, folder synced), then commits the rows; only the
row makes it a message. A crash in between leaves a file that nobody knows, which ``clean`` removes. A finished message
loses its content after the commit that finished it; a crash in between leaves a file as well.

**Reports** are marked in the same transaction as what they tell of, so none is forgotten. They are then handed on and
the mark is taken away: who dies in between tells twice, never not at all.
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from optimails.config.queue import QueueSettings
from optimails.config.relay import RelaySettings
from optimails.model.errors import Reason, Refused
from optimails.queue import control, leases, rows, upkeep
from optimails.queue.api import Notify, Outbound, RecipientResult, Report
from optimails.queue.contents import Contents
from optimails.queue.database import Database
from optimails.queue.leases import Leased, Places, Turn
from optimails.queue.owner import this_process
from optimails.queue.schedule import Schedule

DAY = 86_400.0
FOLDER = "queue"
MAX_REASON = 300  # characters of why a message is held


class Queue:
    """Blocking work is done in threads. Calls raise ``Unavailable`` when the disk or the database does not work."""

    def __init__(  # noqa: PLR0913  (three are for tests)
        self,
        data: Path,
        settings: QueueSettings,
        relays: Iterable[RelaySettings] = (),
        *,
        clock: Callable[[], float] = time.time,
        wake: Callable[[], None] = lambda: None,
        owner: str | None = None,
    ) -> None:
        """``data`` is the service's data folder; ``wake`` is called after something new was queued."""
        folder = data / FOLDER
        self.settings = settings
        self.clock = clock
        self.contents = Contents(folder / "spool")
        self._schedule = Schedule(settings)
        relays = tuple(relays)
        self._lifetimes: Mapping[str, float] = {relay.domain: relay.keep_days * DAY for relay in relays}
        self._reports = {relay.domain: relay.reports for relay in relays}
        self._limits = rows.Limits(
            settings.messages_per_hour,
            settings.messages_per_day,
            settings.recipients_per_hour,
            settings.recipients_per_day,
        )
        self._database = Database(folder / "queue.sqlite")
        self._wake = wake
        self._owner = owner or this_process()

    def close(self) -> None:
        self._database.close()

    # -- coming in

    async def accept(self, message: Outbound, pieces: Iterable[bytes]) -> str:
        """Queue a message; it is on disk when this returns. ``pieces`` are read in a thread. Gives its name.

        With a ``key`` that is known (while the history is kept) nothing is queued, and the name is the old one.

        Raises:
            Refused: LIMIT, when the account has sent enough for now; CANNOT without recipients.
            Unavailable: nothing was queued.
        """
        if not message.recipients:
            raise Refused(Reason.CANNOT, "No recipients")
        identity = await asyncio.get_running_loop().run_in_executor(None, self._accept, message, pieces)
        self._wake()
        return identity

    def accept_now(self, message: Outbound, pieces: Iterable[bytes]) -> str:
        """``accept``, in the thread of the caller."""
        if not message.recipients:
            raise Refused(Reason.CANNOT, "No recipients")
        identity = self._accept(message, pieces)
        self._wake()
        return identity

    def _accept(self, message: Outbound, pieces: Iterable[bytes]) -> str:
        if message.key and (known := self._database.read_now(partial(rows.by_key, key=message.key))):
            return known
        identity = secrets.token_hex(8)
        size = self.contents.write(identity, pieces)
        try:
            known = self._database.write_now(partial(self._insert, message, identity, size))
        except BaseException:
            self.contents.remove(identity)
            raise
        if known:  # another process was faster
            self.contents.remove(identity)
        return known or identity

    def _insert(self, message: Outbound, identity: str, size: int, database: sqlite3.Connection) -> str | None:
        """Gives the name that the message has already, if it has one."""
        if message.key and (known := rows.by_key(database, message.key)):
            return known
        now = self.clock()
        unique = {str(recipient.address): recipient for recipient in message.recipients}
        if message.account:
            room = rows.room(database, message.account, self._limits, now)
            if room is not None and len(unique) > room:
                raise Refused(Reason.LIMIT, "This account has sent enough for now, try again later")
        due = max(now, message.not_before or 0)
        patience = self._schedule.patience()
        state = "held" if message.hold else "queued"
        late = message.tell_at or (due + patience if patience else None)
        database.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            (identity, str(message.sender or ""), message.account, message.origin.value, size, len(unique), now,
             message.smtputf8, message.body.value, message.ret and message.ret.value, message.envid, message.priority,
             message.require_tls, message.key or None),
        )  # fmt: skip
        for text, recipient in unique.items():
            destination = recipient.address.domain
            expires = due + self._lifetime(destination)
            if message.deliver_by is not None:
                expires = min(expires, message.deliver_by)
            notify = rows.notify_text(rows.allowed(recipient.notify, self._reports.get(destination, "all")))
            tell = message.sender is not None and not message.hold and rows.wants(notify, Notify.DELAY)
            database.execute(
                "INSERT INTO recipient (message, address, destination, notify, orcpt, state, priority, due, expires, "
                "delay, changed, release, reply, junk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (identity, text, destination, notify, recipient.orcpt, state, message.priority,
                 None if message.hold else due, expires, late if tell else None, now, due if due > now else None,
                 message.hold[:MAX_REASON], recipient.junk),
            )  # fmt: skip
        destinations = {recipient.address.domain for recipient in unique.values()}
        database.executemany("INSERT OR IGNORE INTO destination (name) VALUES (?)", [(name,) for name in destinations])
        rows.refresh(database, destinations)
        return None

    def _lifetime(self, destination: str) -> float:
        return self._lifetimes.get(destination, self._schedule.lifetime())

    async def room(self, account: str) -> int | None:
        """How many recipients outside the account may still write to now; None is any number."""
        return await self._database.read(lambda database: rows.room(database, account, self._limits, self.clock()))

    # -- going out (the runner)

    async def recover(self) -> tuple[int, list[str]]:
        """Free the leases of dead processes; gives how many, and the messages that were set aside as poisoned."""
        if all(owner == self._owner for owner in await self._database.read(leases.owners)):
            return 0, []
        return await self._database.write(lambda database: leases.free(database, self._schedule, self.clock()))

    async def lease(self, places: Places) -> list[Leased]:
        """Take jobs that are due."""
        now = self.clock()
        if places.free <= 0 or not await self._database.read(lambda database: _ready(database, now)):
            return []
        return await self._database.write(
            lambda database: leases.lease(database, self.contents, self._turn(now), places)
        )

    async def settle(self, leased: Leased, results: Iterable[RecipientResult]) -> None:
        """Write down what became of a job: durable when this returns."""
        results = list(results)
        done = await self._database.write(
            lambda database: leases.settle(database, self._turn(self.clock()), leased, results)
        )
        await self._forget(done)

    def _turn(self, now: float) -> Turn:
        return Turn(self._owner, now, self._schedule)

    async def give_back(self, leased: Leased) -> None:
        """Not tried after all."""
        await self._database.write(lambda database: leases.give_back(database, self._owner, self.clock(), leased))

    async def next_ready(self) -> float | None:
        """When something is to be done next: an attempt, an expiry, a notice."""
        return await self._database.read(_next_ready)

    # -- time passes (the runner)

    async def expire(self) -> int:
        """Give up what is too old; gives the number of messages concerned."""
        now = self.clock()

        def work(database: sqlite3.Connection) -> tuple[int, list[str]]:
            messages = upkeep.expire(database, now)
            upkeep.delays(database, now)
            return len(messages), rows.finish(database, messages, now)

        if not await self._database.read(lambda database: _overdue(database, now)):
            return 0
        count, done = await self._database.write(work)
        await self._forget(done)
        return count

    async def reports(self) -> list[str]:
        """Messages whose senders wait for a report."""
        return await self._database.read(upkeep.reports)

    async def report(self, message: str) -> Report | None:
        """What is to be told about it."""
        return await self._database.read(lambda database: upkeep.report(database, message))

    async def told(self, message: str, report: Report | None) -> None:
        """The report is on its way."""
        now = self.clock()
        await self._forget(await self._database.write(lambda database: upkeep.told(database, report, message, now)))

    async def purge(self) -> int:
        """Forget what was finished long ago, and contents that nobody knows; gives the number of messages."""
        before = self.clock() - max(1, self.settings.history_days) * DAY  # the limits of accounts look back a day
        count = 0
        while batch := await self._database.write(lambda database: upkeep.purge(database, before)):
            count += batch
        known = await self._database.read(
            lambda database: {row[0] for row in database.execute("SELECT id FROM message WHERE finished IS NULL")}
        )
        # Asked after the names were read, a message that has just been accepted is young enough not to be taken.
        orphans = await asyncio.to_thread(self.contents.orphans, known)
        await self._forget(orphans)
        return count

    async def _forget(self, messages: Iterable[str]) -> None:
        for message in messages:
            await asyncio.get_running_loop().run_in_executor(None, self.contents.remove, message)

    # -- the administrator

    async def find(self, choice: control.Choice) -> list[control.Queued]:
        return await self._database.read(lambda database: control.find(database, choice))

    async def count(self, choice: control.Choice) -> control.Counted:
        return await self._database.read(lambda database: control.count(database, choice))

    async def stats(self, top: int = 20) -> control.Stats:
        return await self._database.read(lambda database: control.stats(database, top))

    async def waiting(self) -> int:
        return await self._database.read(control.waiting)

    async def hold(self, choice: control.Choice) -> int:
        return await self._database.write(lambda database: control.hold(database, choice, self.clock()))

    async def release(self, choice: control.Choice) -> int:
        return await self._woken(lambda database: control.release(database, choice, self.clock()))

    async def requeue(self, choice: control.Choice) -> int:
        return await self._woken(lambda database: control.requeue(database, choice, self.clock(), self._lifetime))

    async def flush(self, choice: control.Choice) -> int:
        return await self._woken(lambda database: control.flush(database, choice, self.clock()))

    async def delete(self, choice: control.Choice) -> int:
        count, done = await self._database.write(lambda database: control.delete(database, choice, self.clock()))
        await self._forget(done)
        return count

    async def _woken(self, work: Callable[[sqlite3.Connection], int]) -> int:
        count = await self._database.write(work)
        self._wake()
        return count


def _next_ready(database: sqlite3.Connection) -> float | None:
    moments = [
        database.execute(statement).fetchone()[0]
        for statement in (
            "SELECT min(ready) FROM destination WHERE ready IS NOT NULL AND failures = 0",
            "SELECT min(ready) FROM destination WHERE ready IS NOT NULL AND failures > 0",
            "SELECT min(expires) FROM recipient WHERE due IS NOT NULL",
            "SELECT min(delay) FROM recipient WHERE delay IS NOT NULL AND lease IS NULL",
        )
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def _ready(database: sqlite3.Connection, now: float) -> bool:
    """Whether any destination is worth a look; so that looking costs no commit."""
    return any(
        database.execute(statement, (now,)).fetchone() is not None
        for statement in (
            "SELECT 1 FROM destination WHERE ready <= ? AND failures = 0 LIMIT 1",
            "SELECT 1 FROM destination WHERE ready <= ? AND failures > 0 LIMIT 1",
        )
    )


def _overdue(database: sqlite3.Connection, now: float) -> bool:
    return any(
        database.execute(statement, (now,)).fetchone() is not None
        for statement in (
            "SELECT 1 FROM recipient WHERE due IS NOT NULL AND expires <= ? LIMIT 1",
            "SELECT 1 FROM recipient WHERE delay <= ? AND lease IS NULL LIMIT 1",
        )
    )
