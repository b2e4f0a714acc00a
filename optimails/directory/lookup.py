"""Reading the directory for services: rows in, values out. Blocking, on a connection that sees one state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from optimails.directory import lists, resource_rows
from optimails.directory.passwords import Scram
from optimails.directory.schema import (
    OPEN,
    SOURCE_DOMAIN,
    UNLIMITED,
    account,
    address,
    alias_target,
    app_password,
    directory,
    domain,
    plan,
    resource,
)
from optimails.model.account import Account, AccountState, Entitlements, Feature, Limits, OverQuota, Service
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.model.mailing_list import OWNER

CHUNK = 400  # keys in one statement
LIST = "list"  # stands where accounts stand; no account's id is so short
ROLES = frozenset({"postmaster", "abuse"})  # RFC 5321 §4.5.1, RFC 2142
LIST_ROLES = ("-owner", "-request")  # RFC 2142 §6: behind the name of a list, they are its owners


@dataclass(frozen=True, slots=True)
class AppPassword:
    id: int
    hash: bytes
    services: frozenset[Service]
    last_used: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """An account with what is needed to check who logs in."""

    account: Account
    source: str
    stamp: int  # another one: whatever was believed of these credentials is over
    may_log_in: bool  # active, in a domain that is
    password: str | None  # bcrypt
    scram: Scram | None
    app_passwords: tuple[AppPassword, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """What one address is, looked at alone."""

    local: bool  # its domain is ours
    account: Account | None = None  # whose primary address it is, perhaps with a sub-address; not closed
    targets: tuple[str, ...] = ()  # where the alias leads, or who owns the list when its owners are asked for
    mailing_list: bool = False  # it is one, or a sub-address of one
    fallback: tuple[str, ...] = ()  # who takes it when nobody else knows it: postmaster, catch-all
    taken: bool = False  # known here, as account (perhaps closed) or alias


def limits_of(row: RowMapping) -> Limits:
    """The limits that apply: the account's own before the plan's."""

    def limit(field: str) -> int | None:
        own: int | None = row[field]
        of_plan: int | None = row[f"plan_{field}"]
        return of_plan if own is None else None if own == UNLIMITED else own

    return Limits(
        storage=limit("storage"),
        messages=limit("messages"),
        retention=row["plan_retention"] if row["retention"] is None else row["retention"],
    )


def person(connection: Connection, account_id: AccountId) -> Person | None:
    """The account of that id, closed ones included."""
    row = connection.execute(_people().where(account.c.id == account_id)).mappings().one_or_none()
    if row is None:
        return None
    tokens = connection.execute(select(app_password).where(app_password.c.account == account_id))
    return Person(
        account=_account(row),
        source=row["source"],
        stamp=row["stamp"],
        may_log_in=row["state"] == AccountState.ACTIVE and row["domain_state"] == OPEN,
        password=row["password"],
        scram=Scram(row["scram_salt"], row["scram_iterations"], row["scram_stored"], row["scram_server"])
        if row["scram_salt"] is not None
        else None,
        app_passwords=tuple(
            AppPassword(
                token.id, token.hash, frozenset(Service(name) for name in token.services.split()), token.last_used
            )
            for token in tokens
        ),
    )


def secret(connection: Connection) -> bytes:
    """The directory's own secret, the same in every process."""
    return bytes(connection.execute(select(directory.c.secret)).scalar_one())


def is_open(connection: Connection, name: str) -> bool:
    """Whether the domain is ours and not removed."""
    return connection.execute(select(domain.c.state).where(domain.c.name == name)).scalar() == OPEN


def hits(connection: Connection, wanted: Iterable[EmailAddress]) -> dict[str, Hit]:
    """What each of these addresses is, by key; few statements however many they are."""
    addresses = {mail.key: mail for mail in wanted}
    domains = _open_domains(connection, {mail.domain for mail in addresses.values()})
    local = {key: mail for key, mail in addresses.items() if mail.domain in domains}
    # An address of its own wins over the sub-address of another (RFC 5233 §1 leaves it to us).
    served = {key: of for key, mail in local.items() if (of := _served(mail)) is not None}
    owners = _owners(connection, {*local, *(mail.base.key for mail in local.values()), *served.values()})
    accounts = open_accounts(connection, {AccountId(owner) for owner in owners.values() if owner not in (None, LIST)})
    targets = _targets(connection, {key for key, owner in owners.items() if owner is None})
    owned = lists.owners(connection, [key for key, owner in owners.items() if owner is LIST])
    found = dict.fromkeys(addresses, Hit(local=False))
    for key, mail in local.items():
        at = key if key in owners else mail.base.key
        if at in owned:
            asked = at != key and mail.tag.lower() == OWNER
            people = owned[at] or _postmaster(connection, mail.domain, domains[mail.domain]) if asked else ()
            found[key] = Hit(local=True, targets=people, mailing_list=not asked, taken=True)
        elif at not in owners and served.get(key) in owned:
            people = owned[served[key]] or _postmaster(connection, mail.domain, domains[mail.domain])
            found[key] = Hit(local=True, targets=people, taken=True)
        elif at in owners:
            owner = owners[at]
            holder = accounts.get(AccountId(owner)) if owner is not None else None
            found[key] = Hit(local=True, account=holder, targets=targets.get(at, ()), taken=True)
        else:
            found[key] = Hit(local=True, fallback=_fallback(connection, mail, domains[mail.domain]))
    return found


def _served(mail: EmailAddress) -> str | None:
    """The key of the list whose owners the address would be, if there is such a list."""
    for role in LIST_ROLES:
        name = mail.base.key.rpartition("@")[0]
        if name.endswith(role) and len(name) > len(role):
            return f"{name.removesuffix(role)}@{mail.domain}"
    return None


def _people() -> Select[Any]:
    return (
        select(
            account,
            plan.c.storage.label("plan_storage"),
            plan.c.messages.label("plan_messages"),
            plan.c.retention.label("plan_retention"),
            plan.c.features.label("plan_features"),
            plan.c.family.label("plan_family"),
            domain.c.state.label("domain_state"),
            domain.c.free_busy.label("domain_free_busy"),
            *resource_rows.COLUMNS,
        )
        .join(plan, plan.c.id == account.c.plan)
        .join(domain, domain.c.name == account.c.domain)
        .outerjoin(resource, resource.c.account == account.c.id)
    )


def _account(row: RowMapping) -> Account:
    return Account(
        id=AccountId(row["id"]),
        address=EmailAddress(row["local"], row["domain"]),
        plan=row["plan"],
        state=AccountState(row["state"]),
        limits=limits_of(row),
        name=row["name"],
        language=row["language"],
        over_quota=OverQuota(row["over_quota"]),
        forward=forward_of(row),
        forward_copy=row["forward_copy"],
        entitlements=Entitlements(features_of(row["plan_features"]), row["plan_family"]),
        shows_busy=row["domain_free_busy"] if row["free_busy"] is None else row["free_busy"],
        resource=resource_rows.of_row(row),
        domain_folders=row["source"] == SOURCE_DOMAIN,
        stamp=row["stamp"],
    )


def features_of(words: str) -> frozenset[Feature]:
    """From the column of a plan; a word of a newer program says nothing to this one."""
    known = {feature.value: feature for feature in Feature}
    return frozenset(known[word] for word in words.split() if word in known)


def forward_of(row: RowMapping) -> tuple[EmailAddress, ...]:
    """The addresses that an account's mail is sent on to."""
    lines = (row["forward"] or "").splitlines()
    return tuple(EmailAddress(*line.rpartition("@")[::2]) for line in lines)


def _chunks(keys: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(keys)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def _open_domains(connection: Connection, names: set[str]) -> dict[str, tuple[str | None, str | None]]:
    found: dict[str, tuple[str | None, str | None]] = {}
    for chunk in _chunks(names):
        query = select(domain.c.name, domain.c.postmaster, domain.c.catch_all)
        rows = connection.execute(query.where(domain.c.name.in_(chunk), domain.c.state == OPEN))
        found.update({name: (postmaster, catch_all) for name, postmaster, catch_all in rows})
    return found


def _owners(connection: Connection, keys: set[str]) -> dict[str, str | None]:
    """The account that has each of these, None for an alias, ``LIST`` for a list."""
    found: dict[str, str | None] = {}
    for chunk in _chunks(keys):
        query = select(address.c.key, address.c.account, address.c.list).where(address.c.key.in_(chunk))
        found.update({key: LIST if is_list else owner for key, owner, is_list in connection.execute(query)})
    return found


def open_accounts(connection: Connection, ids: set[AccountId]) -> dict[AccountId, Account]:
    """Those of these accounts that are not closed."""
    found: dict[AccountId, Account] = {}
    for chunk in _chunks(ids):
        query = _people().where(account.c.id.in_(chunk), account.c.state != AccountState.CLOSED)
        found.update({AccountId(row["id"]): _account(row) for row in connection.execute(query).mappings()})
    return found


def _targets(connection: Connection, aliases: set[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for chunk in _chunks(aliases):
        query = select(alias_target.c.alias, alias_target.c.target).where(alias_target.c.alias.in_(chunk))
        for alias, target in connection.execute(query.order_by(alias_target.c.alias, alias_target.c.position)):
            found.setdefault(alias, []).append(target)
    return {alias: tuple(targets) for alias, targets in found.items()}


def _postmaster(connection: Connection, name: str, of_domain: tuple[str | None, str | None]) -> tuple[str, ...]:
    """Who cares for a list without owners."""
    mail = EmailAddress("postmaster", name)
    return (mail.key,) if _owners(connection, {mail.key}) else _fallback(connection, mail, of_domain)


def _fallback(connection: Connection, mail: EmailAddress, of_domain: tuple[str | None, str | None]) -> tuple[str, ...]:
    postmaster, catch_all = of_domain
    if mail.base.local.lower() not in ROLES:
        return (catch_all,) if catch_all else ()
    if postmaster:
        return (postmaster,)
    first = connection.execute(
        select(account.c.local, account.c.domain)
        .where(
            account.c.domain == mail.domain,
            account.c.state != AccountState.CLOSED,
            account.c.source != SOURCE_DOMAIN,
        )
        .order_by(account.c.created, account.c.local)
        .limit(1)
    ).one_or_none()
    return (EmailAddress(first.local, first.domain).key,) if first else ()
