"""Aliases: an address that leads to others, here or elsewhere."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, false, func, insert, select

from optimails.directory.admin.accounts import claim
from optimails.directory.admin.base import Base, now, open_domain, refused, valid_address, valid_domain
from optimails.directory.admin.contacts import hide
from optimails.directory.admin.values import AliasInfo
from optimails.directory.schema import address, alias_target
from optimails.model.errors import Reason

IS_ALIAS = (address.c.account.is_(None), address.c.list == false())


class Aliases(Base):
    def alias_add(self, alias: str, targets: Sequence[str]) -> AliasInfo:
        """A new alias, or further targets of one that exists; a target may be any address, another alias too."""
        where = valid_address(alias)
        keys = list(dict.fromkeys(valid_address(target).key for target in targets))
        if not keys:
            raise refused("An alias needs a target")
        if where.key in keys:
            raise refused(f"The alias {where} would lead to itself")
        with self.database.write() as connection:
            open_domain(connection, where.domain)
            if not _exists(connection, where.key):
                claim(connection, where, self.settings.keep_removed_days)
                connection.execute(insert(address).values(key=where.key, domain=where.domain, created=now()))
            known = set(
                connection.execute(select(alias_target.c.target).where(alias_target.c.alias == where.key)).scalars()
            )
            new = [key for key in keys if key not in known]
            if len(known) + len(new) > self.settings.alias_targets:
                raise refused(f"An alias may have {self.settings.alias_targets} targets", Reason.LIMIT)
            _insert(connection, where.key, new, _next_position(connection, where.key))
            return _alias(connection, where.key)

    def alias_hide(self, alias: str, *, hidden: bool) -> AliasInfo:
        """Whether address books leave it out."""
        key = valid_address(alias).key
        with self.database.write() as connection:
            _alias(connection, key)
            hide(connection, key, hidden=hidden)
            return _alias(connection, key)

    def alias_remove(self, alias: str, targets: Sequence[str] = ()) -> AliasInfo | None:
        """Remove these targets, or the whole alias when none is named or none is left (then gives None)."""
        where = valid_address(alias)
        keys = [valid_address(target).key for target in targets]
        with self.database.write() as connection:
            info = _alias(connection, where.key)
            unknown = [key for key in keys if key not in info.targets]
            if unknown:
                raise refused(f"The alias {where} does not lead to {unknown[0]}", Reason.NON_EXISTENT)
            if not keys or set(keys) == set(info.targets):
                connection.execute(delete(alias_target).where(alias_target.c.alias == where.key))
                connection.execute(delete(address).where(address.c.key == where.key))
                return None
            connection.execute(
                delete(alias_target).where(alias_target.c.alias == where.key, alias_target.c.target.in_(keys))
            )
            return _alias(connection, where.key)

    def alias_list(self, domain_name: str | None = None, *, target: str | None = None) -> list[AliasInfo]:
        """All aliases by address: of one domain, or directly leading to one target."""
        query = (
            select(address.c.key, address.c.created, address.c.hidden, alias_target.c.target)
            .join(alias_target, alias_target.c.alias == address.c.key)
            .order_by(address.c.domain, address.c.key, alias_target.c.position)
        )
        if domain_name is not None:
            query = query.where(address.c.domain == valid_domain(domain_name))
        if target is not None:
            leading = select(alias_target.c.alias).where(alias_target.c.target == valid_address(target).key)
            query = query.where(address.c.key.in_(leading))
        found: dict[str, tuple[int, bool, list[str]]] = {}
        with self.database.read() as connection:
            for key, created, hidden, to in connection.execute(query):
                found.setdefault(key, (created, hidden, []))[2].append(to)
        return [AliasInfo(key, tuple(to), created, hidden) for key, (created, hidden, to) in found.items()]


def _exists(connection: Connection, key: str) -> bool:
    return connection.execute(select(address.c.key).where(address.c.key == key, *IS_ALIAS)).first() is not None


def _alias(connection: Connection, key: str) -> AliasInfo:
    columns = select(address.c.created, address.c.hidden)
    row = connection.execute(columns.where(address.c.key == key, *IS_ALIAS)).one_or_none()
    if row is None:
        raise refused(f"There is no alias {key}", Reason.NON_EXISTENT)
    targets = connection.execute(
        select(alias_target.c.target).where(alias_target.c.alias == key).order_by(alias_target.c.position)
    ).scalars()
    return AliasInfo(key, tuple(targets), row.created, row.hidden)


def _next_position(connection: Connection, key: str) -> int:
    last = connection.execute(select(func.max(alias_target.c.position)).where(alias_target.c.alias == key)).scalar()
    return 0 if last is None else int(last) + 1


def _insert(connection: Connection, key: str, targets: list[str], position: int) -> None:
    if targets:
        rows = [{"alias": key, "target": to, "position": position + place} for place, to in enumerate(targets)]
        connection.execute(insert(alias_target), rows)
