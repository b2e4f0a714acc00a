"""The jobs worker does what calendars ask for: reminders."""

from optimails.config import Config
from optimails.delivery.calendars.reminders import Reminders
from optimails.delivery.calendars.runner import CalendarRunner
from optimails.directory.api import Directory
from optimails.events import Bus
from optimails.events.api import Kind, Notice
from optimails.groupware.service import LocalGroupware, bounds_of
from optimails.groupware.work import Work
from optimails.queue.store import Queue


def calendar_runner(config: Config, work: Work, directory: Directory, queue: Queue) -> CalendarRunner:
    """Put together of its parts."""
    groupware = LocalGroupware(config.server.data, bounds_of(config.dav))
    return CalendarRunner(work, [Reminders(work, groupware, directory, queue, config)])


class CalendarJobs:
    """The runner, woken by the bus."""

    def __init__(self, bus: Bus, runner: CalendarRunner) -> None:
        self._bus = bus
        self._runner = runner

    async def run(self) -> None:
        """For ever."""
        subscription = self._bus.subscribe(None, None, self._noticed)
        try:
            await self._runner.run()
        finally:
            subscription.cancel()

    def _noticed(self, notice: Notice) -> None:
        if notice.kind is Kind.QUEUE:
            self._runner.wake()
