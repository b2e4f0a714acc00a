"""SMTP, submission and LMTP sessions without sockets, over real delivery into mailboxes in memory."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from optimails.authentication.authenticator import Authenticator
from optimails.config import Config, Protocol
from optimails.delivery.local import LocalDelivery
from optimails.directory.api import Resolution
from optimails.dns import Resolver
from optimails.door.greylist import Greylist
from optimails.door.rates import Rates
from optimails.door.traffic import Traffic
from optimails.lists.store import ListStore
from optimails.mailbox.api import MessageSet, Want
from optimails.model.account import Account, AccountState, Limits, OverQuota
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.ids import AccountId
from optimails.model.mailbox_name import canonical
from optimails.model.mailing_list import Expansion, ListRecipient, MailingList, Others, Posting
from optimails.model.number_set import STAR, NumberSet
from optimails.model.rights import SendRight
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from smtp.milter.chain import Filters
from smtp.session.authenticity import Authenticity
from smtp.session.door import Door, Peer
from smtp.session.session import Session
from tests.support.dns_server import LocalDns
from tests.support.queues import Clock
from tests.support.transcript import Connection
from tests.support.world import PLANS, MemoryDirectory, World

EVERYTHING = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


class PostDirectory(MemoryDirectory):
    """Alice and Bob with secrets, carol, dora and zoé to write to, and aliases."""

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(10 * 1024 * 1024, 1000, 30)
        for number, name in enumerate(("carol", "dora", "zoé"), 10):
            address = EmailAddress.parse(f"{name}@demo.test")
            self.accounts[address.key] = Account(
                AccountId(f"{number:032x}"), address, "basic", AccountState.ACTIVE, limits
            )
        self.aliases = {
            "team": ("alice", "bob", "carol"),
            "sales": ("bob",),
            "staff": ("bob", "carol"),
            "postmaster": ("bob",),
        }
        self.remote = {"outside": EmailAddress("x", "elsewhere.test")}
        self.lists: dict[str, tuple[MailingList, tuple[str, ...]]] = {}  # by key, with the members
        self.questions = 0

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        self.questions += 1
        if self.away:
            raise Unavailable("The directory is away")
        name = recipient.base.key.partition("@")[0]
        if recipient.base.key in self.lists:
            of, _ = self.lists[recipient.base.key]
            if recipient.tag != "owner":
                return Resolution((), (), (recipient,))
            return Resolution(tuple(self.accounts[owner] for owner in of.owners))
        if recipient.domain == "demo.test" and name in self.remote:
            return Resolution((), (self.remote[name],))
        if recipient.domain == "demo.test" and name in self.aliases:
            return Resolution(tuple(self.accounts[f"{one}@demo.test"] for one in self.aliases[name]))
        return await super().resolve(recipient)

    async def mailing_list(self, address: EmailAddress) -> MailingList | None:
        if self.away:
            raise Unavailable("The directory is away")
        found = self.lists.get(address.base.key)
        return found[0] if found else None

    async def expand(self, key: str) -> Expansion:
        _, members = self.lists[key]
        addresses = [EmailAddress.parse(member) for member in members]
        return Expansion(
            tuple(
                ListRecipient(address, number, self.accounts.get(address.key))
                for number, address in enumerate(addresses, 1)
            )
        )

    async def send_right(self, account: Account, address: EmailAddress) -> tuple[SendRight, Account | None]:
        if self.away:
            raise Unavailable("The directory is away")
        names = self.aliases.get(address.local, ()) if address.domain == "demo.test" else ()
        if account.address.local in names:
            return SendRight.OWN, None
        return await super().send_right(account, address)


class PostMail:
    """The real mail service, except for accounts that ``broken`` names: those cannot be opened."""

    def __init__(self, real) -> None:
        self._real = real
        self.broken: set[AccountId] = set()
        self.strange: set[AccountId] = set()  # these fail in a way that nobody foresaw

    async def open(self, account):
        if account.id in self.broken:
            raise Unavailable("The index is locked")
        if account.id in self.strange:
            raise ZeroDivisionError
        return await self._real.open(account)


@dataclass
class SmtpDoor:
    """``transcript.Door`` for one protocol."""

    protocol: Protocol = Protocol.SMTP
    settings: dict[str, object] = field(default_factory=dict)
    delivery_settings: dict[str, object] = field(default_factory=dict)
    queue_settings: dict[str, object] = field(default_factory=dict)
    relays: list[dict[str, object]] = field(default_factory=list)
    milters: list[dict[str, object]] = field(default_factory=list)
    authentication: dict[str, object] = field(default_factory=dict)
    traffic: dict[str, object] = field(default_factory=dict)
    greylist: dict[str, object] = field(default_factory=dict)
    domain_limits: list[dict[str, object]] = field(default_factory=list)
    far: bool = False
    starttls: bool = True
    ends: list["MemoryEnd"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smtp-test-")
        self.data = Path(self._folder.name)
        self.world = World(PostDirectory())
        self.directory: PostDirectory = self.world.directory
        self.mail = PostMail(self.world.mail)
        self.queue: Queue | None = None
        self.rates = Rates()
        self.clock = Clock(time.time())
        self.filters: Filters | None = None
        self.resolver: Resolver | None = None  # for the names of clients
        self.dns = LocalDns({})  # asked only where ``@dns`` has put something
        self.dns_runs = False
        self.lists: ListStore | None = None

    def config(self) -> Config:
        values = {
            "server": {"data": str(self.data), "hostname": "mx.demo.test"},
            # Dialogues about other things need no From.
            "smtp": {"submission_from": "allow"} | self.settings,
            "delivery": self.delivery_settings,
            "queue": self.queue_settings,
            "relay": self.relays,
            "milter": self.milters,
            "traffic": {"tarpit_seconds": 0} | self.traffic,
            "greylist": self.greylist,
            "domain_limit": self.domain_limits,
            "authentication": self.authentication,
            "dns": {"nameservers": [self.dns.address], "timeout": 1.0, "lifetime": 2.0},
        }
        return Config.model_validate(values)

    def door(self) -> Door:
        config = self.config()
        if config.milter and self.filters is None:
            self.filters = Filters(config.milter, "listener", 25, self.resolver)
        self.queue = self.queue or Queue(self.data, config.queue, config.relay)
        self.lists = self.lists or ListStore(self.data)
        delivery = LocalDelivery(self.directory, self.mail, config, self.queue, self.lists)
        return Door(
            self.protocol,
            config.smtp,
            config.server.hostname,
            self.directory,
            delivery,
            self.world.login,
            self.world.sessions,
            self.starttls,
            filters=self.filters,
            authenticity=self.authenticity(config),
            audit=self.world.audit,
            traffic=Traffic(config.traffic, config.domain_limit, self.rates),
            greylist=Greylist(config.greylist, config.traffic, self.data / "greylist.sqlite", self.clock),
        )

    def authenticity(self, config: Config) -> Authenticity:
        """Strangers are checked where the dialogue brings names that can be asked for."""
        if not self.dns.zone:
            return Authenticity.of(config, None)
        if not self.dns_runs:
            self.dns.start()
            self.dns_runs = True
        return Authenticity.of(config, Authenticator(Resolver(config.dns), config.authentication))

    def session(self, *, tls: bool = False) -> Session:
        return Session(self.door(), Peer("192.0.2.7" if self.far else "127.0.0.1"), tls=tls)

    async def connect(self) -> "MemoryEnd":
        end = MemoryEnd(self.session())
        self.ends.append(end)
        return end

    async def given(  # noqa: C901 - a list of words, each with its line
        self, words: list[str], connection: Callable[[], Awaitable[Connection]]
    ) -> None:
        """Before the first line: ``@setting name value``, ``@networks name NETWORK ...``, ``@queue name value``,
        ``@etrn NETWORK`` after ``@relay DOMAIN [ADDRESS ...]``, ``@far``, ``@authentication name value``,
        ``@authentication-networks NETWORK ...`` (trusted ones), ``@dns NAME TYPE record``. ``@greeted`` skips the
        greeting and says hello; ``@login``. Changes: ``@broken NAME``, ``@mended NAME``, ``@limit NAME storage``,
        ``@policy NAME permanent``, ``@closed NAME``,
        ``@suspended NAME``, ``@changed NAME`` (its password), ``@away``. Looks: ``@inbox NAME count``, ``@received
        NAME from ...`` (the trace line of its first message), ``@queued ADDRESS ...``, ``@origin ADDRESS HELLO``
        (where the next message comes from), ``@field NAME text`` (a line of its first message), ``@no-field NAME
        text``, ``@junk NAME count``, ``@header NAME Field: value`` (of its last message; no value: not there),
        ``@audit LINE`` (alone in the audit log). ``@plan`` and ``@delegate`` as in dialogues of IMAP."""
        match words:
            case ["setting", name, value]:
                self.settings[name] = value
            case ["networks", name, *networks]:
                self.settings[name] = networks
            case ["queue", name, value]:
                self.queue_settings[name] = value
            case ["etrn", *networks]:
                self.relays[-1]["etrn_networks"] = networks
            case ["traffic", name, value]:
                self.traffic[name] = value
            case ["greylist", name, value]:
                self.greylist[name] = value
            case ["domain_limit", domain, name, value]:
                self.domain_limits.append({"domain": domain, name: value})
            case ["later", seconds]:
                self.clock.now += float(seconds)
            case ["authentication", name, value]:
                self.authentication[name] = value
            case ["authentication-networks", *networks]:
                self.authentication["trusted_networks"] = networks
            case ["dns", name, kind, *record]:
                text = " ".join(record)
                self.dns.zone.setdefault((name, kind), []).append(f'"{text}"' if kind == "TXT" else text)
            case ["field", name, *text]:
                first = (await self.inbox(name))[0]
                assert " ".join(text).encode() in first.replace(b"\t", b""), first
            case ["no-field", name, *text]:
                assert " ".join(text).encode() not in (await self.inbox(name))[0]
            case ["junk", name, count]:
                assert len(await self.inbox(name, "Junk")) == int(count)
            case ["relay", domain, *known]:
                self.relays.append({"domain": domain, "target": "inside.test:25"})
                if known:
                    path = self.data / f"{domain}.txt"
                    path.write_text("".join(f"{one}\n" for one in known))
                    self.relays[-1]["recipients"] = str(path)
            case ["list", address, posting, others, *members]:
                of = MailingList(
                    EmailAddress.parse(address),
                    posting=Posting(posting),
                    others=Others(others),
                    owners=("alice@demo.test",),
                    max_size=100_000,
                )
                self.directory.lists[of.key] = (of, tuple(members))
            case ["posts", *states]:
                posts = await self.lists.lease(100) if self.lists else []
                assert sorted(post.state.value + post.tag.partition("-")[0] for post in posts) == sorted(states)
            case ["queued", *recipients]:
                assert await self.queued() == sorted(recipients)
            case ["far"]:
                self.far = True
            case ["greeted"]:
                hello = "LHLO" if self.protocol is Protocol.LMTP else "EHLO"
                await self._quietly(await connection(), f"{hello} client.test")
            case ["login"]:
                await self._quietly(await connection(), "EHLO client.test\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==")
            case ["broken", name]:
                self.mail.broken.add(self.account(name).id)
            case ["strange", name]:
                self.mail.strange.add(self.account(name).id)
            case ["mended", name]:
                self.mail.broken.discard(self.account(name).id)
            case ["limit", name, storage]:
                self.directory.change(name, limits=Limits(int(storage), None, 30))
            case ["policy", name, policy]:
                self.directory.change(name, over_quota=OverQuota(policy))
            case ["closed" | "suspended" as state, name]:
                self.world.change(name, state=AccountState(state))
                await self._told()
            case ["changed", name]:
                self.world.change(name, stamp=1)
                await self._told()
            case ["away"]:
                self.directory.away = True
            case ["tls"]:
                self.ends[0].session.tls_started()
            case ["received", name, *trace]:
                first = (await self.inbox(name))[0]
                assert b"Received: %b\r\n" % " ".join(trace).encode() in first, first
            case ["plan", who, name]:
                self.world.change(who, entitlements=PLANS[name])
            case ["delegate", owner, delegate, bundle]:
                self.world.delegate(owner, delegate, bundle)
            case ["audit", *words]:
                lines = [" ".join([*line[:3], line[3].get("right", "")]) for line in self.world.audit.lines]
                assert lines == ([" ".join(words)] if words else [])
                self.world.audit.lines.clear()
            case ["header", name, *field]:
                last = (await self.inbox(name))[-1]
                head = last.partition(b"\r\n\r\n")[0].split(b"\r\n")
                assert [line for line in head if line.startswith(field[0].encode())] == (
                    [" ".join(field).encode()] if field[1:] else []
                ), last
            case ["origin", address, hello]:
                origin = self.ends[0].session.origin
                assert (origin.address, origin.hello) == (address, hello)
            case ["inbox", name, count]:
                got = await self.inbox(name)
                assert len(got) == int(count), f"{name} has {len(got)} messages, not {count}"
            case _:
                raise AssertionError(f"unknown short cut {words}")

    async def _quietly(self, connection: Connection, text: str) -> None:
        await connection.send(f"{text}\r\n".encode())
        assert isinstance(connection, MemoryEnd)
        out = await connection.settle()
        assert out.split(b"\r\n")[-2].startswith(b"2"), out
        connection.out.clear()

    async def _told(self) -> None:
        """Until the news of an account has reached the sessions, and their last words the wire."""
        for _ in range(20):
            await asyncio.sleep(0)
        for end in self.ends:
            end.session.part()
            end.out += end.session.take_output()

    def account(self, name: str) -> Account:
        return self.directory.accounts[f"{name}@demo.test"]

    async def inbox(self, name: str, mailbox: str = "INBOX") -> list[bytes]:
        """The messages of a mailbox, oldest first."""
        mail = await self.world.mail.open(self.account(name))
        box = await mail.select(canonical(mailbox), read_only=True)
        found = []
        async for rows in box.fetch(EVERYTHING, Want.SIZE):
            for row in rows:
                message = await box.open_message(row.uid)
                found.append(bytes(message.view()))
                message.close()
        await box.close()
        await mail.close()
        return found

    async def queued(self) -> list[str]:
        """The recipients that wait in the queue."""
        found = await self.queue.find(Choice()) if self.queue else []
        return sorted(one.address for message in found for one in message.recipients)

    async def close(self) -> None:
        for end in self.ends:
            end.session.close()
        if self.queue is not None:
            self.queue.close()
        if self.lists is not None:
            self.lists.close()
        await self.world.close()
        if self.dns_runs:
            self.dns.stop()
        else:
            self.dns.close()
        self._folder.cleanup()


class MemoryEnd:
    """``transcript.Connection``: what is sent is worked off at once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.welcome()
        self.out = bytearray(session.take_output())
        self.writes = 0

    async def send(self, data: bytes) -> None:
        if self.session.closing:
            return
        self.session.receive(data)
        await self.session.advance()
        self.out += self.session.take_output()
        self.writes += 1
        if self.session.wants_tls:
            self.session.tls_started()

    async def line(self) -> bytes | None:
        end = self.out.find(b"\r\n")
        if end < 0:
            return None if self.session.closing else await asyncio.sleep(10)
        line = bytes(self.out[:end])
        del self.out[: end + 2]
        return line

    async def settle(self) -> bytes:
        return bytes(self.out)

    async def close(self) -> None:
        self.session.close()

    async def talk(self, data: bytes) -> bytes:
        """Send, and give what is answered."""
        self.out.clear()
        await self.send(data)
        return bytes(self.out)
