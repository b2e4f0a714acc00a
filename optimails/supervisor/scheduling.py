"""The jobs worker delivers the invitations and answers that whoever wrote them could not deliver at once."""

import asyncio
import logging
from typing import TYPE_CHECKING

from optimails.config import Config
from optimails.groupware.scheduling.api import OutgoingInvitations
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.resources import Resources
from optimails.groupware.scheduling.scheduler import Scheduler
from optimails.groupware.scheduling.users import DirectoryPeople
from optimails.groupware.service import LocalGroupware, bounds_of
from optimails.model.errors import MailError

if TYPE_CHECKING:
    from optimails.directory.api import Directory

PAUSE = 2.0  # seconds between two looks
log = logging.getLogger(__name__)


class SchedulingJobs:
    """Looks at the accounts that are marked; in a running event loop."""

    def __init__(self, config: Config, directory: "Directory", outgoing: OutgoingInvitations | None = None) -> None:
        data = config.server.data
        self._directory = directory
        self.groupware = LocalGroupware(data, bounds_of(config.dav))
        self._pending = Pending(data)
        people = DirectoryPeople(directory, asyncio.get_running_loop())
        self.scheduler = Scheduler(
            self.groupware, people, self._pending, outgoing=outgoing, automatic=Resources(people)
        )

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                await self.step()
                await asyncio.sleep(PAUSE)
        finally:
            self.groupware.close()

    async def step(self) -> None:
        """One look at all of them."""
        for identity in await asyncio.to_thread(self._pending.marked):
            try:
                account = await self._directory.account(identity)
                if account is None:
                    await asyncio.to_thread(self._pending.settle, identity)
                else:
                    await asyncio.to_thread(self.scheduler.deliver, account)
            except MailError as wrong:
                log.warning("scheduling_put_off", extra={"fields": {"account": identity, "why": str(wrong)}})
            except Exception:  # an error of ours in one account: the others, and all other jobs, go on
                log.exception("scheduling_broken", extra={"fields": {"account": identity}})
