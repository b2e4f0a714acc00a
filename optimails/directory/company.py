"""Reading everybody whom a domain's address book shows. Blocking, on a connection that sees one state."""

from sqlalchemy import Connection, select

from optimails.directory import lists
from optimails.directory.schema import SOURCE_DOMAIN, account, address, alias_target
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry


def entries(connection: Connection, of_domain: str) -> tuple[CompanyEntry, ...]:
    """Accounts that are not closed, aliases and lists. An alias of one of these accounts is one more address of it."""
    columns = select(account.c.id, account.c.local, account.c.domain, account.c.name)
    people = connection.execute(
        columns.where(
            account.c.domain == of_domain, account.c.state != AccountState.CLOSED, account.c.source != SOURCE_DOMAIN
        )
    ).all()
    own = {EmailAddress(row.local, row.domain).key: row.id for row in people}
    also: dict[str, list[str]] = {}
    others = []
    for alias, targets in _aliases(connection, of_domain).items():
        holder = own.get(targets[0]) if len(targets) == 1 else None
        if holder is not None:
            also.setdefault(holder, []).append(alias)
        else:
            others.append(CompanyEntry(f"alias:{alias}", alias.rpartition("@")[0], (alias,)))
    found = [
        CompanyEntry(row.id, row.name or row.local, (f"{row.local}@{row.domain}", *sorted(also.get(row.id, ()))))
        for row in people
    ]
    found += [
        CompanyEntry(f"list:{one.address.key}", one.name or one.address.local, (str(one.address),), one.description)
        for one in lists.lists(connection, of_domain=of_domain)
    ]
    return tuple(sorted([*found, *others], key=lambda one: one.id))


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
