"""Reading lists: rows in, values out. Blocking, on a connection that sees one state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from optimails.directory.schema import OPEN, account, domain, list_member, list_role, mailing_list
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.model.mailing_list import FromRewrite, MailingList, Others, Posting, ReplyTo, Role

CHUNK = 400  # keys in one statement


@dataclass(frozen=True, slots=True)
class Member:
    """One row of a list's members."""

    id: int
    address: str  # key
    suspended: bool


def lists(connection: Connection, keys: Iterable[str] | None = None, of_domain: str | None = None) -> list[MailingList]:
    """These lists, or all, by domain and address; whether their domains are open is not asked."""
    query = select(mailing_list).order_by(mailing_list.c.domain, mailing_list.c.address)
    if keys is not None:
        query = query.where(mailing_list.c.address.in_(list(keys)))
    if of_domain is not None:
        query = query.where(mailing_list.c.domain == of_domain)
    rows = connection.execute(query).mappings().all()
    people: dict[tuple[str, str], list[str]] = {}
    for chunk in _chunks([row["address"] for row in rows]):
        found = select(list_role).where(list_role.c.list.in_(chunk)).order_by(list_role.c.position)
        for one in connection.execute(found):
            people.setdefault((one.list, one.role), []).append(one.address)
    return [_value(row, people) for row in rows]


def open_list(connection: Connection, key: str) -> MailingList | None:
    """The list, when it is there and its domain is not removed."""
    found = lists(connection, [key])
    if not found:
        return None
    state = connection.execute(select(domain.c.state).where(domain.c.name == found[0].address.domain)).scalar()
    return found[0] if state == OPEN else None


def members(connection: Connection, keys: Iterable[str]) -> dict[str, list[Member]]:
    """The members of these lists, in the order they were added."""
    found: dict[str, list[Member]] = {}
    for chunk in _chunks(list(keys)):
        query = select(list_member).where(list_member.c.list.in_(chunk)).order_by(list_member.c.id)
        for row in connection.execute(query):
            found.setdefault(row.list, []).append(Member(row.id, row.address, row.suspended is not None))
    return found


def owners(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The owners of these lists; lists without any are there, too."""
    found: dict[str, list[str]] = {key: [] for key in keys}
    for chunk in _chunks(list(found)):
        query = select(list_role).where(list_role.c.list.in_(chunk), list_role.c.role == Role.OWNER.value)
        for row in connection.execute(query.order_by(list_role.c.position)):
            found[row.list].append(row.address)
    return {key: tuple(people) for key, people in found.items()}


def everybody(connection: Connection, of_domain: str, limit: int) -> list[AccountId]:
    """The accounts of a domain that are not closed, at most so many."""
    query: Select[Any] = (
        select(account.c.id)
        .where(account.c.domain == of_domain, account.c.state != AccountState.CLOSED)
        .order_by(account.c.local)
        .limit(limit)
    )
    return [AccountId(row) for row in connection.execute(query).scalars()]


def _value(row: RowMapping, people: dict[tuple[str, str], list[str]]) -> MailingList:
    def who(role: Role) -> tuple[str, ...]:
        return tuple(people.get((row["address"], role.value), ()))

    return MailingList(
        EmailAddress(row["local"], row["domain"]),
        name=row["name"],
        description=row["description"],
        language=row["language"],
        posting=Posting(row["posting"]),
        others=Others(row["others"]),
        reply_to=ReplyTo(row["reply_to"]),
        subject_tag=row["subject_tag"],
        max_size=row["max_size"],
        from_rewrite=FromRewrite(row["from_rewrite"]),
        everyone=row["everyone"],
        leave=row["leave"],
        hold_days=row["hold_days"],
        bounces=row["bounces"],
        bounce_days=row["bounce_days"],
        owners=who(Role.OWNER),
        moderators=who(Role.MODERATOR),
        senders=who(Role.SENDER),
    )


def _chunks(keys: list[str]) -> Iterable[list[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
