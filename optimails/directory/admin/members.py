"""Members of distribution lists, and what bounces make of them."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from optimails.directory import lists
from optimails.directory.admin.base import DAY, Base, now, refused, valid_address, valid_text
from optimails.directory.admin.lists import find_list
from optimails.directory.admin.values import BounceInfo, MemberInfo
from optimails.directory.schema import list_bounce, list_member
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason

MAX_STATUS = 300
BY_BOUNCES = "bounces"  # the reason that the service writes; others are the administrators' words


class _Enough(Exception):
    """Of bounces: the member is to be suspended."""


class Members(Base):
    def member_add(self, where: str, members: Sequence[str]) -> list[MemberInfo]:
        """Further members: any addresses, also aliases and other lists. Who is one already stays as is. Gives all."""
        keys = list(dict.fromkeys(valid_address(one).key for one in members))
        with self.database.write() as connection:
            key = find_list(connection, where).key
            if key in keys:
                raise refused(f"The list {key} cannot be a member of itself")
            known = {row["address"] for row in _rows(connection, key)}
            new = [one for one in keys if one not in known]
            if len(known) + len(new) > self.settings.list_members:
                raise refused(f"A list may have {self.settings.list_members} members", Reason.LIMIT)
            if new:
                connection.execute(
                    insert(list_member), [{"list": key, "address": one, "created": now()} for one in new]
                )
            return _members(connection, key)

    def member_remove(self, where: str, members: Sequence[str]) -> list[MemberInfo]:
        """These are members no longer; gives who is left."""
        with self.database.write() as connection:
            key = find_list(connection, where).key
            for one in members:
                row = _member(connection, key, one)
                connection.execute(delete(list_member).where(list_member.c.id == row["id"]))
            return _members(connection, key)

    def member_list(self, where: str) -> list[MemberInfo]:
        """In the order they were added."""
        with self.database.read() as connection:
            return _members(connection, find_list(connection, where).key)

    def member_suspend(self, where: str, members: Sequence[str], reason: str = "") -> list[MemberInfo]:
        """They stay members and get no mail; of a list with everybody, an account that is no member becomes one."""
        why = valid_text(reason, "reason")
        with self.database.write() as connection:
            found = find_list(connection, where)
            for one in members:
                mail = valid_address(one)
                if found.everyone and mail.domain == found.address.domain:
                    known = {row["address"] for row in _rows(connection, found.key)}
                    if mail.key not in known:
                        connection.execute(insert(list_member).values(list=found.key, address=mail.key, created=now()))
                row = _member(connection, found.key, one)
                _suspend(connection, row["id"], why)
            return _members(connection, found.key)

    def member_resume(self, where: str, members: Sequence[str]) -> list[MemberInfo]:
        """They get mail again, and their bounces are forgotten."""
        with self.database.write() as connection:
            key = find_list(connection, where).key
            for one in members:
                row = _member(connection, key, one)
                connection.execute(
                    update(list_member).where(list_member.c.id == row["id"]).values(suspended=None, suspended_at=None)
                )
                connection.execute(delete(list_bounce).where(list_bounce.c.member == row["id"]))
            return _members(connection, key)

    def member_number(self, where: str, who: EmailAddress) -> int:
        """By what bounces name a member; 0: it is none."""
        with self.database.read() as connection:
            query = select(list_member.c.id).where(list_member.c.list == where, list_member.c.address == who.key)
            return connection.execute(query).scalar() or 0

    def member_bounced(self, member: int, status: str) -> BounceInfo | None:
        """Mail to the member with this number came back; several bounces of one day count once.

        Gives what became of it, None where there is no such member any more.
        """
        try:
            return self._count_bounce(member, status, suspends=False)
        except _Enough:  # done anew in a transaction that services notice: counted and suspended together, or neither
            return self._count_bounce(member, status, suspends=True)

    def _count_bounce(self, member: int, status: str, *, suspends: bool) -> BounceInfo | None:
        day = now() // DAY
        with self.database.write(visible=suspends) as connection:
            row = connection.execute(select(list_member).where(list_member.c.id == member)).mappings().one_or_none()
            if row is None:
                return None
            (found,) = lists.lists(connection, [row["list"]])
            connection.execute(delete(list_bounce).where(list_bounce.c.member == member, list_bounce.c.day == day))
            connection.execute(insert(list_bounce).values(member=member, day=day, status=status[:MAX_STATUS]))
            oldest = day - found.bounce_days
            connection.execute(delete(list_bounce).where(list_bounce.c.member == member, list_bounce.c.day <= oldest))
            days = connection.execute(select(func.count()).where(list_bounce.c.member == member)).scalar_one()
            enough = bool(found.bounces) and days >= found.bounces and row["suspended"] is None
            if enough and not suspends:
                raise _Enough
            if enough:
                _suspend(connection, member, BY_BOUNCES)
        return BounceInfo(found, row["address"], days, suspended=enough, status=status[:MAX_STATUS])


def _suspend(connection: Connection, member: int, reason: str) -> None:
    connection.execute(
        update(list_member).where(list_member.c.id == member).values(suspended=reason, suspended_at=now())
    )


def _rows(connection: Connection, key: str) -> Sequence[RowMapping]:
    bounces = (
        select(func.count()).where(list_bounce.c.member == list_member.c.id).correlate(list_member).scalar_subquery()
    )
    query = select(list_member, bounces.label("bounces")).where(list_member.c.list == key).order_by(list_member.c.id)
    return connection.execute(query).mappings().all()


def _members(connection: Connection, key: str) -> list[MemberInfo]:
    return [
        MemberInfo(row["id"], row["address"], row["suspended"], row["suspended_at"], row["created"], row["bounces"])
        for row in _rows(connection, key)
    ]


def _member(connection: Connection, key: str, who: str) -> RowMapping:
    mail = valid_address(who)
    query = select(list_member).where(list_member.c.list == key, list_member.c.address == mail.key)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise refused(f"{mail} is no member of the list {key}", Reason.NON_EXISTENT)
    return row
