"""The directory of this host: database, caches, and LDAP servers behind one face.

**Caches and changes.** Services ask the same few things all day: who logs in, where mail for an address goes. Both are
answered from memory, and a change by any process must show at the very next question. So every question first gets the
directory's version (``Version``: microseconds on SQLite), and what was looked up is good for that version only. A
verified password survives other people's changes: after one, the account's row is read again and its ``stamp``
compared, which costs a row and not a bcrypt.

The version is read before the rows. Rows that are newer than it only make the next question read again.

**Threads.** The event loop runs no statement but the version's; rows are read in a few threads, bcrypt has its own.
"""

import asyncio
import contextlib
import hmac
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, update

from optimails.config.directory import DirectorySettings, LdapSettings
from optimails.directory import company, lists, lookup, passwords, published, resource_rows
from optimails.directory.api import Resolution, ScramKeys
from optimails.directory.cache import Cache
from optimails.directory.database import Database
from optimails.directory.expansion import Expander
from optimails.directory.ldap.people import LdapPeople
from optimails.directory.lookup import AppPassword, Person
from optimails.directory.resolver import Found, Resolver, parse
from optimails.directory.rights import LocalRights
from optimails.directory.schema import SOURCE_LDAP, app_password
from optimails.directory.verifier import Verified, Verifier
from optimails.directory.version import Version
from optimails.model.account import Account, AccountState, Service
from optimails.model.address import EmailAddress, domain_name
from optimails.model.company import CompanyEntry
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.model.ids import AccountId
from optimails.model.mailing_list import Expansion, MailingList
from optimails.model.photo import Photo
from optimails.model.published import Published
from optimails.model.rights import SendRight

T = TypeVar("T")
DAY = 86_400
LISTS = 10_000  # whose settings one process remembers
EXPANSIONS = 50  # lists whose members it remembers
EXPANSION_SECONDS = 60.0  # people of an LDAP server may change without our version doing so


class LocalDirectory:
    """Implements ``optimails.directory.api.Directory``; one per process, used from its event loop."""

    def __init__(self, database: Database, settings: DirectorySettings, ldap: Sequence[LdapSettings] = ()) -> None:
        self.scram = settings.scram and not ldap
        """Whether every account with a password can log in by SCRAM."""
        self._database = database
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.pool_size, "directory")
        self._version = Version(database, self._threads)
        self._ldap = LdapPeople(database, settings, ldap) if ldap else None
        self._resolver = Resolver(self._read, settings, self._ldap)
        self._expander = Expander(self._read, settings, self._resolver)
        self._verifier = Verifier(
            threads=settings.bcrypt_threads, cost=settings.bcrypt_cost, cache_size=settings.credential_cache_size
        )
        size = settings.lookup_cache_size
        self.rights = LocalRights(
            database, self._threads, self._current, self.account, depth=settings.alias_depth, cache_size=size
        )
        self._cached_version = -1
        self._people: Cache[AccountId, Person] = Cache(size)
        self._logins: Cache[str, AccountId] = Cache(size)
        self._found: Cache[str, Found] = Cache(size)
        self._domains: Cache[str, bool] = Cache(size)
        self._lists: dict[str, MailingList | None] = {}
        self._expansions: Cache[str, Expansion] = Cache(EXPANSIONS)
        self._checks: dict[tuple[bytes, int], asyncio.Task[Account]] = {}
        self._secret: bytes | None = None
        self._errands: set[asyncio.Future[None]] = set()

    async def authenticate(self, login: str, password: str, service: Service) -> Account:
        ticket = self._verifier.ticket(login, service, password)
        version = await self._current()
        known = self._verifier.remembered.get(ticket)
        if known is not None:
            if known.version == version:
                return known.account
            person = await self._person(known.account.id, version)
            if person is not None and person.may_log_in and person.stamp == known.stamp:
                again = Verified(person.account, person.stamp, version, known.own_password)
                self._verifier.remembered.replace(ticket, again)
                return person.account
            self._verifier.remembered.forget(ticket)
        # Connections of one program that log in at the same moment share one check.
        check = self._checks.get((ticket, version))
        if check is None:
            check = asyncio.create_task(self._check(login, password, service, ticket, version))
            self._checks[ticket, version] = check
            check.add_done_callback(lambda done: self._checked((ticket, version), done))
        # A client that goes away must not take the others' check with it.
        return await asyncio.shield(check)

    async def scram_keys(self, login: str, service: Service) -> ScramKeys:
        del service
        version = await self._current()
        person = await self._login(login, version)
        if person is not None and person.scram is not None:
            keys = person.scram
            return ScramKeys(keys.salt, keys.iterations, keys.stored, keys.server, real=person.may_log_in)
        if self._secret is None:
            self._secret = await self._read(lookup.secret)
        # RFC 5802 §9: an unknown login must look like any other, today and tomorrow.
        name = self._login_key(login) or login
        made_up = hmac.digest(self._secret, name.encode("utf-8", "surrogatepass"), "sha512")
        return ScramKeys(made_up[:16], self._settings.scram_iterations, made_up[16:48], made_up[32:], real=False)

    async def scram_account(self, login: str, service: Service) -> Account:
        del service
        person = await self._login(login, await self._current())
        if person is None or person.scram is None or not person.may_log_in:
            raise _failed()
        return person.account

    async def account(self, account_id: AccountId) -> Account | None:
        person = await self._person(account_id, await self._current())
        return person.account if person is not None else None

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        found = await self._resolve(recipient)
        if not found.local:
            raise Refused(Reason.CANNOT, "The domain is not served here")
        if found.resolution is None:
            raise Refused(Reason.NON_EXISTENT, "No such user here")
        return found.resolution

    async def is_local(self, domain: str) -> bool:
        try:
            name = domain_name(domain)
        except BadSyntax:
            return False
        version = await self._current()
        known = self._domains.get(name)
        if known is None:
            known = await self._read(lambda connection: lookup.is_open(connection, name))
            if version == self._cached_version:
                self._domains.put(name, known)
        return known

    async def company(self, domain: str, known: int) -> tuple[int, tuple[CompanyEntry, ...] | None]:
        version = await self._current()
        if version == known:
            return version, None
        return version, await self._read(lambda connection: company.entries(connection, domain))

    async def addresses(self, account: Account) -> list[EmailAddress]:
        key = account.address.key
        also = await self._read(lambda connection: company.aliases_of(connection, key))
        return [account.address, *map(EmailAddress.parse, also)]

    async def photos(self, ids: Sequence[str]) -> dict[str, Photo]:
        return await self._read(lambda connection: company.photos(connection, ids))

    async def resources(self, domain: str) -> list[Account]:
        def read(connection: Connection) -> list[Account]:
            ids = resource_rows.of_domain(connection, domain)
            found = lookup.open_accounts(connection, set(ids))
            return [found[one] for one in ids if one in found]

        return await self._read(read)

    async def published(self, name: str) -> Published | None:
        return await self._read(lambda connection: published.find(connection, name))

    async def may_send_as(self, account: Account, sender: EmailAddress) -> bool:
        right, _ = await self.send_right(account, sender)
        return right is not SendRight.NO

    async def send_right(self, account: Account, address: EmailAddress) -> tuple[SendRight, Account | None]:
        """Its own address, with any sub-address, every alias that leads to it, and lists that it owns; not what falls
        to it by default.

        Of others: the addresses that lead to one account alone, which lets it and may itself send: not in the name of
        one that is suspended.
        """
        if account.address.key in (address.key, address.base.key):
            return SendRight.OWN, None
        found = await self._resolve(address)
        if not found.local or found.by_default or found.resolution is None:
            return SendRight.NO, None
        holders = found.resolution.accounts
        if any(holder.id == account.id for holder in holders):
            return SendRight.OWN, None
        exact = next((one for one in found.resolution.lists if one.key == address.key and not one.tag), None)
        if exact is not None:
            return (SendRight.OWN if await self._owns(account, exact) else SendRight.NO), None
        if len(holders) != 1 or found.resolution.remote or holders[0].state is not AccountState.ACTIVE:
            return SendRight.NO, None
        return await self.rights.send_right(account.id, holders[0].id), holders[0]

    async def _owns(self, account: Account, address: EmailAddress) -> bool:
        """Whether the account is an owner of the list, by any of its addresses."""
        of = await self.mailing_list(address)
        for owner in of.owners if of is not None else ():
            if owner == account.address.key:
                return True
            found = await self._resolve(parse(owner))
            if found.resolution is not None and [one.id for one in found.resolution.accounts] == [account.id]:
                return True
        return False

    async def mailing_list(self, address: EmailAddress) -> MailingList | None:
        version = await self._current()
        key = address.base.key
        if key not in self._lists:
            found = await self._read(lambda connection: lists.open_list(connection, key))
            if version != self._cached_version:
                return found
            if len(self._lists) >= LISTS:
                self._lists.clear()
            self._lists[key] = found
        return self._lists[key]

    async def expand(self, key: str) -> Expansion:
        of = await self.mailing_list(parse(key))
        if of is None:
            raise Refused(Reason.NON_EXISTENT, "There is no such list")
        version = await self._current()
        known = self._expansions.get(of.key)
        if known is None:
            known = await self._expander.expand(of)
            if version == self._cached_version:
                self._expansions.put(of.key, known, EXPANSION_SECONDS)
        return known

    async def close(self) -> None:
        """Wait for what is under way, and close everything but the database."""
        while self._errands:
            await asyncio.wait(set(self._errands))
        self._verifier.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._ldap is not None:
            self._ldap.close()

    # -- what is behind ------------------------------------------------------------------------------------------------

    async def _read(self, question: "Callable[..., T]") -> T:
        def ask() -> T:
            with self._database.read() as connection:
                return question(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    async def _current(self) -> int:
        """The directory's version; what was looked up for another one is forgotten."""
        version = await self._version.now()
        if version != self._cached_version:
            for cache in (self._people, self._logins, self._found, self._domains, self._lists, self._expansions):
                cache.clear()
            self._cached_version = version
        return version

    async def _person(self, account_id: AccountId, version: int) -> Person | None:
        person = self._people.get(account_id)
        if person is None:
            person = await self._read(lambda connection: lookup.person(connection, account_id))
            if person is not None and version == self._cached_version:
                self._people.put(account_id, person)
        return person

    def _login_key(self, login: str) -> str | None:
        address = self._login_address(login)
        return address.key if address is not None else None

    def _login_address(self, login: str) -> EmailAddress | None:
        login = login.strip()
        if "@" not in login and self._settings.default_domain:
            login = f"{login}@{self._settings.default_domain}"
        try:
            login.encode()  # a lone surrogate is no text, and no database takes it
            return EmailAddress.parse(login)
        except (BadSyntax, UnicodeEncodeError):
            return None

    async def _login(self, login: str, version: int) -> Person | None:
        """Who logs in under that name: a primary address, or an alias of one account. A tag is no part of a login."""
        address = self._login_address(login)
        if address is None:
            return None
        account_id = self._logins.get(address.key)
        if account_id is None:
            account_id = await self._resolver.login(address)
            if account_id is None:
                return None
            if version == self._cached_version:
                self._logins.put(address.key, account_id)
        return await self._person(account_id, version)

    async def _resolve(self, address: EmailAddress) -> Found:
        version = await self._current()
        found = self._found.get(address.key)
        if found is None:
            found = await self._resolver.find(address)
            # "No such user" is not remembered: it costs little to look again, and much to be wrong.
            if version == self._cached_version and found.resolution is not None:
                self._found.put(address.key, found, found.seconds)
        return found

    async def _check(self, login: str, password: str, service: Service, ticket: bytes, version: int) -> Account:
        person = await self._login(login, version)
        address = self._login_address(login)
        seconds = float(self._settings.credential_cache_seconds)
        token = _app_password(person, password) if person is not None else None
        if token is not None and person is not None:
            right = service in token.services
            self._note_use(token)
        elif self._ldap is not None and address is not None and self._is_ldap(person, address):
            # Somebody who is known logs in as who they are there, whatever alias they typed.
            seen = await self._ldap.authenticate(person.account.address if person is not None else address, password)
            right = seen is not None
            if seen is not None:
                seconds = min(seconds, seen.seconds)
                # The account may be new, or changed by what the server says of it.
                person = await self._person(seen.account, await self._current())
        else:
            right = await self._verifier.check(password, person.password if person is not None else None)
        if person is None or not right or not person.may_log_in:
            raise _failed()
        verified = Verified(person.account, person.stamp, version, own_password=token is None)
        self._verifier.remembered.put(ticket, verified, seconds)
        return person.account

    def _checked(self, key: tuple[bytes, int], check: asyncio.Task[Account]) -> None:
        del self._checks[key]
        if not check.cancelled():
            check.exception()  # seen by those who wait; nobody may be left

    def _is_ldap(self, person: Person | None, address: EmailAddress) -> bool:
        """Whether an LDAP server knows the password."""
        if person is not None:
            return person.source == SOURCE_LDAP
        return self._ldap is not None and self._ldap.knows(address.domain)

    def _note_use(self, token: AppPassword) -> None:
        """Write the day of the last use, once a day and not in the way of the login."""
        today = int(time.time()) // DAY * DAY
        if token.last_used == today:
            return

        def write() -> None:
            # A note that fails is no reason to complain: the next login writes it.
            with contextlib.suppress(Unavailable), self._database.write(visible=False) as connection:
                connection.execute(update(app_password).where(app_password.c.id == token.id).values(last_used=today))

        errand = asyncio.get_running_loop().run_in_executor(self._threads, write)
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)


def _app_password(person: Person, password: str) -> AppPassword | None:
    if not person.app_passwords:
        return None
    hashed = passwords.token_hash(password)
    if hashed is None:
        return None
    return next((token for token in person.app_passwords if hmac.compare_digest(token.hash, hashed)), None)


def _failed() -> Refused:
    # One text for every reason: nobody learns which addresses exist (or are suspended) by trying to log in.
    return Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
