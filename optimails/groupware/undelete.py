"""What was deleted from calendars, task lists and address books, and bringing it back.

An item that is deleted, by itself or with its collection, is kept for the time of the account's plan, as expunged mail
is. It does not count for the account's storage; when deleted items take more than an account may store, the oldest go.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Conditions, Kind, NewCollection
from optimails.index.database import storage_errors
from optimails.index.groupware import deleted
from optimails.index.groupware.deleted import DeletedRow
from optimails.index.groupware.items import ItemRow
from optimails.model.errors import Refused

Deleted = DeletedRow
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Restored:
    """What is there again, and what could not be, with the reason."""

    items: list[Deleted]
    refused: list[tuple[Deleted, str]]


@storage_errors
def deleted_items(account: AccountGroupware, kind: Kind) -> list[Deleted]:
    """The last one first."""
    with account.database.read() as connection:
        return [one for one in deleted.every(connection) if one.kind == kind.value]


def restore(account: AccountGroupware, wanted: Sequence[Deleted], step: Callable[[], None] = lambda: None) -> Restored:
    """Bring them back to where they were; a collection that is gone is made again. Nobody is invited anew by it.

    Of several with one UID the last that was deleted comes back.
    """
    done = Restored([], [])
    for one in sorted(wanted, key=lambda one: (one.gone_at, one.id), reverse=True):
        try:
            if _restore(account, one):
                done.items.append(one)
        except Refused as wrong:
            done.refused.append((one, str(wrong)))
        step()
    return done


@storage_errors
def forget_deleted(account: AccountGroupware, days: int) -> int:
    """Those that were deleted longer ago are gone for good; how many."""
    with account.database.write() as connection:
        return deleted.forget_before(connection, int(time.time()) - days * _DAY)


@storage_errors
def _restore(account: AccountGroupware, one: Deleted) -> bool:
    with account.database.read() as connection:
        text = deleted.text(connection, one.id)
    if text is None:  # somebody else was faster
        return False
    place = _place(account, one)
    name = one.name
    if account.item(place, name) is not None:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[:200]}-{uuid.uuid4().hex[:12]}{dot}{ending}"
    account.put(place, name, text, Conditions(none_match=("*",)), _Forget(one.id))
    return True


def _place(account: AccountGroupware, one: Deleted) -> Collection:
    """The collection it was in, whatever it is called now; else the one that is called so, made again if need be."""
    collections = account.collections()
    fitting = [other for other in collections if other.kind.value == one.kind]
    same = [other for other in fitting if other.object_id == one.object_id]
    called = [other for other in fitting if other.name == one.collection]
    if same or called:
        return (same or called)[0]
    kind = Kind(one.kind)
    taken = any(other.name == one.collection for other in collections)
    name = f"{one.collection}-{one.object_id[:8]}" if taken else one.collection
    components = () if kind is Kind.BOOK else NewCollection(kind).components
    return account.create(name, NewCollection(kind, components, display_name=one.collection))


class _Forget:
    """What is there again is not deleted any more: in the same transaction."""

    def __init__(self, identity: int) -> None:
        self._identity = identity

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        """Nothing depends on what was there."""

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        del made
        deleted.forget(connection, [self._identity])
