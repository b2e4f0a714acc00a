"""Reading what is published under secret addresses. Blocking, on a connection that sees one state."""

from sqlalchemy import Connection, select

from optimails.directory import lookup
from optimails.directory.schema import secret_address
from optimails.model.account import AccountState
from optimails.model.ids import AccountId
from optimails.model.published import Published


def find(connection: Connection, name: str) -> Published | None:
    """What the address of that name stands for; None for an unknown one, and for closed accounts."""
    row = connection.execute(select(secret_address).where(secret_address.c.name == name)).one_or_none()
    person = lookup.person(connection, AccountId(row.account)) if row is not None else None
    if row is None or person is None or person.account.state is AccountState.CLOSED:
        return None
    return Published(person.account, row.object, row.details)
