"""The jobs worker does what calendars ask for: messages from calendar to calendar and by mail, and reminders."""

import asyncio

from optimails.audit import AuditLog
from optimails.config import Config
from optimails.delivery.calendars.arrivals import Arrivals
from optimails.delivery.calendars.failures import Undelivered
from optimails.delivery.calendars.inboxes import Inboxes
from optimails.delivery.calendars.outgoing import MailedInvitations
from optimails.delivery.calendars.reminders import Reminders
from optimails.delivery.calendars.runner import CalendarRunner
from optimails.directory.api import Directory
from optimails.dkim import Signer
from optimails.events import Bus
from optimails.events.api import Kind, Notice
from optimails.groupware.work import Work
from optimails.queue.store import Queue
from optimails.supervisor.scheduling import SchedulingJobs


class CalendarJobs:
    """Everything about calendars; made in a running event loop, woken by the bus."""

    def __init__(self, config: Config, bus: Bus, work: Work, directory: Directory, queue: Queue) -> None:
        self._bus = bus
        data = config.server.data
        self._scheduling = SchedulingJobs(config, directory, MailedInvitations(queue, work, Signer(data)))
        groupware = self._scheduling.groupware
        arrivals = Arrivals(work, directory, self._scheduling.scheduler)
        reminders = Reminders(work, groupware, directory, queue, config)
        inboxes = Inboxes(work, groupware, directory, queue, AuditLog(data))
        self._runner = CalendarRunner(work, [arrivals, reminders, inboxes])
        self.undelivered = Undelivered(groupware, directory)

    async def run(self) -> None:
        """For ever."""
        subscription = self._bus.subscribe(None, None, self._noticed)
        try:
            await asyncio.gather(self._scheduling.run(), self._runner.run())
        finally:
            subscription.cancel()

    def _noticed(self, notice: Notice) -> None:
        if notice.kind is Kind.QUEUE:
            self._runner.wake()
