"""Reading everybody whom a domain's address book shows. Blocking, on a connection that sees one state."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from optimails.directory import lists, resource_rows
from optimails.directory.schema import SOURCE_DOMAIN, account, address, alias_target, contact, photo, resource
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry, EntryKind
from optimails.model.contact import FIELDS, Contact
from optimails.model.photo import Photo

CHUNK = 100  # photos in one statement


def entries(connection: Connection, of_domain: str) -> tuple[CompanyEntry, ...]:
    """Accounts that are not closed, aliases and lists. An alias of one of these accounts is one more address of it.

    Hidden addresses are left out, and with an account's own address the whole entry.
    """
    hidden = set(
        connection.execute(select(address.c.key).where(address.c.domain == of_domain, address.c.hidden)).scalars()
    )
    people = _people(connection, of_domain)
    also: dict[str, list[str]] = {}
    found = []
    for alias, targets in _aliases(connection, of_domain).items():
        if alias in hidden:
            continue
        if len(targets) == 1 and targets[0] in people:
            also.setdefault(targets[0], []).append(alias)
        else:
            found.append(CompanyEntry(f"alias:{alias}", alias.rpartition("@")[0], (alias,), kind=EntryKind.ALIAS))
    for key, entry in people.items():
        if key not in hidden:
            found.append(replace(entry, addresses=(*entry.addresses, *sorted(also.get(key, ())))))
    for one in lists.lists(connection, of_domain=of_domain):
        if one.key not in hidden:
            name = one.name or one.address.local
            found.append(CompanyEntry(f"list:{one.key}", name, (str(one.address),), one.description, EntryKind.LIST))
    return tuple(sorted(found, key=lambda one: one.id))


def aliases_of(connection: Connection, key: str) -> list[str]:
    """The aliases that lead to this address and to no other, of all domains."""
    target = alias_target.alias("one")
    query = (
        select(alias_target.c.alias)
        .join(target, target.c.alias == alias_target.c.alias)
        .where(alias_target.c.target == key)
        .group_by(alias_target.c.alias)
        .having(func.count() == 1)
        .order_by(alias_target.c.alias)
    )
    return list(connection.execute(query).scalars())


def photos(connection: Connection, ids: Sequence[str]) -> dict[str, Photo]:
    """The pictures of these entries, of those that have one."""
    found = {}
    for start in range(0, len(ids), CHUNK):
        query = select(photo.c.account, photo.c.kind, photo.c.data)
        for row in connection.execute(query.where(photo.c.account.in_(ids[start : start + CHUNK]))):
            found[row.account] = Photo(row.kind, row.data)
    return found


def _people(connection: Connection, of_domain: str) -> dict[str, CompanyEntry]:
    """By the key of the address."""
    query = (
        select(
            account.c.id,
            account.c.local,
            account.c.domain,
            account.c.name,
            photo.c.digest,
            contact,
            *resource_rows.COLUMNS,
        )
        .select_from(account)
        .outerjoin(contact, contact.c.account == account.c.id)
        .outerjoin(photo, photo.c.account == account.c.id)
        .outerjoin(resource, resource.c.account == account.c.id)
        .where(account.c.domain == of_domain, account.c.state != AccountState.CLOSED, account.c.source != SOURCE_DOMAIN)
    )
    found = {}
    for row in connection.execute(query).mappings():
        own = EmailAddress(row["local"], row["domain"])
        known = Contact(**{name: row[name] or "" for name in FIELDS})
        name = row["name"] or f"{known.given_name} {known.family_name}".strip() or row["local"]
        entry = CompanyEntry(row["id"], name, (str(own),), contact=known, photo=row["digest"] or "")
        what = resource_rows.of_row(row)
        if what is not None:
            kind = EntryKind(what.kind.value)
            entry = replace(entry, kind=kind, note=what.description, capacity=what.capacity)
        found[own.key] = entry
    return found


def _aliases(connection: Connection, of_domain: str) -> dict[str, list[str]]:
    rows = connection.execute(
        select(alias_target.c.alias, alias_target.c.target)
        .join(address, address.c.key == alias_target.c.alias)
        .where(address.c.domain == of_domain)
        .order_by(alias_target.c.alias, alias_target.c.position)
    )
    found: dict[str, list[str]] = {}
    for alias, target in rows:
        found.setdefault(alias, []).append(target)
    return found
