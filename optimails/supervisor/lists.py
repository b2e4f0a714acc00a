"""The jobs worker runs the distribution lists."""

from optimails.audit import AuditLog
from optimails.authentication.dmarc import published
from optimails.authentication.results import Policy
from optimails.config import Config, Protocol, TlsMode
from optimails.delivery.lists.bounces import Bounces
from optimails.delivery.lists.letterbox import Letterbox
from optimails.delivery.lists.posting import Forbids, Posting
from optimails.delivery.lists.runner import ListRunner
from optimails.delivery.outgoing import Mailboxes, OutgoingMail
from optimails.directory.admin import Admin
from optimails.directory.api import Directory
from optimails.directory.database import Database
from optimails.dkim import Signer
from optimails.dns import Resolver
from optimails.events import Bus
from optimails.events.api import Kind, Notice
from optimails.lists.addresses import Addresses
from optimails.lists.store import ListStore
from optimails.queue.schedule import Schedule
from optimails.supervisor.queue import waker
from webmail.servers import offer_of


def open_lists(config: Config, bus: Bus) -> ListStore:
    """The posts of this data folder; what is put there wakes the runner, in whichever process it is."""
    return ListStore(config.server.data, wake=waker(bus))


def list_runner(
    config: Config, store: ListStore, directory: Directory, database: Database, delivery: Mailboxes
) -> ListRunner:
    """Put together of its parts."""
    data = config.server.data
    addresses, schedule = Addresses(data), Schedule(config.queue)
    outgoing = OutgoingMail(delivery, directory, config)
    letterbox = Letterbox(outgoing, directory)
    bounces = Bounces(Admin(database, config.directory), directory, letterbox)
    posting = Posting(
        store,
        directory,
        outgoing,
        addresses=addresses,
        bounces=bounces,
        signer=Signer(data),
        forbids=_forbids(Resolver(config.dns)),
        schedule=schedule,
        web=_pages(config),
    )
    return ListRunner(
        store,
        directory,
        posting,
        addresses=addresses,
        bounces=bounces,
        letterbox=letterbox,
        audit=AuditLog(data),
        schedule=schedule,
    )


def _pages(config: Config) -> str:
    """Where members find the pages of this service; empty where they would not, or without TLS (RFC 8058 §3.1)."""
    https = any(one.protocol is Protocol.HTTP and one.tls is TlsMode.IMPLICIT for one in config.listener)
    return offer_of(config).web if https or config.web.port else ""


def _forbids(resolver: Resolver) -> Forbids:
    """Whether a domain's DMARC record forbids others to write in its name."""

    async def forbids(domain: str) -> bool:
        (found,) = await published(resolver, [domain])
        # Without an answer of the DNS as well: to write in nobody's name is never wrong.
        return found.unknown or (found.record is not None and found.record.policy is not Policy.NONE)

    return forbids


class ListJobs:
    """The runner, woken by the bus."""

    def __init__(self, bus: Bus, runner: ListRunner) -> None:
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
