"""Rooms and equipment."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from optimails.directory import lookup, resource_rows
from optimails.directory.admin.accounts import claim, insert_account
from optimails.directory.admin.base import (
    Base,
    find_account,
    open_domain,
    refused,
    valid_address,
    valid_domain,
    valid_text,
)
from optimails.directory.admin.plans import find_plan
from optimails.directory.schema import SOURCE_LOCAL, account, resource
from optimails.model.account import Account, AccountState
from optimails.model.errors import Reason
from optimails.model.ids import AccountId
from optimails.model.resource import Resource

MAX_CAPACITY, MAX_MINUTES, MAX_DAYS = 1_000_000, 527_040, 3_660
MAX_BOOKERS = 200


class Resources(Base):
    def resource_add(self, mail: str, what: Resource, *, name: str = "", plan: str = "basic") -> Account:
        """A new account that nobody logs in to."""
        where, values = valid_address(mail), {"name": valid_text(name, "name")}
        _check(what)
        with self.database.write() as connection:
            open_domain(connection, where.domain)
            find_plan(connection, plan)
            claim(connection, where, self.settings.keep_removed_days)
            made = insert_account(connection, where, plan, SOURCE_LOCAL, values)
            resource_rows.put(connection, made, what)
            return _account(connection, made)

    def resource_set(self, which: str, *, name: str | None = None, **values: Any) -> Account:
        """Change some of the values of ``Resource``."""
        with self.database.write() as connection:
            found = _found(connection, which)
            assert found.resource is not None
            what = replace(found.resource, **values)
            _check(what)
            resource_rows.put(connection, found.id, what)
            if name is not None:
                wanted = account.c.id == found.id
                connection.execute(update(account).where(wanted).values(name=valid_text(name, "name")))
            return _account(connection, found.id)

    def resource_get(self, which: str) -> Account:
        with self.database.read() as connection:
            return _found(connection, which)

    def resource_list(self, domain: str | None = None) -> list[Account]:
        """By address; removed ones are not among them."""
        query = select(account.c.id).join(resource, resource.c.account == account.c.id)
        query = query.where(account.c.state != AccountState.CLOSED).order_by(account.c.domain, account.c.local)
        if domain is not None:
            query = query.where(account.c.domain == valid_domain(domain))
        with self.database.read() as connection:
            found = lookup.open_accounts(connection, set(connection.execute(query).scalars()))
        return sorted(found.values(), key=lambda one: (one.address.domain, one.address.local))


def _account(connection: Any, identity: AccountId) -> Account:
    person = lookup.person(connection, identity)
    assert person is not None
    return person.account


def _found(connection: Any, which: str) -> Account:
    found = _account(connection, AccountId(find_account(connection, which)["id"]))
    if found.resource is None:
        raise refused(f"{which} is neither a room nor equipment", Reason.NON_EXISTENT)
    return found


def _check(what: Resource) -> None:
    valid_text(what.description, "description")
    bounds = (
        ("capacity", what.capacity, 1, MAX_CAPACITY),
        ("duration", what.max_duration, 1, MAX_MINUTES),
        ("horizon", what.horizon, 1, MAX_DAYS),
        ("conflicts", what.conflicts, 0, 100),
    )
    for field, value, least, most in bounds:
        if value is not None and not least <= value <= most:
            raise refused(f"{field} must be from {least} to {most}")
    if len(what.bookers) > MAX_BOOKERS:
        raise refused(f"At most {MAX_BOOKERS} may be named who book it")
