"""The LDAP servers together: who is behind an address or login, and the account that person has with us.

A person gets an account, a row like any other with ``source`` = ldap, when somebody first logs in or is written to.
From then on the row carries name, plan and quota as the server last told, and the contact data, too (its manager apart;
a photo of ours stays while the server has none). An address that an account or alias of our
own has, or that was removed here, is never taken over. Who disappears from the server can no longer log in; the account
goes on receiving until it is removed here, so that a mistake in the server's data loses no mail.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, update

from optimails.config.directory import DirectorySettings, LdapSettings
from optimails.directory.admin.accounts import insert_account
from optimails.directory.admin.contacts import photo_digest, put_contact, put_photo, read_contact
from optimails.directory.admin.plans import find_plan
from optimails.directory.cache import Cache
from optimails.directory.database import Database
from optimails.directory.ldap import entries
from optimails.directory.ldap.entries import Person
from optimails.directory.ldap.server import Entry, LdapServer
from optimails.directory.resolver import Outside
from optimails.directory.schema import CLOSED, SOURCE_LDAP, account, address, domain
from optimails.model.address import EmailAddress, domain_name
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.model.ids import AccountId
from optimails.model.photo import Photo, read_photo

log = logging.getLogger(__name__)
CACHE = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A person whose password was right."""

    account: AccountId
    seconds: float  # for which that may be believed


class LdapPeople:
    """Used from the event loop; every server has threads of its own."""

    def __init__(self, database: Database, settings: DirectorySettings, servers: Sequence[LdapSettings]) -> None:
        self._database = database
        self._settings = settings
        self._sources = [_Source(_normalised(server)) for server in servers]
        self._by_domain = {name: source for source in self._sources for name in source.settings.domains}

    def knows(self, domain: str) -> bool:
        return domain in self._by_domain

    async def find(self, address: EmailAddress) -> Outside | None:
        """Who has this address or, without its tag, the base address. Raises ``Unavailable``."""
        source = self._by_domain[address.domain]
        for candidate in dict.fromkeys((address, address.base)):
            known = source.cache.get(candidate.key)
            if known is None:
                found = await source.server.run(self._finder(source, candidate))
                if found is None:
                    continue
                known = found
                source.cache.put(candidate.key, known, source.settings.cache_seconds)
            return known
        return None

    async def authenticate(self, address: EmailAddress, password: str) -> Seen | None:
        """The account of who logs in, if the password is right. Raises ``Unavailable``."""
        source = self._by_domain.get(address.domain)
        if source is None or not password or "\0" in password:
            return None

        def work() -> Seen | None:
            person = source.person(entries.login_filter(source.settings, address), by_login=True)
            # Somebody unknown costs a bind as well, so that time does not tell who exists.
            dn = person.dn if person is not None else f"cn={secrets.token_hex(8)},{source.settings.base}"
            right = source.server.bind(dn, password)
            if not right or person is None:
                return None
            account_id = self._account_of(source.settings, person)
            return Seen(account_id, float(source.settings.cache_seconds)) if account_id is not None else None

        return await source.server.run(work)

    def close(self) -> None:
        for source in self._sources:
            source.server.close()

    def _finder(self, source: "_Source", address: EmailAddress) -> Callable[[], Outside | None]:
        def work() -> Outside | None:
            seconds = float(source.settings.cache_seconds)
            person = source.person(entries.address_filter(source.settings, address))
            if person is not None and address.key in {person.address.key, *person.aliases}:
                account_id = self._account_of(source.settings, person)
                return Outside(account_id, (), seconds) if account_id is not None else None
            targets = source.group(address)
            return Outside(None, targets, seconds) if targets else None

        return work

    def _account_of(self, settings: LdapSettings, person: Person) -> AccountId | None:
        """The person's account, made or brought up to date; None where the address is not theirs to have."""
        with self._database.read() as connection:
            row = _row(connection, person.address.key)
            if row is not None:
                if row["source"] != SOURCE_LDAP or row["state"] == CLOSED:
                    return None
                if not _changes(connection, settings, person, row) and not self._news(connection, person, row["id"]):
                    return AccountId(row["id"])
        with self._database.write() as connection:
            row = _row(connection, person.address.key)
            if row is not None:
                values = _changes(connection, settings, person, row)
                if row["source"] == SOURCE_LDAP and values:
                    connection.execute(update(account).where(account.c.id == row["id"]).values(**values))
                if row["source"] == SOURCE_LDAP:
                    self._take(connection, person, row["id"])
                return AccountId(row["id"]) if row["source"] == SOURCE_LDAP else None
            taken = connection.execute(select(address.c.key).where(address.c.key == person.address.key)).first()
            served = connection.execute(select(domain.c.name).where(domain.c.name == person.address.domain)).first()
            if taken is not None or served is None:
                log.warning("ldap_address_taken", extra={"fields": {"address": person.address.key}})
                return None
            values = _wanted(connection, settings, person)
            plan = values.pop("plan")
            account_id = insert_account(connection, person.address, plan, SOURCE_LDAP, values)
            self._take(connection, person, account_id)
            log.info("ldap_account", extra={"fields": {"account": account_id, "address": person.address.key}})
            return account_id

    def _news(self, connection: Connection, person: Person, account_id: str) -> bool:
        """Whether the server knows other contact data, or another photo."""
        if person.contact is None:
            return False
        known = read_contact(connection, account_id)
        if known != replace(person.contact, manager=known.manager):
            return True
        photo = self._photo(person)
        return photo is not None and photo.digest != photo_digest(connection, account_id)

    def _take(self, connection: Connection, person: Person, account_id: str) -> None:
        """Keep what the server knows."""
        if person.contact is not None:
            known = read_contact(connection, account_id)
            put_contact(connection, account_id, replace(person.contact, manager=known.manager))
            photo = self._photo(person)
            if photo is not None:
                put_photo(connection, account_id, photo)

    def _photo(self, person: Person) -> Photo | None:
        """The first that is fit to be shown."""
        for data in person.photos:
            try:
                return read_photo(data, self._settings.max_photo)
            except BadSyntax:
                continue
        return None


class _Source:
    """One server with what we know of it."""

    def __init__(self, settings: LdapSettings) -> None:
        self.settings = settings
        self.server = LdapServer(settings)
        self.cache: Cache[str, Outside] = Cache(CACHE)

    def person(self, query: str, *, by_login: bool = False) -> Person | None:
        """The one person that the filter finds. Raises ``Unavailable``, also when the server's data is ambiguous."""
        # Photos are large: they are read when somebody logs in, not for each mail.
        wanted = entries.attributes(self.settings, photos=by_login)
        found = self.server.search(self.settings.base, query, wanted, limit=2)
        people = [person for entry in found if (person := entries.person(self.settings, entry)) is not None]
        if len(people) > 1:
            log.error("ldap_ambiguous", extra={"fields": {"dns": " | ".join(person.dn for person in people)}})
            if by_login:
                return None
            raise Unavailable("Two people have the same address in LDAP")
        return people[0] if people else None

    def group(self, address: EmailAddress) -> tuple[str, ...]:
        """Addresses of the members of the group that has this address; nothing when there is none."""
        settings = self.settings
        if not settings.group_base:
            return ()
        member, mail = settings.group_member_attribute, settings.group_address_attribute
        query = entries.group_filter(settings, address)
        groups = self.server.search(settings.group_base, query, [member, mail], limit=2)
        members = [dn for group in groups for dn in self._members(group)]
        if len(members) > settings.group_members:
            log.error("ldap_group_too_large", extra={"fields": {"group": address.key, "members": len(members)}})
            raise Refused(Reason.LIMIT, "The group has too many members")
        keys: dict[str, None] = {}
        wanted = list(dict.fromkeys((settings.address_attribute, mail)))
        for dn in members:
            for entry in self.server.search(dn, "(objectClass=*)", wanted, limit=1, one=True):
                found = entries.parse(entry.first(settings.address_attribute) or entry.first(mail))
                if found is not None:
                    keys[found.key] = None
        return tuple(keys)

    def _members(self, group: Entry) -> list[str]:
        """DNs of the members, fetched part by part where the server gives only some at a time."""
        member = self.settings.group_member_attribute
        found, start = entries.ranged(group, member)
        while start is not None and len(found) <= self.settings.group_members:
            wanted = [f"{member};range={start}-*"]
            parts = self.server.search(group.dn, "(objectClass=*)", wanted, limit=1, one=True)
            more, start = entries.ranged(parts[0], member) if parts else ([], None)
            found = found + more
        return found


def _normalised(settings: LdapSettings) -> LdapSettings:
    return settings.model_copy(update={"domains": tuple(domain_name(name) for name in settings.domains)})


def _row(connection: Connection, key: str) -> Any | None:
    query = select(account).join(address, address.c.account == account.c.id).where(address.c.key == key)
    return connection.execute(query).mappings().one_or_none()


def _wanted(connection: Connection, settings: LdapSettings, person: Person) -> dict[str, Any]:
    """The columns as the server has them: a plan that exists, a storage within its bounds."""
    try:
        plan = find_plan(connection, person.plan or settings.default_plan)
    except Refused:
        log.warning("ldap_plan_unknown", extra={"fields": {"dn": person.dn, "plan": person.plan}})
        try:
            plan = find_plan(connection, settings.default_plan)
        except Refused as wrong:
            raise Unavailable(f"The default plan {settings.default_plan} does not exist") from wrong
    storage = person.storage
    if storage is not None:
        storage = max(storage, plan.storage_min or 0)
        storage = min(storage, plan.storage_max) if plan.storage_max is not None else storage
    return {"name": person.name, "plan": plan.id, "storage": storage}


def _changes(connection: Connection, settings: LdapSettings, person: Person, row: Any) -> dict[str, Any]:
    """Columns that differ; plan and storage are ours to change where the server says nothing of them."""
    wanted = _wanted(connection, settings, person)
    if not settings.plan_attribute:
        del wanted["plan"]
    if not settings.quota_attribute:
        del wanted["storage"]
    return {field: value for field, value in wanted.items() if row[field] != value}
