"""A service with distribution lists in a folder: real directory, mailboxes, queue and runner; no sockets."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from optimails.authentication import Authentication
from optimails.config import Config
from optimails.delivery.api import Failed, Outcome, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.spool import Spool
from optimails.directory.admin import Admin
from optimails.directory.database import open_database
from optimails.directory.local import LocalDirectory
from optimails.events.memory import MemoryBus
from optimails.lists.addresses import Addresses
from optimails.lists.store import ListStore
from optimails.mailbox.api import MessageSet, Want
from optimails.mailbox.service import LocalMailService, places
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.mailbox_name import INBOX
from optimails.model.number_set import STAR, NumberSet
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from optimails.supervisor.lists import list_runner

EVERYTHING = MessageSet(NumberSet(((1, STAR),)), by_uid=True)
POST = b"From: Ann <ann@here.test>\r\nTo: team@here.test\r\nSubject: Lunch\r\nMessage-ID: <1@x>\r\n\r\nToday?\r\n"


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Sent:
    """One message in the queue for other servers."""

    sender: str
    recipients: list[str]
    content: bytes


class ListWorld:
    """Ann, Bob and Carol at here.test; Dora and Eve at there.test."""

    def __init__(self, data: Path, **more: object) -> None:
        self.config = Config.model_validate(
            {**more, "server": {"data": str(data), "hostname": "mx.here.test"}, "dns": {"nameservers": ["127.0.0.1:9"],
             "timeout": 0.2, "lifetime": 0.2}}
        )  # fmt: skip
        self.data = data
        self.database = open_database(self.config.directory, data)
        self.admin = Admin(self.database, self.config.directory)
        for domain in ("here.test", "there.test"):
            self.admin.domain_add(domain)
        for name in ("ann@here.test", "bob@here.test", "carol@here.test", "dora@there.test", "eve@there.test"):
            self.admin.account_add(name, plan="premium")
        self.directory = LocalDirectory(self.database, self.config.directory, ())
        self.bus = MemoryBus()
        self.mail = LocalMailService(places(data), self.bus)
        self.queue = Queue(data, self.config.queue, self.config.relay)
        self.clock = Clock()
        self.lists = ListStore(data, clock=self.clock)
        self.delivery = LocalDelivery(self.directory, self.mail, self.config, self.queue, self.lists)
        self.addresses = Addresses(data)
        self.runner = list_runner(self.config, self.lists, self.directory, self.database, self.delivery)

    async def close(self) -> None:
        self.delivery.close()
        await self.mail.close()
        await self.directory.close()
        self.queue.close()
        self.lists.close()
        self.database.close()

    async def account(self, address: str) -> Account:
        return (await self.directory.resolve(EmailAddress.parse(address))).accounts[0]

    async def post(
        self,
        to: str = "team@here.test",
        content: bytes = POST,
        *,
        sender: str | None = "ann@here.test",
        login: str | None = "ann@here.test",
        authentication: Authentication | None = None,
        run: bool = True,
    ) -> Outcome:
        """Send a mail there, as one who logged in or as a stranger; gives what the client would hear."""
        account = await self.account(login) if login else None
        reverse = EmailAddress.parse(sender) if sender else None
        recipient = EmailAddress.parse(to)
        known = await self.delivery.check(recipient, len(content), account, reverse_path=reverse)
        if isinstance(known, Failed):
            return known
        envelope = SmtpEnvelope(reverse, (recipient,), account=account, authentication=authentication)
        spool = Spool.of(content)
        attempt = await self.delivery.deliver(envelope, b"Received: by mx\r\n", spool, {recipient: known})
        await self.delivery.settle(attempt, [who for who, what in attempt.outcomes.items()
                                             if isinstance(what, Failed) and not what.permanent])  # fmt: skip
        if run:
            await self.run()
        return attempt.outcomes[recipient]

    async def run(self) -> None:
        """Until nothing is due."""
        while await self.runner.step():
            pass

    async def inbox(self, address: str) -> list[bytes]:
        """The whole messages, oldest first."""
        mail = await self.mail.open(await self.account(address))
        box = await mail.select(INBOX, read_only=True)
        found = []
        async for rows in box.fetch(EVERYTHING, Want.SIZE):
            for row in rows:
                message = await box.open_message(row.uid)
                found.append(bytes(message.view()))
                message.close()
        await box.close()
        await mail.close()
        return found

    async def outside(self) -> list[Sent]:
        """What waits for other servers."""
        return [
            Sent(one.sender, sorted(str(entry.address) for entry in one.recipients),
                 self.queue.contents.path(one.id).read_bytes())
            for one in await self.queue.find(Choice())
        ]  # fmt: skip


@contextlib.asynccontextmanager
async def list_world(data: Path, **more: object) -> AsyncIterator[ListWorld]:
    """``more`` are further tables of the configuration."""
    world = ListWorld(data, **more)
    try:
        yield world
    finally:
        await world.close()
