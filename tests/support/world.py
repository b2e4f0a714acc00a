"""A small world in memory for sessions of any door: two accounts, real mailboxes over in-memory files and index."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field, replace

from optimails.acl.bundles import send_of
from optimails.config import Config
from optimails.config.login import LoginSettings
from optimails.directory.api import Resolution, ScramKeys
from optimails.door.connections import Connections
from optimails.door.context import Services
from optimails.door.guard import Guard
from optimails.door.login import Login
from optimails.door.sessions import Sessions
from optimails.events.api import Kind
from optimails.events.memory import MemoryBus
from optimails.mailbox.service import LocalMailService
from optimails.model.account import Account, AccountState, Entitlements, Feature, Limits, Service
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.ids import AccountId
from optimails.model.rights import (
    STANDARD,
    Answer,
    Bundle,
    Delegation,
    Entry,
    Identifier,
    Object,
    SendRight,
    Who,
    parse_rights,
)
from optimails.model.rights import Kind as RightsOn
from optimails.store.memory import MemoryFiles
from tests.support.memory_rights import MemoryRights

PASSWORDS = {"alice@demo.test": "secret", "bob@demo.test": "büro 1"}
PLANS = {
    "none": Entitlements(),
    "basic": Entitlements(frozenset({Feature.SHARED_FOLDERS, Feature.DELEGATION}), "optimails"),
    "premium": Entitlements(frozenset(Feature), "optimails"),
    "shex": Entitlements(frozenset(Feature), "exchange"),
}
SALT, ROUNDS = b"salt for tests", 4096


class MemoryDirectory:
    """The directory's interface over a dictionary; ``away`` makes it unreachable."""

    def __init__(self) -> None:
        limits = Limits(10 * 1024 * 1024, 1000, 30)
        self.away = False
        self.accounts = {
            address: Account(
                AccountId(f"{number:032x}"), EmailAddress.parse(address), "basic", AccountState.ACTIVE, limits,
                entitlements=PLANS["premium"],
            )
            for number, address in enumerate(PASSWORDS, 1)
        }  # fmt: skip
        self.rights = MemoryRights(self.accounts, lambda: self.away)

    def _known(self, login: str) -> Account:
        if self.away:
            raise Unavailable("The directory is away")
        login = login if "@" in login else f"{login}@demo.test"
        account = self.accounts.get(login.lower())
        if account is None or account.state is not AccountState.ACTIVE:
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        return account

    async def authenticate(self, login: str, password: str, service: Service) -> Account:
        account = self._known(login)
        if PASSWORDS[account.address.key] != password:
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        return account

    async def scram_keys(self, login: str, service: Service) -> ScramKeys:
        try:
            password, real = PASSWORDS[self._known(login).address.key], True
        except Refused:
            password, real = "", False
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ROUNDS)
        client = hmac.digest(salted, b"Client Key", "sha256")
        server = hmac.digest(salted, b"Server Key", "sha256")
        return ScramKeys(SALT, ROUNDS, hashlib.sha256(client).digest(), server, real)

    async def scram_account(self, login: str, service: Service) -> Account:
        return self._known(login)

    async def account(self, account_id: AccountId) -> Account | None:
        if self.away:
            raise Unavailable("The directory is away")
        return next((account for account in self.accounts.values() if account.id == account_id), None)

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        if recipient.domain != "demo.test":
            raise Refused(Reason.CANNOT, "Relaying is not possible")
        account = self.accounts.get(recipient.base.key)
        if account is None:
            raise Refused(Reason.NON_EXISTENT, "No such user")
        return Resolution((account,))

    async def is_local(self, domain: str) -> bool:
        return domain == "demo.test"

    async def may_send_as(self, account: Account, sender: EmailAddress) -> bool:
        return (await self.send_right(account, sender))[0] is not SendRight.NO

    async def send_right(self, account: Account, address: EmailAddress) -> tuple[SendRight, Account | None]:
        holder = self.accounts.get(address.key)
        if address.key == account.address.key or holder is None:
            return (SendRight.NO if holder is None else SendRight.OWN), None
        return await self.rights.send_right(account.id, holder.id), holder

    def change(self, login: str, **values: object) -> None:
        """Other values for an account."""
        self.accounts[f"{login}@demo.test"] = replace(self.accounts[f"{login}@demo.test"], **values)

    def limit(self, login: str, **limits: int | None) -> None:
        """Other limits for the account, from its next log-in on."""
        self.change(login, limits=replace(self.accounts[f"{login}@demo.test"].limits, **limits))


class MemoryAudit:
    """``lines`` are (actor, act, subject, details)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, dict[str, str]]] = []

    def record(self, actor: str, via: str, act: str, subject: str, details: dict[str, str]) -> None:
        assert via in ("imap", "submission")
        self.lines.append((actor, act, subject, {name: value for name, value in details.items() if name != "session"}))


@dataclass
class World:
    """What the sessions of a test share. Close it in the event loop it was used in."""

    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    files: dict[AccountId, MemoryFiles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bus = MemoryBus()
        self.audit = MemoryAudit()
        self.mail = LocalMailService(self._place, self.bus, directory=self.directory, audit=self.audit)
        self.login = Login(self.directory, Guard(LoginSettings(delay_seconds=0)))
        self.sessions = self.limited()
        self.events = None  # scripts that wait for what users do by IMAP

    def limited(self, **limits: int) -> Sessions:
        """The registry of sessions, with other limits of connections."""
        return Sessions(Connections(LoginSettings(**limits)), self.directory, self.mail, self.bus)

    def services(self, config: Config, *, delivery: object = None, tls: object = None) -> Services:
        """What a door's factory is given."""
        sessions = self.sessions
        return Services(
            config, self.directory, self.mail, delivery, self.login, tls, sessions.connections, sessions, self.bus
        )

    def change(self, login: str, **values: object) -> None:
        """Other values for an account; everybody is told, as the command line does."""
        self.directory.change(login, **values)
        self.bus.publish_account(self.directory.accounts[f"{login}@demo.test"].id)

    def delegate(self, owner: str, delegate: str, bundle: str, seconds: int | None = None) -> None:
        """Let one act for the other, perhaps for so many seconds only; everybody is told."""
        whose, who = (self.directory.accounts[f"{name}@demo.test"].id for name in (owner, delegate))
        ends = None if seconds is None else int(time.time()) + seconds
        given = Delegation(whose, who, Bundle(bundle), send_of(Bundle(bundle)), ends=ends)
        rights = self.directory.rights
        rights.delegations = [one for one in rights.delegations if (one.owner, one.delegate) != (whose, who)] + [given]
        self.bus.publish_account(whose, Kind.RIGHTS)

    def refuse(self, who: str, owner: str) -> None:
        """Somebody refuses all that the other offers."""
        rights, viewer = self.directory.rights, self.directory.accounts[f"{who}@demo.test"].id
        whose = self.directory.accounts[f"{owner}@demo.test"].id
        for on in [on for identity, on in rights.entries if identity == whose] + [None]:
            rights.given_answers[viewer, whose, on] = Answer.REFUSED

    async def folders(self, name: str) -> None:
        """A folder of the domain, which bob may do everything with and everybody may read."""
        rights = self.directory.rights
        owner = replace(
            self.directory.accounts["alice@demo.test"], id=AccountId("f" * 32),
            address=EmailAddress("shared-folders", "demo.test"), domain_folders=True,
        )  # fmt: skip
        self.directory.accounts[str(owner.address)] = owner
        async with await self.mail.open(owner) as mail:
            on = Object(RightsOn.MAILBOX, (await mail.create(name)).object_id)
        bob = Identifier(Who.USER, self.directory.accounts["bob@demo.test"].id)
        await rights.put_entry(owner.id, on, Entry(bob, STANDARD))
        await rights.put_entry(owner.id, on, Entry(Identifier(Who.ANYONE, "demo.test"), parse_rights("lr")))

    def _place(self, account: AccountId) -> tuple[MemoryFiles, None]:
        return self.files.setdefault(account, MemoryFiles()), None

    async def close(self) -> None:
        self.sessions.close()
        await self.mail.close()


def scram_first(login: str) -> bytes:
    return f"n,,n={login},r=rOprNGfwEbeRWgbNEkqO".encode()


def scram_final(challenge: bytes, login: str, password: str) -> bytes:
    """The client's proof (RFC 5802 §3)."""
    server = dict(item.split("=", 1) for item in challenge.decode().split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(server["s"]), int(server["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    bare = f"c=biws,r={server['r']}"
    signed = f"{scram_first(login)[3:].decode()},{challenge.decode()},{bare}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
    return f"{bare},p={base64.b64encode(proof).decode()}".encode()
