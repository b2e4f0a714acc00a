"""The parts of the service, put together in a worker."""

import asyncio
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from optimails.config import Config, Listener
from optimails.config import Protocol as Spoken
from optimails.events import Bus
from optimails.model.errors import Unavailable
from optimails.supervisor.tls import ServerTls

if TYPE_CHECKING:
    from optimails.queue.runner import Reported

DOORS = {
    Spoken.IMAP: "imap.server",
    Spoken.POP3: "pop3.server",
    Spoken.LMTP: "smtp.server",
    Spoken.SMTP: "smtp.server",
    Spoken.SUBMISSION: "smtp.server",
    Spoken.MANAGESIEVE: "sieve.server",
    Spoken.LDAP: "ldapd.server",
}


def has_door(protocol: Spoken) -> bool:
    """Whether a mail worker can serve this protocol."""
    name = DOORS.get(protocol)
    if name is None:
        return False
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even its package
        return False


def load(*, doors: bool) -> None:
    """Import what a worker will need, while it waits to be needed."""
    parts = ["optimails.delivery.local", "optimails.directory.local", "optimails.mailbox.service"]
    if doors:
        parts += dict.fromkeys(DOORS[protocol] for protocol in DOORS if has_door(protocol))
    for part in parts:
        import_module(part)


class Assembly(Protocol):
    """What a worker needs of the service; tests of the processes bring a small one of their own."""

    async def start(self) -> None:
        """In the running event loop, before anything is asked of it."""

    def factory(self, listener: Listener) -> Any:
        """The Twisted factory that serves the listener."""

    async def healthy(self) -> bool:
        """Whether the directory answers."""

    async def maintain(self) -> dict[str, object]:
        """One round of the periodic jobs; gives what was done, for the log."""

    async def follow(self) -> None:
        """Jobs that are done as soon as there is something to do; for ever."""

    async def close(self) -> None: ...


class ServiceAssembly:
    """The real one. What it is made of is imported here and not above: a jobs worker never needs a door."""

    def __init__(self, config: Config, bus: Bus, tls: ServerTls | None) -> None:
        from optimails.audit import AuditLog  # noqa: PLC0415  # see above, here and below
        from optimails.delivery.local import LocalDelivery  # noqa: PLC0415
        from optimails.delivery.stored.events import LocalMailEvents  # noqa: PLC0415
        from optimails.directory.database import open_database  # noqa: PLC0415
        from optimails.directory.local import LocalDirectory  # noqa: PLC0415
        from optimails.door.connections import Connections  # noqa: PLC0415
        from optimails.door.context import Services  # noqa: PLC0415
        from optimails.door.greylist import Greylist  # noqa: PLC0415
        from optimails.door.guard import Guard  # noqa: PLC0415
        from optimails.door.login import Login  # noqa: PLC0415
        from optimails.door.rates import Rates  # noqa: PLC0415
        from optimails.door.sessions import Sessions  # noqa: PLC0415
        from optimails.door.traffic import Traffic  # noqa: PLC0415
        from optimails.groupware.work import Work  # noqa: PLC0415
        from optimails.mailbox.service import LocalMailService, open_journal, places  # noqa: PLC0415
        from optimails.supervisor.filter import open_filter  # noqa: PLC0415
        from optimails.supervisor.lists import open_lists  # noqa: PLC0415
        from optimails.supervisor.queue import callout_of, open_queue, waker  # noqa: PLC0415

        self._config = config
        self._bus = bus
        data = config.server.data
        secure: Any = tls  # its interface is declared by zope, which the checker does not see
        self._database = open_database(config.directory, data, upgrade=False)
        self._directory = LocalDirectory(self._database, config.directory, config.ldap)
        self._journal = open_journal(data)
        self._mail = LocalMailService(
            places(data, self._journal),
            bus,
            open_accounts=config.store.open_accounts,
            directory=self._directory,
            audit=AuditLog(data),
        )
        run = data / "run"
        self._guard = Guard(config.login, run / "guard.sqlite")
        self._connections = Connections(config.login, run / "connections")
        self._traffic = Traffic(config.traffic, config.domain_limit, Rates(run / "rates"))
        self._sessions = Sessions(self._connections, self._directory, self._mail, bus)
        self._queue = open_queue(config, bus)
        self._callout = callout_of(config)
        self._lists = open_lists(config, bus)
        self._work = Work(data, wake=waker(bus))
        self._delivery = LocalDelivery(
            self._directory, self._mail, config, self._queue, self._lists, prober=self._callout, calendars=self._work
        )
        self._filter = open_filter(config, bus, self._directory) if config.securemail.enabled else None
        self._events = LocalMailEvents(config, self._mail, self._delivery.filters)
        self._services = Services(
            config,
            self._directory,
            self._mail,
            self._delivery,
            Login(self._directory, self._guard),
            secure,
            self._connections,
            self._sessions,
            bus,
            self._events,
            traffic=self._traffic,
            greylist=Greylist(config.greylist, config.traffic, run / "greylist.sqlite"),
            filtered=self._filter.in_front_of(self._delivery) if self._filter else None,
            footers=self._filter.footers if self._filter else None,
        )

    async def start(self) -> None:
        """All parts are ready when they are made."""

    def factory(self, listener: Listener) -> Any:
        return import_module(DOORS[listener.protocol]).factory(self._services, listener)

    async def healthy(self) -> bool:
        try:
            await self._directory.is_local("health.invalid")
        except Unavailable:
            return False
        return True

    async def maintain(self) -> dict[str, object]:
        from optimails.supervisor.maintenance import Maintenance  # noqa: PLC0415  # only the jobs worker needs it

        return await Maintenance(self._config, self._database, self._directory, self._mail).run()

    async def follow(self) -> None:
        from optimails.collection.runner import Collector  # noqa: PLC0415  # only the jobs worker needs it
        from optimails.supervisor.calendars import CalendarJobs  # noqa: PLC0415  # as above
        from optimails.supervisor.journal import JournalJobs  # noqa: PLC0415  # as above
        from optimails.supervisor.texts import TextJobs  # noqa: PLC0415  # as above

        journals = JournalJobs(self._config.server.data, self._mail)
        collector = Collector(self._config.server.data, self._config.collection, self._directory, self._mail)
        texts = TextJobs(self._config.server.data, self._bus, self._directory, self._mail)
        calendars = CalendarJobs(self._config, self._bus, self._work, self._directory, self._queue)
        jobs = [journals.run(), texts.run(), collector.run(), calendars.run()]
        jobs += [self._run_queue(calendars.undelivered), self._run_lists()]
        if self._filter is not None:
            jobs.append(self._filter.run(self._delivery))
        await asyncio.gather(*jobs)

    async def _run_lists(self) -> None:
        from optimails.supervisor.lists import ListJobs, list_runner  # noqa: PLC0415  # only the jobs worker needs it

        runner = list_runner(self._config, self._lists, self._directory, self._database, self._delivery)
        await ListJobs(self._bus, runner).run()

    async def _run_queue(self, reported: "Reported") -> None:
        from optimails.delivery.home import HomeCourier  # noqa: PLC0415  # only the jobs worker needs it
        from optimails.delivery.outgoing import OutgoingMail  # noqa: PLC0415  # only the jobs worker needs it
        from optimails.supervisor.jobs import repeat  # noqa: PLC0415  # as above
        from optimails.supervisor.queue import QueueJobs  # noqa: PLC0415  # as above
        from smtp.outbound.courier import Courier  # noqa: PLC0415  # as above
        from smtp.outbound.tls_report_mail import TlsReportMail  # noqa: PLC0415  # as above

        courier = Courier(self._config)
        home = HomeCourier(self._delivery, self._directory, self._config, courier)
        notices = OutgoingMail(self._delivery, self._directory, self._config)
        jobs = [QueueJobs(self._config, self._bus, self._queue, home, notices, reported=reported).run()]
        if courier.tls_reports is not None:
            reports = TlsReportMail(self._config, courier.tls_reports, notices)
            jobs.append(repeat("tls_reports", self._config.server.jobs_interval, reports.run))
        try:
            await asyncio.gather(*jobs)
        finally:
            await courier.close()

    async def close(self) -> None:
        self._sessions.close()
        await self._events.close()
        if self._filter is not None:
            await self._filter.close()
        self._delivery.close()
        if self._callout is not None:
            await self._callout.close()
        await self._mail.close()
        await asyncio.get_running_loop().run_in_executor(None, self._journal.close)
        await self._directory.close()
        self._queue.close()
        self._lists.close()
        self._work.close()
        self._connections.close()
        self._traffic.close()
        self._guard.close()
        self._database.close()
