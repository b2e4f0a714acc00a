"""Scheduling messages that came by mail, on their way into calendars (in the jobs worker)."""

import asyncio
import logging

from optimails.directory.api import Directory
from optimails.groupware.scheduling.api import Incoming
from optimails.groupware.scheduling.messages import read_message
from optimails.groupware.work import Arrival, Work
from optimails.model.account import Account, AccountState
from optimails.model.errors import BadSyntax, MailError, Unavailable

log = logging.getLogger(__name__)

RETRY = 30.0  # seconds, doubled with each attempt
ATTEMPTS = 12  # some two days


class Arrivals:
    """One per process."""

    def __init__(self, work: Work, directory: Directory, incoming: Incoming) -> None:
        self._work = work
        self._directory = directory
        self._incoming = incoming

    async def step(self) -> int:
        """Work on what is due; gives on how many. Raises ``Unavailable``."""
        waiting = await asyncio.to_thread(self._work.arrivals)
        late: set[str] = set()
        for one in waiting:
            if one.account not in late and not await self._one(one):
                late.add(one.account)  # what came after it waits for it
        return len(waiting)

    async def _one(self, one: Arrival) -> bool:
        try:
            result = await self._apply(one)
        except Unavailable as wrong:
            if one.attempts < ATTEMPTS:
                await asyncio.to_thread(self._work.later, one, self._work.clock() + RETRY * 2**one.attempts)
                return False
            result = f"given up: {wrong}"
        except MailError as wrong:
            result = f"refused: {wrong}"
        except Exception:
            log.exception("calendar_message_failed", extra={"fields": {"account": one.account}})
            result = "failed"
        await asyncio.to_thread(self._work.arrived, one)
        log.info(
            "calendar_message_applied",
            extra={"fields": {"account": one.account, "sender": one.sender, "result": result[:300]}},
        )
        return True

    async def _apply(self, one: Arrival) -> str:
        account = await self._directory.account(one.account)
        if account is None or account.state is AccountState.CLOSED:
            return "the account is gone"
        return await asyncio.to_thread(self._apply_now, account, one)

    def _apply_now(self, account: Account, one: Arrival) -> str:
        try:
            message = read_message(
                one.text, identity=one.identity, sender=one.sender, recipient=one.recipient, created=int(one.arrived)
            )
        except BadSyntax as wrong:
            return f"refused: {wrong}"
        outcome = self._incoming.apply(account, message)
        return f"{outcome.result.value}: {outcome.why}" if outcome.why else outcome.result.value
