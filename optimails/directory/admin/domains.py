"""Domains."""

from typing import Any

from sqlalchemy import Connection, RowMapping, Select, false, func, insert, select, true, update

from optimails.directory.admin.aliases import IS_ALIAS
from optimails.directory.admin.base import Base, changed, now, refused, valid_address, valid_domain
from optimails.directory.admin.values import UNCHANGED, DomainInfo, Unchanged
from optimails.directory.schema import CLOSED, OPEN, SOURCE_DOMAIN, account, address, domain
from optimails.model.account import AccountState
from optimails.model.errors import Reason


class Domains(Base):
    def domain_add(self, name: str, *, postmaster: str | None = None) -> DomainInfo:
        """A new domain; ``postmaster`` is who gets mail for postmaster@ and abuse@ when these are not defined."""
        name = valid_domain(name)
        with self.database.write() as connection:
            state = connection.execute(select(domain.c.state).where(domain.c.name == name)).scalar()
            if state == OPEN:
                raise refused(f"The domain {name} exists already", Reason.ALREADY_EXISTS)
            if state is not None:
                raise refused(f"The domain {name} is removed; restore it", Reason.ALREADY_EXISTS)
            target = valid_address(postmaster).key if postmaster else None
            connection.execute(insert(domain).values(name=name, state=OPEN, postmaster=target, created=now()))
            return self._domain(connection, name)

    def domain_set(
        self,
        name: str,
        *,
        postmaster: str | Unchanged | None = UNCHANGED,
        catch_all: str | Unchanged | None = UNCHANGED,
        free_busy: bool | Unchanged = UNCHANGED,
    ) -> DomainInfo:
        """Change who gets mail for postmaster@ (None: the first account) and for unknown addresses (None: refused), and
        whether colleagues see when its accounts are busy."""
        name = valid_domain(name)
        values = changed(postmaster=postmaster, catch_all=catch_all)
        values = {field: valid_address(value).key if value else None for field, value in values.items()}
        values |= changed(free_busy=free_busy)
        with self.database.write() as connection:
            info = self._domain(connection, name)
            if not info.active:
                raise refused(f"The domain {name} is removed; restore it first")
            if values:
                connection.execute(update(domain).where(domain.c.name == name).values(**values))
            return self._domain(connection, name)

    def domain_list(self, *, closed: bool = False) -> list[DomainInfo]:
        """All domains by name; removed ones only when asked for."""
        with self.database.read() as connection:
            query = _domains() if closed else _domains().where(domain.c.state == OPEN)
            return [_info(row) for row in connection.execute(query.order_by(domain.c.name)).mappings()]

    def domain_remove(self, name: str) -> DomainInfo:
        """Close the domain and its accounts; nothing is destroyed."""
        name = valid_domain(name)
        with self.database.write() as connection:
            if not self._domain(connection, name).active:
                raise refused(f"The domain {name} is removed already")
            closed = {"closed_at": now()}
            connection.execute(update(domain).where(domain.c.name == name).values(state=CLOSED, **closed))
            connection.execute(
                update(account)
                .where(account.c.domain == name, account.c.state != AccountState.CLOSED)
                .values(
                    closed_from=account.c.state,
                    state=AccountState.CLOSED.value,
                    closed_with_domain=true(),
                    stamp=account.c.stamp + 1,
                    **closed,
                )
            )
            return self._domain(connection, name)

    def domain_restore(self, name: str) -> DomainInfo:
        """Open a removed domain again, with the accounts that were closed together with it."""
        name = valid_domain(name)
        with self.database.write() as connection:
            if self._domain(connection, name).active:
                raise refused(f"The domain {name} is not removed")
            connection.execute(update(domain).where(domain.c.name == name).values(state=OPEN, closed_at=None))
            connection.execute(
                update(account)
                .where(account.c.domain == name, account.c.closed_with_domain)
                .values(
                    state=func.coalesce(account.c.closed_from, AccountState.ACTIVE.value),
                    closed_from=None,
                    closed_at=None,
                    closed_with_domain=false(),
                    stamp=account.c.stamp + 1,
                )
            )
            return self._domain(connection, name)

    def _domain(self, connection: Connection, name: str) -> DomainInfo:
        row = connection.execute(_domains().where(domain.c.name == name)).mappings().one_or_none()
        if row is None:
            raise refused(f"There is no domain {name}", Reason.NON_EXISTENT)
        return _info(row)


def _domains() -> Select[Any]:
    accounts = (
        select(func.count())
        .where(
            account.c.domain == domain.c.name,
            account.c.state != AccountState.CLOSED,
            account.c.source != SOURCE_DOMAIN,
        )
        .scalar_subquery()
    )
    here = select(func.count()).where(address.c.domain == domain.c.name)
    aliases = here.where(*IS_ALIAS).scalar_subquery()
    lists = here.where(address.c.list == true()).scalar_subquery()
    return select(domain, accounts.label("accounts"), aliases.label("aliases"), lists.label("lists"))


def _info(row: RowMapping) -> DomainInfo:
    return DomainInfo(
        name=row["name"],
        active=row["state"] == OPEN,
        postmaster=row["postmaster"],
        catch_all=row["catch_all"],
        free_busy=row["free_busy"],
        accounts=row["accounts"],
        aliases=row["aliases"],
        lists=row["lists"],
        created=row["created"],
        closed_at=row["closed_at"],
    )
