"""Runs the scripts that wait for what users do by IMAP (RFC 6785), beside the sessions.

**In order, one at a time for each account of a worker**: an event waits for the one before it, and one user's thousands
take one place. **A session waits for a moment only**: what a few messages need is done before its command is answered,
as users expect it; thousands go on by themselves, in batches, and take their turn with everybody else. What is on its
way when the process dies is not done; the messages are where the user's command put them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from prometheus_client import Counter

from optimails.config import Config
from optimails.config.listener import Protocol
from optimails.delivery.filters import Filters
from optimails.delivery.stored.api import Cause, Happened
from optimails.delivery.stored.carry import BATCH, StoredScripts, Tally
from optimails.delivery.stored.rules import Rules
from optimails.mailbox.api import MailService
from optimails.model.account import Account
from optimails.model.errors import MailError
from optimails.model.ids import AccountId
from sieve.language import Script

log = logging.getLogger(__name__)

_EVENTS = Counter("optimails_sieve_events_total", "Messages that scripts looked at after IMAP commands.", ["cause"])
AT_ONCE = 4  # accounts whose scripts run at the same time in a worker
MOST_WAITING = 20  # events of an account; then its sessions wait for them
LONGEST = 600.0  # seconds that scripts may work on one event: a heavy one must not keep its place for hours
MOST_TOLD = 3  # problems that one command tells of
PORT = 4190
FAREWELL = 5.0  # seconds that scripts may go on when the worker ends


def sieve_url(config: Config) -> str:
    """Where users reach ManageSieve, as the IMAPSIEVE capability names it (RFC 6785 §2.1)."""
    if config.sieve.url:
        return config.sieve.url
    ports = [listener.port for listener in config.listener if listener.protocol is Protocol.MANAGESIEVE]
    if not ports:
        return ""
    return f"sieve://{config.server.hostname}" + ("" if PORT in ports else f":{ports[0]}")


class LocalMailEvents:
    """One per worker."""

    def __init__(self, config: Config, mail: MailService, filters: Filters) -> None:
        self.url = sieve_url(config) if config.sieve.imap_events else ""
        self._settings = config.sieve
        self._mail = mail
        self._filters = filters
        self._rules = Rules(filters, config.imapsieve, config.server.data)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[AccountId, list[asyncio.Task[Tally]]] = {}

    async def happened(self, account: Account, event: Happened) -> list[str]:
        if not self._settings.imap_events or not event.uids:
            return []
        try:
            async with await self._mail.open(account, again=True) as mail:
                found = await self._rules.of(mail, event)
        except MailError as wrong:
            self._note(account, wrong)
            return []
        if not found.scripts:
            return found.problems
        task = self._start(account, event, found.scripts)
        crowded = len(self._waiting.get(account.id, ())) > MOST_WAITING
        await asyncio.wait((task,), timeout=None if crowded else self._settings.imap_patience)
        if task.done() and not task.cancelled() and task.exception() is None:
            found.problems += task.result().problems
        return list(dict.fromkeys(found.problems))[:MOST_TOLD]

    def _start(self, account: Account, event: Happened, scripts: Sequence[tuple[str, Script]]) -> "asyncio.Task[Tally]":
        line = self._waiting.setdefault(account.id, [])
        before = line[-1] if line else None
        task = asyncio.get_running_loop().create_task(self._run(before, account, event, scripts))
        line.append(task)
        task.add_done_callback(lambda done: self._ended(account.id, done))
        return task

    def _ended(self, account: AccountId, task: "asyncio.Task[Tally]") -> None:
        line = self._waiting[account]
        line.remove(task)
        if not line:
            del self._waiting[account]

    async def _run(
        self,
        before: "asyncio.Task[Tally] | None",
        account: Account,
        event: Happened,
        scripts: Sequence[tuple[str, Script]],
    ) -> Tally:
        if before is not None:
            await asyncio.wait((before,))
        async with self._places:
            try:
                return await self._work(account, event, scripts)
            except MailError as wrong:
                self._note(account, wrong)
                return Tally(problems=[str(wrong)])
            except Exception:  # a task of its own: nobody else would hear of it
                log.exception("sieve_event_broken", extra={"fields": {"account": account.id}})
                return Tally(problems=["a script could not be run"])

    async def _work(self, account: Account, event: Happened, scripts: Sequence[tuple[str, Script]]) -> Tally:
        about = about_event(account, event)
        changed = event.changed if event.cause is Cause.FLAG else None
        async with (
            await self._mail.open(account, again=True) as mail,
            StoredScripts(
                self._filters, mail, event.mailbox, scripts, about, expunge=self._settings.imap_expunge
            ) as stored,
        ):
            clock = asyncio.get_running_loop().time
            end = clock() + LONGEST
            for at in range(0, len(event.uids), BATCH):
                if clock() > end:
                    left = len(event.uids) - at
                    self._note(account, f"scripts take too long: {left} messages are left alone")
                    stored.tally.problem("Sieve scripts take too long: some messages are left alone")
                    break
                some = event.uids[at : at + BATCH]
                await stored.carry_out(await stored.wishes(some, changed))
                _EVENTS.labels(event.cause.value).inc(len(some))
            return stored.tally

    def _note(self, account: Account, why: object) -> None:
        fields = {"account": account.id, "why": str(why)[:300]}
        log.warning("sieve_event_failed", extra={"fields": fields})

    async def close(self) -> None:
        """Let scripts that are running come to an end, for a moment."""
        tasks = [task for line in self._waiting.values() for task in line]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FAREWELL)
            for task in late:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*late, return_exceptions=True)


def about_event(account: Account, event: Happened) -> dict[str, str]:
    """The items of RFC 6785 §4, and where messages were copied from and to."""
    user = event.user or str(account.address)
    about = {
        "imap.user": user,
        "imap.email": user,
        "imap.cause": event.cause.value,
        "imap.mailbox": str(event.mailbox),
        "vnd.optimails.mailbox-to": str(event.mailbox),
    }
    if event.source is not None:
        about["vnd.optimails.mailbox-from"] = str(event.source)
    return about
