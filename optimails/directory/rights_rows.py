"""Rows about rights: into values and back. Blocking, on a connection that sees one state."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, func, insert, or_, select

from optimails.directory.lookup import CHUNK
from optimails.directory.schema import (
    OPEN,
    SOURCE_DOMAIN,
    account,
    acl_entry,
    address,
    alias_target,
    common_seen,
    domain,
    list_member,
    mailing_list,
    share_answer,
)
from optimails.directory.schema import delegation as delegation_table
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import (
    NOTHING,
    Answer,
    Bundle,
    Delegation,
    Entry,
    Identifier,
    Kind,
    Object,
    Offer,
    Right,
    Scope,
    SendRight,
    Sharing,
    Who,
    letters,
    parse_rights,
)

MAX_ENTRIES = 500  # of one object
MAX_GROUPS = 2000  # that one account is in


def groups_of(connection: Connection, key: str, depth: int) -> set[str]:
    """Keys of the aliases that lead to the address and of the lists it is a member of, by others or directly."""
    everybody = select(mailing_list.c.address).where(
        mailing_list.c.domain == key.rpartition("@")[2], mailing_list.c.everyone
    )
    found: set[str] = set(connection.execute(everybody).scalars())
    level = {key} | found
    for _ in range(depth):
        following: set[str] = set()
        ordered = sorted(level)
        for start in range(0, len(ordered), CHUNK):
            some = ordered[start : start + CHUNK]
            aliases = select(alias_target.c.alias.label("key")).where(alias_target.c.target.in_(some))
            lists = select(list_member.c.list).where(list_member.c.address.in_(some))  # suspended ones stay members
            groups = aliases.union(lists).subquery()
            query = (
                select(groups.c.key)
                .join(address, address.c.key == groups.c.key)
                .join(domain, domain.c.name == address.c.domain)
                .where(domain.c.state == OPEN)
            )
            following.update(connection.execute(query).scalars())
        level = following - found
        found |= level
        if not level or len(found) > MAX_GROUPS:
            break
    return found


def sharing(connection: Connection, owner: AccountId) -> Sharing:
    """Whom the account lets at its things."""
    entries: dict[Object, list[Entry]] = {}
    rows = connection.execute(
        select(acl_entry).where(acl_entry.c.owner == owner).order_by(acl_entry.c.identifier, acl_entry.c.negative)
    )
    for row in rows:
        entry = Entry(Identifier.parse(row.identifier), parse_rights(row.rights), row.negative)
        entries.setdefault(_object(row), []).append(entry)
    given = connection.execute(select(delegation_table).where(delegation_table.c.owner == owner))
    common = connection.execute(select(common_seen).where(common_seen.c.owner == owner))
    return Sharing(
        {on: tuple(found) for on, found in entries.items()},
        tuple(map(_delegation, given)),
        frozenset(map(_object, common)),
    )


def owners_with_copies(connection: Connection) -> list[AccountId]:
    """Whose delegates get copies of invitations."""
    rows = connection.execute(
        select(delegation_table.c.owner).where(delegation_table.c.invitations).distinct().order_by("owner")
    )
    return [AccountId(owner) for (owner,) in rows]


def offers(
    connection: Connection, viewer: AccountId, identifiers: Iterable[Identifier], kinds: Collection[Kind]
) -> list[Offer]:
    """What entries on objects of these kinds, and what delegations name the viewer, each object once; also what of a
    delegated account he answered to by itself.

    The kinds are asked for, and not sorted out afterwards: in a domain of thousands everybody may show everybody when
    he is busy, and nobody who lists mailboxes wants to read that.
    """
    answers = {
        (AccountId(row.owner), _object_or_all(row)): Answer(row.answer)
        for row in connection.execute(select(share_answer).where(share_answer.c.viewer == viewer))
    }
    found: dict[tuple[AccountId, Object | None], tuple[bool, bool]] = {}
    names = sorted(map(str, identifiers))
    for start in range(0, len(names), CHUNK):
        columns = (acl_entry.c.owner, acl_entry.c.kind, acl_entry.c.object, acl_entry.c.rights, account.c.source)
        query = (
            select(*columns)
            .join(account, account.c.id == acl_entry.c.owner)
            .where(
                acl_entry.c.identifier.in_(names[start : start + CHUNK]),
                acl_entry.c.kind.in_([kind.value for kind in kinds]),
                acl_entry.c.owner != viewer,
                acl_entry.c.negative.is_(False),
            )
        )
        for row in connection.execute(query):
            key = (AccountId(row.owner), _object(row))
            reads = found.get(key, (False, False))[1] or Right.READ in parse_rights(row.rights)
            found[key] = (row.source == SOURCE_DOMAIN, reads)
    scopes = [one.value for one in Scope if any(map(one.covers, kinds))]
    given = select(delegation_table.c.owner).where(
        delegation_table.c.delegate == viewer, delegation_table.c.scope.in_(scopes)
    )
    owners = set(map(AccountId, connection.execute(given).scalars()))
    found.update({(owner, None): (False, True) for owner in owners})
    also = [one for one in answers if one[0] in owners and one[1] is not None and one[1].kind in kinds]
    found.update(dict.fromkeys(also, (False, True)))
    return [Offer(owner, on, answers.get((owner, on)), *more) for (owner, on), more in found.items()]


def answers(connection: Connection, owner: AccountId) -> dict[tuple[AccountId, Object | None], Answer]:
    """What viewers said to what the account offers; None for all of it, a delegation."""
    rows = connection.execute(select(share_answer).where(share_answer.c.owner == owner))
    return {(AccountId(row.viewer), _object_or_all(row)): Answer(row.answer) for row in rows}


def delegations_to(connection: Connection, delegate: AccountId) -> list[Delegation]:
    """What the account is a delegate for."""
    rows = connection.execute(select(delegation_table).where(delegation_table.c.delegate == delegate))
    return [_delegation(row) for row in rows]


# -- changing ----------------------------------------------------------------------------------------------------------


def put_entry(connection: Connection, owner: AccountId, on: Object, entry: Entry) -> None:
    """The one entry of that identifier and sign; with no rights it goes away. Raises ``Refused(LIMIT)``."""
    connection.execute(
        delete(acl_entry).where(_this(acl_entry, owner, on), _named(entry.identifier, negative=entry.negative))
    )
    if entry.rights == NOTHING:
        if entry.identifier.who is Who.USER and not entry.negative:  # given again, it is another offer
            put_answer(connection, AccountId(entry.identifier.name), owner, on, None)
        return
    have = connection.execute(select(func.count()).select_from(acl_entry).where(_this(acl_entry, owner, on))).scalar()
    if (have or 0) >= MAX_ENTRIES:
        raise Refused(Reason.LIMIT, f"An access list has at most {MAX_ENTRIES} entries")
    connection.execute(insert(acl_entry).values(_row(owner, on, entry)))


def change_entry(  # noqa: PLR0913 - the parts of SETACL
    connection: Connection, owner: AccountId, on: Object, identifier: Identifier, *, negative: bool, add: Right,
    remove: Right,
) -> None:  # fmt: skip
    """``+`` and ``-`` of SETACL (RFC 4314 §3.1), against what is there now."""
    query = select(acl_entry.c.rights).where(_this(acl_entry, owner, on), _named(identifier, negative=negative))
    now = connection.execute(query).scalar()
    have = parse_rights(now) if now else NOTHING
    put_entry(connection, owner, on, Entry(identifier, (have | add) & ~remove, negative))


def copy_entries(connection: Connection, owner: AccountId, source: Object, target: Object) -> None:
    """A new mailbox begins with the rights of the one above it."""
    rows = connection.execute(select(acl_entry).where(_this(acl_entry, owner, source))).mappings()
    values = [{**row, "kind": target.kind.value, "object": target.id} for row in rows]
    if values:
        connection.execute(insert(acl_entry), values)
    if connection.execute(select(common_seen.c.owner).where(_this(common_seen, owner, source))).first():
        put_common_seen(connection, owner, target, common=True)


def forget_object(connection: Connection, owner: AccountId, on: Object) -> None:
    """Everything about an object that is deleted."""
    for table in (acl_entry, common_seen, share_answer):
        connection.execute(delete(table).where(_this(table, owner, on)))


def put_common_seen(connection: Connection, owner: AccountId, on: Object, *, common: bool) -> None:
    connection.execute(delete(common_seen).where(_this(common_seen, owner, on)))
    if common:
        connection.execute(insert(common_seen).values(owner=owner, kind=on.kind.value, object=on.id))


def put_answer(
    connection: Connection, viewer: AccountId, owner: AccountId, on: Object | None, answer: Answer | None
) -> None:
    """What a viewer says to an offer; None takes it back."""
    kind, name = ("", "") if on is None else (on.kind.value, on.id)
    here = and_(
        share_answer.c.viewer == viewer,
        share_answer.c.owner == owner,
        share_answer.c.kind == kind,
        share_answer.c.object == name,
    )
    connection.execute(delete(share_answer).where(here))
    if answer is not None:
        values = {"viewer": viewer, "owner": owner, "kind": kind, "object": name, "answer": answer.value}
        connection.execute(insert(share_answer).values(values))


def put_delegation(connection: Connection, given: Delegation) -> None:
    """In place of what the owner has given the delegate before."""
    drop_delegation(connection, given.owner, given.delegate)
    connection.execute(
        insert(delegation_table).values(
            owner=given.owner,
            delegate=given.delegate,
            bundle=given.bundle.value,
            send=given.send.value,
            hide_private=given.hide_private,
            starts=given.starts,
            ends=given.ends,
            scope=given.scope.value,
            invitations=given.invitations,
        )
    )


def drop_delegation(connection: Connection, owner: AccountId, delegate: AccountId) -> bool:
    """Whether there was one. The delegate's answer goes with it: another one is another offer."""
    here = and_(delegation_table.c.owner == owner, delegation_table.c.delegate == delegate)
    put_answer(connection, delegate, owner, None, None)
    return connection.execute(delete(delegation_table).where(here)).rowcount > 0


def delegations(connection: Connection, owners: Iterable[AccountId] | None) -> list[Delegation]:
    """Of these accounts (None: all), with the accounts as owner or as delegate."""
    query = select(delegation_table)
    if owners is not None:
        ids = list(owners)
        query = query.where(or_(delegation_table.c.owner.in_(ids), delegation_table.c.delegate.in_(ids)))
    return [_delegation(row) for row in connection.execute(query)]


# -- rows --------------------------------------------------------------------------------------------------------------


def _this(table: Table, owner: AccountId, on: Object) -> Any:
    return and_(table.c.owner == owner, table.c.kind == on.kind.value, table.c.object == on.id)


def _named(identifier: Identifier, *, negative: bool) -> Any:
    return and_(acl_entry.c.identifier == str(identifier), acl_entry.c.negative.is_(negative))


def _row(owner: AccountId, on: Object, entry: Entry) -> dict[str, Any]:
    return {
        "owner": owner,
        "kind": on.kind.value,
        "object": on.id,
        "identifier": str(entry.identifier),
        "negative": entry.negative,
        "rights": letters(entry.rights),
    }


def _object(row: Any) -> Object:
    return Object(Kind(row.kind), row.object)


def _object_or_all(row: Any) -> Object | None:
    return _object(row) if row.kind else None


def _delegation(row: Any) -> Delegation:
    return Delegation(
        AccountId(row.owner),
        AccountId(row.delegate),
        Bundle(row.bundle),
        SendRight(row.send),
        row.hide_private,
        row.starts,
        row.ends,
        Scope(row.scope),
        row.invitations,
    )
