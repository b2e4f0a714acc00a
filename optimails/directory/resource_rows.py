"""Rows about rooms and equipment: into values and back. Blocking, on a connection that sees one state."""

from typing import Any

from sqlalchemy import Connection, Label, RowMapping, delete, insert, select

from optimails.directory.schema import SOURCE_DOMAIN, account, resource
from optimails.model.account import AccountState
from optimails.model.ids import AccountId
from optimails.model.resource import Booking, Resource, ResourceKind

_PREFIX = "resource_"
MAX_LISTED = 500  # of a domain, for programs that look for a room
COLUMNS: tuple[Label[Any], ...] = tuple(
    column.label(_PREFIX + column.name) for column in resource.columns if column.name != "account"
)
"""For statements that join ``resource`` to accounts."""


def of_row(row: RowMapping) -> Resource | None:
    """The resource in a row with ``COLUMNS``; None for people."""
    if row[_PREFIX + "kind"] is None:
        return None
    values = {name: row[_PREFIX + name] for name in Resource.__slots__}
    values["kind"], values["booking"] = ResourceKind(values["kind"]), Booking(values["booking"])
    values["bookers"] = tuple(values["bookers"].split())
    return Resource(**values)


def put(connection: Connection, account_id: str, what: Resource) -> None:
    """In place of what it was before."""
    values = {name: getattr(what, name) for name in Resource.__slots__}
    values |= {"kind": what.kind.value, "booking": what.booking.value, "bookers": " ".join(what.bookers)}
    connection.execute(delete(resource).where(resource.c.account == account_id))
    connection.execute(insert(resource).values(account=account_id, **values))


def of_domain(connection: Connection, name: str) -> list[AccountId]:
    """The rooms and equipment of a domain, by address."""
    query = (
        select(account.c.id)
        .join(resource, resource.c.account == account.c.id)
        .where(account.c.domain == name, account.c.state == AccountState.ACTIVE, account.c.source != SOURCE_DOMAIN)
        .order_by(account.c.local)
        .limit(MAX_LISTED)
    )
    return [AccountId(one) for one in connection.execute(query).scalars()]
