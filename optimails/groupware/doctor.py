"""Do the tables beside the texts say what the texts say, and do counters count? Tables are made again from texts."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optimails.groupware.account import AccountGroupware, facts_of
from optimails.groupware.api import Collection, Unfit
from optimails.groupware.extract import FUTURE, extract
from optimails.groupware.service import LocalGroupware
from optimails.index.database import Damaged, storage_errors
from optimails.index.groupware import collections, items
from optimails.index.groupware.items import Facts
from optimails.model.account import Account


class Kind(StrEnum):
    DAMAGED = "groupware_damaged"  # the file itself; only a backup helps
    UNREADABLE = "unreadable_item"  # a text that can't be read, although it was taken once
    EXTRACT = "extract"  # the tables say something else than the text
    COUNTERS = "counters"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was wrong: where, which item or what, and whether it was put right."""

    kind: Kind
    mailbox: str  # the collection
    detail: str
    repaired: bool


def examine(groupware: LocalGroupware, account: Account, *, repair: bool) -> list[Finding]:
    """All of an account, while others use it. Nothing is made for accounts that never had any."""
    if not groupware.exists(account.id):
        return []
    try:
        with groupware.open(account) as opened:
            return _examine(opened, repair=repair)
    except Damaged as damage:
        return [Finding(Kind.DAMAGED, "", str(damage), repaired=False)]


@storage_errors
def _examine(account: AccountGroupware, *, repair: bool) -> list[Finding]:
    found = [Finding(Kind.DAMAGED, "", line, repaired=False) for line in account.database.check()]
    for collection in account.collections():
        for identity, facts, wrong in list(_wrong(account, collection)):
            if repair and facts is not None:
                with account.database.write(durable=True) as connection:
                    items.extract_again(connection, collection.id, identity, facts)
            found.append(Finding(wrong[0], collection.name, wrong[1], repair and facts is not None))
    with account.database.write(durable=True) as connection:
        connection.execute("SAVEPOINT counting")
        count = collections.recount(connection)
        if not repair:
            connection.execute("ROLLBACK TO counting")
        connection.execute("RELEASE counting")
    return found + ([Finding(Kind.COUNTERS, "", str(count), repair)] if count else [])


def _wrong(account: AccountGroupware, collection: Collection) -> Iterator[tuple[int, Facts | None, tuple[Kind, str]]]:
    """Items whose tables are wrong, and what should stand there."""
    now = int(time.time())
    rows = {item.id: item for item in account.rows(collection)}
    with account.all_texts(collection) as texts:
        for identity, name, data in texts:
            row = rows.get(identity)
            if row is None:  # came meanwhile
                continue
            try:
                facts = facts_of(name, data, extract(collection.kind, data.decode("utf-8", "replace"), now))
            except Unfit as unfit:
                yield identity, None, (Kind.UNREADABLE, f"{name}: {unfit}")
                continue
            if not account.says(collection, row, facts):
                yield identity, facts, (Kind.EXTRACT, name)


@storage_errors
def refresh(account: AccountGroupware, limit: int = 5_000) -> int:
    """Keep the occurrences of series around today, as time goes by; how many items were looked at."""
    now = int(time.time())
    done = 0
    for collection in account.collections():
        for row in [one for one in account.rows(collection) if one.kept_to and one.kept_to < now + FUTURE // 2][:limit]:
            found = account.read(collection, row.name)
            if found is None:
                continue
            try:
                fresh = extract(collection.kind, found[1].decode("utf-8", "replace"), now)
            except Unfit:
                continue
            if fresh.kept_to == row.kept_to:  # as far as the limits let it reach
                continue
            facts = facts_of(row.name, found[1], fresh)
            with account.database.write() as connection:
                current = items.by_name(connection, collection.id, row.name)
                if current is not None and current.id == row.id and current.etag == facts.etag:
                    items.extract_again(connection, collection.id, row.id, facts)
                    done += 1
    return done
