"""Calendars in the jobs worker: what came by mail goes into them, and what they remind of goes out.

Everything that is to be done stands in ``optimails.groupware.work``; a runner that is killed leaves it to the next.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from optimails.groupware.work import Work
from optimails.model.errors import MailError

log = logging.getLogger(__name__)

LOOK_AROUND = 5.0  # seconds between two looks when nothing happens: one row is read
BREATH = 1.0  # seconds between two looks when something is due that cannot be done yet


class Task(Protocol):
    async def step(self) -> int:
        """Do some of what is due; gives how much it was. Raises ``Unavailable``."""


class CalendarRunner:
    """Use ``run``; tests call ``step``."""

    def __init__(self, work: Work, tasks: Sequence[Task]) -> None:
        self._work = work
        self._tasks = tasks
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._awake.clear()
            try:
                if await self.step():
                    continue
                pause = await self._until_next()
            except MailError as wrong:
                log.warning("calendars_wait", extra={"fields": {"why": str(wrong)}})
                pause = LOOK_AROUND
            try:
                async with asyncio.timeout(pause):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def step(self) -> int:
        """Everything that is due now; gives how much was done."""
        return sum([await task.step() for task in self._tasks])

    async def _until_next(self) -> float:
        due = await asyncio.to_thread(self._work.next_due)
        return LOOK_AROUND if due is None else min(LOOK_AROUND, max(BREATH, due - self._work.clock()))
