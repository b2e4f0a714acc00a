"""One account's calendars, address books and task lists. Blocking; called from threads, several at a time.

Every write is one transaction that is synced before it returns: what was acknowledged is on disk. Texts are read and
taken apart before the transaction begins, so that writers wait for each other only as long as the disk takes. Readers
see one state of the file and never wait for writers.
"""

import hashlib
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from typing import Protocol

from optimails.groupware.api import (
    COMPONENTS,
    Bounds,
    Changes,
    Collection,
    Conditions,
    Item,
    Kind,
    NewCollection,
    Overtaken,
    Rule,
    Unfit,
)
from optimails.groupware.extract import Extract, extract
from optimails.groupware.filters import CardFilter, CompFilter, TimeRange
from optimails.groupware.freebusy import NOBODY, Period, Person, busy_periods
from optimails.groupware.search import find
from optimails.groupware.text import decode
from optimails.index.database import Database, storage_errors
from optimails.index.groupware import attachments, collections, deleted, items, reminders, search
from optimails.index.groupware.collections import CollectionRow
from optimails.index.groupware.items import Facts, ItemRow
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId

MAX_ANSWER = 64 * 2**20  # bytes of texts that are held in memory at once
_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,255}$")


class Beside(Protocol):
    """What else is written in the transaction of a change: all of it is there, or nothing."""

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        """Raises ``Overtaken`` when the item is not the one that this was worked out for; the change is not made."""

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        """The change has been made; None: the item is gone."""


class AccountGroupware:
    """Collections by their names, items by collection and name."""

    def __init__(
        self, account: AccountId, database: Database, bounds: Bounds, clock: Callable[[], float] = time.time
    ) -> None:
        self.account = account
        self.database = database
        self.bounds = bounds
        self._clock = clock

    # Collections

    @storage_errors
    def collections(self) -> list[Collection]:
        """In the order in which they are to be shown, without the scheduling inbox."""
        with self.database.read() as connection:
            found = [_collection(row) for row in collections.every(connection)]
        return [one for one in found if one.kind is not Kind.INBOX]

    @storage_errors
    def collection(self, name: str) -> Collection | None:
        with self.database.read() as connection:
            row = collections.by_name(connection, name)
        return _collection(row) if row else None

    @storage_errors
    def create(self, name: str, new: NewCollection, properties: Mapping[str, str] | None = None) -> Collection:
        """Raises ``Refused``: ALREADY_EXISTS, LIMIT, or CANNOT for a name or components that are not possible."""
        _check_name(name)
        _components(new)
        with self.database.write(durable=True) as connection:
            if collections.by_name(connection, name):
                raise Refused(Reason.ALREADY_EXISTS, "There is a collection of that name")
            if len(collections.every(connection)) >= self.bounds.collections:
                raise Refused(Reason.LIMIT, "There are too many collections")
            made = insert_collection(connection, self.account, name, new)
            for key, value in (properties or {}).items():
                collections.set_property(connection, made.id, key, value)
            return _collection(made)

    @storage_errors
    def update(self, name: str, values: Mapping[str, object], properties: Mapping[str, str | None]) -> Collection:
        """Set columns (``collections.SETTABLE``), and what clients keep there (None removes). Raises ``Refused``."""
        with self.database.write(durable=True) as connection:
            row = self._row(connection, name)
            collections.update(connection, row.id, values)
            for key, value in properties.items():
                collections.set_property(connection, row.id, key, value)
            collections.next_change(connection)
            changed = collections.by_name(connection, name)
            assert changed is not None
            return _collection(changed)

    @storage_errors
    def rename(self, name: str, new_name: str) -> None:
        """Another segment in addresses; tokens and rights go on. Raises ``Refused``: ALREADY_EXISTS, CANNOT."""
        _check_name(new_name)
        with self.database.write(durable=True) as connection:
            row = self._row(connection, name)
            if collections.by_name(connection, new_name):
                raise Refused(Reason.ALREADY_EXISTS, "There is a collection of that name")
            collections.rename(connection, row.id, new_name)

    @storage_errors
    def properties(self, collection: Collection) -> dict[str, str]:
        """What clients keep there, by {namespace}name."""
        with self.database.read() as connection:
            return collections.properties(connection, collection.id)

    @storage_errors
    def remove(self, name: str, beside: Beside | None = None) -> None:
        """With everything in it. Raises ``Refused``."""
        with self.database.write(durable=True) as connection:
            row = self._row(connection, name)
            if beside is not None:
                beside.before(connection, None)
            if self.bounds.deleted:
                deleted.keep_collection(connection, row.id, int(self._clock()))
                deleted.bound(connection, self.bounds.deleted)
            collections.remove(connection, row)
            if beside is not None:
                beside.after(connection, None)

    @storage_errors
    def usage(self) -> int:
        """Bytes of all items, and of the attachments that they name."""
        with self._snapshot() as connection:
            return collections.state(connection)[1] + attachments.usage(connection)

    # Items

    @storage_errors
    def items(self, collection: Collection) -> list[Item]:
        with self.database.read() as connection:
            return [_item(row) for row in items.every(connection, collection.id)]

    @storage_errors
    def etags(self, collection: Collection) -> list[tuple[str, str]]:
        """Name and etag of every item."""
        with self.database.read() as connection:
            return items.etags(connection, collection.id)

    @storage_errors
    def item(self, collection: Collection, name: str) -> Item | None:
        with self.database.read() as connection:
            row = items.by_name(connection, collection.id, name)
        return _item(row) if row else None

    @storage_errors
    def read(self, collection: Collection, name: str) -> tuple[Item, bytes] | None:
        """The item and its text, as it came."""
        with self._snapshot() as connection:
            row = items.by_name(connection, collection.id, name)
            return (_item(row), items.text(connection, row.id)) if row else None

    @storage_errors
    def by_uid(self, uid: str) -> list[tuple[str, Item, bytes]]:
        """Collection, item and text of what has this UID in any calendar."""
        with self._snapshot() as connection:
            found = items.with_uid(connection, uid, Kind.CALENDAR.value)
            return [(name, _item(row), items.text(connection, row.id)) for name, row in found]

    @storage_errors
    def texts(self, collection: Collection, names: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Etag and text by name, of those that are there. Raises ``Refused(LIMIT)`` for more than one answer holds."""
        with self._snapshot() as connection:
            wanted = items.by_names(connection, collection.id, names)
            return {name: (etag, text) for name, etag, text in _bounded(connection, wanted.values())}

    @contextmanager
    def all_texts(self, collection: Collection) -> Iterator[Iterator[tuple[int, str, bytes]]]:
        """Id, name and text of every item, one after the other."""
        with self._snapshot() as connection:
            yield items.all_texts(connection, collection.id)

    @storage_errors
    def private(self, collection: Collection) -> frozenset[str]:
        """Names of the items that say of themselves that they are private or confidential."""
        with self.database.read() as connection:
            return frozenset(search.private(connection, collection.id))

    @storage_errors
    def find(
        self,
        collection: Collection,
        wanted: CompFilter | CardFilter,
        zone: tzinfo | None = None,
        *,
        limit: int | None = None,
    ) -> list[tuple[str, str, bytes]]:
        """Name, etag and text of the items that fit; floating times are in ``zone``.

        Raises ``Refused(LIMIT)`` when there are more than ``limit``, or more text than one answer holds.
        """
        with self._snapshot() as connection:
            found = find(connection, collection.id, collection.kind, wanted, zone)
            if limit is not None and len(found) > limit:
                raise Refused(Reason.LIMIT, "Too many items fit")
            return list(_bounded(connection, found))

    @storage_errors
    def busy(
        self, wanted: Sequence[Collection], asked: TimeRange, zone: tzinfo | None = None, person: Person = NOBODY
    ) -> list[Period]:
        """When these collections say busy."""
        calendars = [one.id for one in wanted if one.kind is Kind.CALENDAR]
        with self._snapshot() as connection:
            return busy_periods(connection, calendars, asked, zone, person) if calendars else []

    @storage_errors
    def changes(self, collection: Collection, since: int, limit: int) -> Changes:
        """Raises ``Unfit(TOKEN)`` when nobody knows any more what happened since then."""
        with self._snapshot() as connection:
            row = collections.by_name(connection, collection.name)
            if row is None or since > collections.state(connection)[0] or (since and since < row.floor):
                raise Unfit(Rule.TOKEN, "The token is not valid")
            if since == 0 and row.items <= limit:
                return Changes(row.change, items.etags(connection, row.id), [], complete=True)
            changed = items.changed_since(connection, row.id, since, limit + 1)
            gone = items.gone_since(connection, row.id, since, limit + 1) if since else []
        upto, complete = row.change, True
        numbers = sorted([one[0] for one in changed] + [one[0] for one in gone])
        if len(numbers) > limit:
            upto, complete = numbers[limit - 1], False
        return Changes(
            upto,
            [(name, etag) for change, name, etag in changed if change <= upto],
            [name for change, name in gone if change <= upto],
            complete,
        )

    @storage_errors
    def put(
        self,
        collection: Collection,
        name: str,
        data: bytes,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
        beside: Beside | None = None,
    ) -> tuple[Item, bool]:
        """Store a text under a name; the item, and whether it is new. Raises ``Unfit``, ``Refused``."""
        _check_name(name)
        facts = self._facts(collection, name, data)
        with self.database.write(durable=True) as connection:
            row = self._row(connection, collection.name)
            old = items.by_name(connection, row.id, name)
            _check_conditions(old, conditions)
            if beside is not None:
                beside.before(connection, old)
            self._check(connection, row, old, facts)
            items.put(connection, row.id, old, facts, int(self._clock()))
            made = items.by_name(connection, row.id, name)
            if beside is not None:
                beside.after(connection, made)
                made = items.by_name(connection, row.id, name)
        assert made is not None
        return _item(made), old is None

    @storage_errors
    def put_all(self, collection: Collection, texts: Sequence[tuple[str, bytes]]) -> tuple[int, list[tuple[str, str]]]:
        """Store many in one transaction, under these names, those with a known UID in its place.

        Gives how many were stored, and the names of those that were not, with the reason.
        """
        ready, refused = [], []
        for name, data in texts:
            try:
                ready.append(self._facts(collection, name, data))
            except Unfit as wrong:
                refused.append((name, str(wrong)))
        stored = 0
        with self.database.write(durable=True) as connection:
            for facts in ready:
                row = self._row(connection, collection.name)
                old = items.by_uid(connection, row.id, facts.uid)
                own = facts._replace(name=old.name) if old else self._free_name(connection, row, facts)
                try:
                    self._check(connection, row, old, own)
                except Refused as wrong:
                    refused.append((facts.name, str(wrong)))
                    continue
                if old is None or old.etag != own.etag:
                    items.put(connection, row.id, old, own, int(self._clock()))
                stored += 1
        return stored, refused

    @storage_errors
    def delete(
        self,
        collection: Collection,
        name: str,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
        beside: Beside | None = None,
    ) -> None:
        """Raises ``Refused(NON_EXISTENT)``, ``Unfit(MATCH)``."""
        with self.database.write(durable=True) as connection:
            row = self._row(connection, collection.name)
            old = items.by_name(connection, row.id, name)
            if old is None:
                raise Refused(Reason.NON_EXISTENT, "There is no such item")
            _check_conditions(old, conditions)
            if beside is not None:
                beside.before(connection, old)
            if self.bounds.deleted:
                deleted.keep_item(connection, old.id, int(self._clock()))
                deleted.bound(connection, self.bounds.deleted)
            items.remove(connection, row.id, old, int(self._clock()))
            if beside is not None:
                beside.after(connection, None)

    @storage_errors
    def transfer(  # noqa: PLR0913 - from where to where
        self, source: Collection, name: str, target: Collection, new_name: str, *, move: bool, overwrite: bool
    ) -> bool:
        """Copy or move an item within the account, in one transaction; whether the target is new.

        Raises ``Refused``, ``Unfit``: MATCH where it must not be overwritten.
        """
        _check_name(new_name)
        found = self.read(source, name)
        if found is None:
            raise Refused(Reason.NON_EXISTENT, "There is no such item")
        if source.kind is not target.kind:
            raise Unfit(Rule.VALID_DATA, "The collection does not hold such items")
        facts = self._facts(target, new_name, found[1])
        with self.database.write(durable=True) as connection:
            source_row, row = self._row(connection, source.name), self._row(connection, target.name)
            current = items.by_name(connection, source_row.id, name)
            if current is None or current.etag != found[0].etag:
                raise Overtaken
            old = items.by_name(connection, row.id, new_name)
            if old is not None and not overwrite:
                raise Unfit(Rule.MATCH, "There is an item of that name")
            if move:
                items.remove(connection, source_row.id, current, int(self._clock()))
                row = self._row(connection, target.name)
            self._check(connection, row, old, facts)
            items.put(connection, row.id, old, facts, int(self._clock()))
            made = items.by_name(connection, row.id, new_name)
            assert made is not None
            items.set_schedule_tag(connection, made.id, current.schedule_tag)
        return old is None

    # Reminders by mail

    @storage_errors
    def reminders(self, collection: Collection) -> int:
        """Of which kinds of alarms mails remind (``AlarmKind``), one bit each."""
        with self.database.read() as connection:
            return reminders.kinds_of(connection, collection.id)

    @storage_errors
    def choose_reminders(self, wanted: Iterable[Collection], kinds: int) -> None:
        """From now on mails remind of these kinds."""
        with self.database.write(durable=True) as connection:
            for one in wanted:
                reminders.choose(connection, one.id, kinds, int(self._clock()))

    # What the doctor and the jobs worker do

    @storage_errors
    def rows(self, collection: Collection) -> list[ItemRow]:
        with self.database.read() as connection:
            return items.every(connection, collection.id)

    @storage_errors
    def says(self, collection: Collection, row: ItemRow, facts: Facts) -> bool:
        """Whether the tables say these facts of the item; of a series without end only those that do not move."""
        with self._snapshot() as connection:
            occurrences, properties = items.extracted(connection, collection.id, row.id)
        same = (row.uid, row.component, row.parts) == (facts.uid, facts.component, facts.parts)
        whole = facts.kept_to is not None or {tuple(map(int, one)) for one in facts.occurrences} == occurrences
        return same and whole and [tuple(one) for one in facts.properties] == properties

    @storage_errors
    def forget(self, days: int) -> int:
        """Forget deletions of before; how many."""
        with self.database.write() as connection:
            return collections.forget_tombstones(connection, int(self._clock()) - days * 86_400)

    def _facts(self, collection: Collection, name: str, data: bytes) -> Facts:
        """Raises ``Unfit``."""
        if len(data) > self.bounds.item_size:
            raise Unfit(Rule.MAX_SIZE, "The item is too large", reason=Reason.TOO_BIG)
        try:
            text = decode(data)
        except BadSyntax as wrong:
            raise Unfit(Rule.VALID_DATA, str(wrong)) from wrong
        found = extract(collection.kind, text, int(self._clock()))
        if collection.kind is Kind.CALENDAR and found.component not in collection.components:
            raise Unfit(Rule.SUPPORTED_COMPONENT, f"The collection holds no {found.component}")
        return facts_of(name, data, found)

    def _check(self, connection: sqlite3.Connection, row: CollectionRow, old: ItemRow | None, facts: Facts) -> None:
        other = items.by_uid(connection, row.id, facts.uid)
        if other is not None and (old is None or other.id != old.id):
            raise Unfit(Rule.NO_UID_CONFLICT, "The UID is in use", other=other.name)
        if old is None and row.items >= self.bounds.items:
            raise Unfit(Rule.QUOTA, "There are too many items", reason=Reason.OVER_QUOTA)
        grown = len(facts.text) - (old.size if old else 0)
        used = collections.state(connection)[1] + (attachments.usage(connection) if grown > 0 else 0)
        if grown > 0 and used + grown > self.bounds.storage:
            raise Unfit(Rule.QUOTA, "The storage is full", reason=Reason.OVER_QUOTA)

    @staticmethod
    def _free_name(connection: sqlite3.Connection, row: CollectionRow, facts: Facts) -> Facts:
        if items.by_name(connection, row.id, facts.name) is None:
            return facts
        stem, dot, ending = facts.name.rpartition(".")
        return facts._replace(name=f"{stem[:200]}-{uuid.uuid4().hex[:12]}{dot}{ending}")

    @staticmethod
    def _row(connection: sqlite3.Connection, name: str) -> CollectionRow:
        row = collections.by_name(connection, name)
        if row is None:
            raise Refused(Reason.NON_EXISTENT, "There is no such collection")
        return row

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """One state of the file for several questions."""
        with self.database.read() as connection:
            if connection.in_transaction:  # in memory, inside of a write
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")


def insert_collection(
    connection: sqlite3.Connection, account: AccountId, name: str, new: NewCollection
) -> CollectionRow:
    """A new, empty collection, in the caller's transaction. Raises ``Unfit``."""
    row = CollectionRow(
        0, name, new.kind.value, uuid.uuid4().hex, _components(new), new.display_name, new.description, new.color,
        new.position, new.time_zone, int(new.transparent), 0, 0, 0, 0,
    )  # fmt: skip
    collections.insert(connection, account, row)
    made = collections.by_name(connection, name)
    assert made is not None
    return made


def _bounded(connection: sqlite3.Connection, identities: Iterable[int]) -> Iterator[tuple[str, str, bytes]]:
    """Name, etag and text of these. Raises ``Refused(LIMIT)``."""
    size = 0
    for _, name, etag, _, text in items.texts(connection, identities):
        size += len(text)
        if size > MAX_ANSWER:
            raise Refused(Reason.LIMIT, "That is more than one answer holds")
        yield name, etag, text


def etag_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def facts_of(name: str, data: bytes, found: Extract) -> Facts:
    """What is written of an item."""
    return Facts(
        name=name,
        uid=found.uid,
        component=found.component,
        etag=etag_of(data),
        text=data,
        parts=found.parts,
        whole=found.whole,
        kept_from=found.kept_from,
        kept_to=found.kept_to,
        occurrences=[(one.start, one.end, one.floating, one.busy, one.part) for one in found.occurrences],
        properties=[(part, key, value, value.casefold()) for part, key, value in found.properties],
        reminders=found.reminders,
    )


def _check_conditions(old: ItemRow | None, conditions: Conditions) -> None:
    """RFC 9110 §13.2.2. Raises ``Unfit(MATCH)``."""
    if conditions.match is not None and (old is None or not _named(old.etag, conditions.match)):
        raise Unfit(Rule.MATCH, "The item is not as expected")
    if conditions.schedule_tag is not None and (old is None or old.schedule_tag != conditions.schedule_tag):
        raise Unfit(Rule.MATCH, "The item is not as expected")
    if conditions.none_match is not None and old is not None and _named(old.etag, conditions.none_match):
        raise Unfit(Rule.MATCH, "There is an item of that name")


def _named(etag: str, etags: Sequence[str]) -> bool:
    return "*" in etags or etag in etags


def _check_name(name: str) -> None:
    if not _NAME.match(name) or name in (".", "..") or not name.isprintable():
        raise Refused(Reason.CANNOT, "The name is not possible")


def _components(new: NewCollection) -> str:
    if new.kind is not Kind.CALENDAR:
        return ""
    if not new.components or any(name not in COMPONENTS for name in new.components):
        raise Unfit(Rule.SUPPORTED_COMPONENT, "A calendar holds " + ", ".join(COMPONENTS))
    return ",".join(dict.fromkeys(new.components))


def _collection(row: CollectionRow) -> Collection:
    values = row._asdict()
    values["kind"], values["transparent"] = Kind(row.kind), bool(row.transparent)
    values["components"] = tuple(row.components.split(",")) if row.components else ()
    return Collection(**values)


def _item(row: ItemRow) -> Item:
    return Item(
        row.id, row.name, row.uid, row.component, row.etag, row.change, row.size, row.modified, row.created,
        row.schedule_tag,
    )  # fmt: skip
