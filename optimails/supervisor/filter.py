"""The mail filter: in front of delivery in mail workers, and its runner in the jobs worker."""

import asyncio

from optimails.config import Config
from optimails.delivery.api import Delivery
from optimails.delivery.outgoing import Mailboxes, OutgoingMail
from optimails.directory.api import Directory
from optimails.dns import Resolver
from optimails.events import Bus
from optimails.events.api import Kind, Notice
from optimails.model.address import EmailAddress
from optimails.supervisor.jobs import repeat
from optimails.supervisor.queue import waker
from securemail.digest.sender import DigestSender
from securemail.dnslists import DnsLists
from securemail.engines.configured import engines_of
from securemail.flow.acts import Acts
from securemail.flow.examiner import Examiner
from securemail.flow.gate import FilteredDelivery
from securemail.flow.judge import Judge
from securemail.flow.people import People
from securemail.flow.runner import FilterRunner
from securemail.ledger.ledger import FOLDER, Ledger
from securemail.transform.outbound import Footers
from securemail.workers.pool import Pool, PoolSettings
from webmail.servers import offer_of

DIGESTS = 60.0  # seconds between two looks whether digests are due


def open_filter(config: Config, bus: Bus, directory: Directory) -> "MailFilter":
    return MailFilter(config, bus, directory)


class MailFilter:
    """What one worker has of it."""

    def __init__(self, config: Config, bus: Bus, directory: Directory) -> None:
        settings = config.securemail
        self._config = config
        self._bus = bus
        self._directory = directory
        self._ledger = Ledger(config.server.data, memory=config.delivery.memory, wake=waker(bus))
        hashes = config.server.data / FOLDER / "hashes.txt"
        pool = PoolSettings(settings.workers, settings.worker_seconds, settings.worker_memory, hashes)
        listed = settings.client_lists or settings.link_lists
        self._examiner = Examiner(
            Pool(pool),
            People(directory),
            engines_of(config.antivirus),
            lists=DnsLists(Resolver(config.dns), settings.client_lists, settings.link_lists) if listed else None,
            data=config.server.data,
        )
        self._judge = Judge(self._ledger.policies, directory)
        self.footers = Footers(self._ledger.policies, directory)

    def in_front_of(self, delivery: Delivery) -> FilteredDelivery:
        return FilteredDelivery(delivery, self._ledger, self._examiner, self._judge, self._config.securemail)

    async def run(self, delivery: Mailboxes) -> None:
        """The jobs worker's part, for ever."""
        settings = self._config.securemail
        outgoing = OutgoingMail(delivery, self._directory, self._config)
        days, web = settings.quarantine_days, offer_of(self._config).web
        digests = DigestSender(self._ledger, outgoing, settings.digest_times, web, days=days)
        acts = Acts(
            self._ledger,
            delivery,
            self._directory,
            outgoing,
            days=days,
            administrator=self._administrator,
        )
        runner = FilterRunner(self._ledger, self._examiner, self._judge, acts)

        def noticed(notice: Notice) -> None:
            if notice.kind is Kind.QUEUE:
                runner.wake()

        subscription = self._bus.subscribe(None, None, noticed)
        try:
            await asyncio.gather(
                runner.run(),
                repeat("filter", self._config.server.jobs_interval, self._purge),
                repeat("digests", DIGESTS, digests.run),
            )
        finally:
            subscription.cancel()

    async def _purge(self) -> dict[str, object]:
        days = self._config.securemail.tracking_days
        await self._ledger.refresh_figures(days)
        return {"forgotten": await self._ledger.purge(days)}

    def _administrator(self, domain: str) -> EmailAddress:
        return EmailAddress.parse(self._config.smtp.postmaster or f"postmaster@{domain}")

    async def close(self) -> None:
        await self._examiner.close()
        self._ledger.close()
