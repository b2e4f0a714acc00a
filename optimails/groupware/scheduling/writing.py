"""Changes of calendars with what follows from them, in one transaction.

What follows is worked out from the state before, outside of the transaction, because reading texts takes longer than a
writer may be kept waiting. Inside, the state must still be that one, else all is worked out again. So there is never
an invitation without its event, nor the other way round, wherever the process dies.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Conditions, Item, Kind, Overtaken, Rule, Unfit
from optimails.groupware.scheduling import outbox, planning, proposals
from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.groupware.scheduling.drafts import MAX_TEXTS, Draft
from optimails.groupware.scheduling.inbox import INBOX
from optimails.groupware.scheduling.incoming import users_in
from optimails.groupware.scheduling.messages import read_message
from optimails.groupware.scheduling.objects import Scheduled, read_scheduled
from optimails.groupware.scheduling.organizer import Change
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.planning import Planned, Role, Writer, might_be_scheduled, read_or_none
from optimails.groupware.scheduling.users import People
from optimails.index.groupware import items
from optimails.index.groupware.items import ItemRow
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.ids import AccountId

TRIES = 8
T = TypeVar("T")


def again(work: Callable[[], T]) -> T:
    """Until nobody was faster. Raises ``Unavailable``."""
    for _ in range(TRIES):
        try:
            return work()
        except Overtaken:
            continue
    raise Unavailable("The calendar changes too fast")


@dataclass(frozen=True, slots=True)
class Following:
    """What is written beside an item's change (``account.Beside``)."""

    expected: str | None  # etag of the item before; None: there was none
    planned: Planned
    now: int
    tagged: bool = True  # the item has a Schedule-Tag
    before_tag: str | None = None

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        del connection
        if (old.etag if old is not None else None) != self.expected:
            raise Overtaken

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        if made is not None:
            keep = not self.planned.consequential and self.before_tag
            tag = None if self.planned.role is Role.NONE else self.before_tag if keep else made.etag
            items.set_schedule_tag(connection, made.id, tag)
        outbox.write(connection, self.planned.messages, self.now)


@dataclass(frozen=True, slots=True)
class AllGone:
    """The same for a calendar with all that is in it."""

    expected: frozenset[tuple[str, str]]  # name and etag
    collection: int
    messages: Sequence[ItipMessage]
    now: int

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        del old
        if frozenset(items.etags(connection, self.collection)) != self.expected:
            raise Overtaken

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        del made
        outbox.write(connection, self.messages, self.now)


class CalendarWriting:
    """Put, delete, move: as ``AccountGroupware`` does it, with scheduling. Each gives the messages it wrote."""

    def __init__(self, people: People, pending: Pending, clock: Callable[[], float]) -> None:
        self._people = people
        self._pending = pending
        self._clock = clock

    def put(  # noqa: PLR0913, PLR0917 - whose, by whom, where, what
        self,
        account: AccountGroupware,
        writer: Writer,
        collection: Collection,
        name: str,
        data: bytes,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
    ) -> tuple[Item, bool, bool]:
        """The item, whether it is new, and whether messages wait. Raises as ``AccountGroupware.put``, and ``Unfit``
        for what the owner may not change of others' meetings."""
        return again(lambda: self._put(account, writer, collection, name, data, conditions))

    def _put(  # noqa: PLR0913, PLR0917 - the same
        self,
        account: AccountGroupware,
        writer: Writer,
        collection: Collection,
        name: str,
        data: bytes,
        conditions: Conditions,
    ) -> tuple[Item, bool, bool]:
        found = account.read(collection, name) if collection.kind is Kind.CALENDAR else None
        before = found[1] if found is not None else None
        concerned = collection.kind is Kind.CALENDAR and (might_be_scheduled(data) or might_be_scheduled(before))
        new = read_or_none(data) if concerned else None
        if new is None:
            return (*account.put(collection, name, data, conditions), False)
        if not _holds(found[0] if found else None, conditions):
            return (*account.put(collection, name, data, conditions), False)  # says what is wrong
        users = self._people.users(users_in(data, before))
        keep = conditions.schedule_tag is not None and conditions.match is None
        now = int(self._clock())
        change = planning.change_of(writer, users, now, keep_answers=keep)
        planned = planning.stored(data, read_or_none(before), new, writer, change)
        if planned.role is not Role.NONE and found is None:
            self._check_unique(account, collection, new)
        self._mark(account.account, planned.messages)
        following = Following(
            found[0].etag if found else None, planned, now, before_tag=found[0].schedule_tag if found else None
        )
        item, created = account.put(collection, name, planned.text, conditions, following)
        return item, created, bool(planned.messages)

    def delete(  # noqa: PLR0913 - the same
        self,
        account: AccountGroupware,
        writer: Writer,
        collection: Collection,
        name: str,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
        *,
        reply: bool = True,
    ) -> bool:
        """Whether messages wait. ``reply`` False: an attendee's organizer hears nothing."""

        def work() -> bool:
            found = account.read(collection, name) if collection.kind is Kind.CALENDAR else None
            old = read_or_none(found[1]) if found is not None and might_be_scheduled(found[1]) else None
            if found is None or old is None or not _holds(found[0], conditions):
                account.delete(collection, name, conditions)
                return False
            planned = self._deleted(found[1], old, writer, reply=reply)
            self._mark(account.account, planned.messages)
            following = Following(found[0].etag, planned, int(self._clock()))
            account.delete(collection, name, conditions, following)
            return bool(planned.messages)

        return again(work)

    def transfer(  # noqa: PLR0913 - the same
        self,
        account: AccountGroupware,
        source: Collection,
        name: str,
        target: Collection,
        new_name: str,
        *,
        move: bool,
        overwrite: bool,
    ) -> bool:
        """Within the account; whether the target is new. A meeting is moved without a message, and is there once."""
        if not move and (found := account.item(source, name)) is not None and found.schedule_tag is not None:
            raise Unfit(Rule.UNIQUE_SCHEDULING, "A meeting is in one calendar only", other=name, within=source.name)
        existing = account.item(target, new_name)
        if existing is not None and existing.schedule_tag is not None:
            raise Unfit(Rule.ORGANIZER_CHANGE, "A meeting is not written over by another object")
        return account.transfer(source, name, target, new_name, move=move, overwrite=overwrite)

    def remove(self, account: AccountGroupware, writer: Writer, collection: Collection) -> bool:
        """A calendar with all that is in it; whether messages wait."""
        if collection.kind is not Kind.CALENDAR:
            account.remove(collection.name)
            return False

        def work() -> bool:
            etags = frozenset(account.etags(collection))
            messages: list[ItipMessage] = []
            with account.all_texts(collection) as texts:
                meetings = [text for _, _, text in texts if might_be_scheduled(text)]
            for text in meetings:
                old = read_or_none(text)
                if old is not None:
                    messages += self._deleted(text, old, writer, reply=True).messages
            if sum(len(one.text) for one in messages) > 4 * MAX_TEXTS:
                raise Refused(Reason.LIMIT, "Too many people would have to be told")
            self._mark(account.account, messages)
            account.remove(collection.name, AllGone(etags, collection.id, messages, int(self._clock())))
            return bool(messages)

        return again(work)

    def propose(self, account: AccountGroupware, writer: Writer, uid: str, text: bytes) -> bool:
        """Whether messages wait, as from all of these."""
        found, _, old = _meeting(account, uid)
        change = self._change(writer, found, text)
        drafts = proposals.proposed(old, read_scheduled(text), change)
        return self._send(account, writer, old, next(iter(change.own & old.attendees.keys()), ""), drafts, change)

    def refresh(self, account: AccountGroupware, writer: Writer, uid: str) -> bool:
        found, _, old = _meeting(account, uid)
        change = self._change(writer, found)
        drafts = proposals.asked_again(old, change)
        return self._send(account, writer, old, next(iter(change.own & old.attendees.keys()), ""), drafts, change)

    def decide(self, account: AccountGroupware, writer: Writer, name: str, *, accept: bool, comment: str) -> bool:
        place = account.collection(INBOX)
        kept = account.read(place, name) if place is not None else None
        if place is None or kept is None:
            raise Refused(Reason.NON_EXISTENT, "There is no such proposal")
        counter = read_message(kept[1], identity="", sender="", recipient="", created=0)
        told = read_scheduled(kept[1], message=True)
        text, where, stored = _meeting(account, counter.uid)
        change = self._change(writer, text, kept[1])
        sender = next((user for user in told.attendees if user not in change.own), "")
        if counter.method is not Method.COUNTER or planning.role_in(stored, change.own) is not Role.ORGANIZER:
            raise Refused(Reason.NON_EXISTENT, "There is no such proposal")
        if accept:
            made = proposals.taken_over(stored, told)
            waiting = self.put(account, writer, where[0], where[1].name, made, Conditions(match=(where[1].etag,)))[2]
        else:
            drafts = proposals.declined(stored, told, sender, change, comment)
            waiting = self._send(account, writer, stored, stored.organizer, drafts, change)
        account.delete(place, name)
        return waiting

    def _change(self, writer: Writer, *texts: bytes) -> Change:
        return planning.change_of(writer, self._people.users(users_in(*texts)), int(self._clock()))

    def _send(  # noqa: PLR0913, PLR0917 - the parts of a message
        self, account: AccountGroupware, writer: Writer, of: Scheduled, sender: str, drafts: list[Draft], change: Change
    ) -> bool:
        """Messages without a change of the calendar."""
        messages = planning.messages_of(drafts, of, sender, change)
        planning.check_may_send(writer, messages)
        self._mark(account.account, messages)
        outbox.add(account, messages, change.now)
        return bool(messages)

    def _deleted(self, text: bytes, old: Scheduled, writer: Writer, *, reply: bool) -> Planned:
        users = self._people.users(users_in(text))
        return planning.deleted(old, writer, planning.change_of(writer, users, int(self._clock())), reply=reply)

    def _mark(self, account: AccountId, messages: Sequence[ItipMessage]) -> None:
        if messages:
            mark(self._pending, account)

    @staticmethod
    def _check_unique(account: AccountGroupware, collection: Collection, new: Scheduled) -> None:
        """RFC 6638 §3.2.4.1; within one calendar the other rule says it."""
        for where, item, _ in account.by_uid(new.uid):
            if where != collection.name:
                raise Unfit(Rule.UNIQUE_SCHEDULING, "The meeting is in another calendar", other=item.name, within=where)


def _meeting(account: AccountGroupware, uid: str) -> tuple[bytes, tuple[Collection, Item], Scheduled]:
    """Raises ``Refused(NON_EXISTENT)``."""
    for name, item, text in account.by_uid(uid):
        collection, found = account.collection(name), read_or_none(text)
        if collection is not None and found is not None and found.scheduled:
            return text, (collection, item), found
    raise Refused(Reason.NON_EXISTENT, "There is no such meeting")


def mark(pending: Pending, account: AccountId) -> None:
    """Raises ``Unavailable``."""
    try:
        pending.mark(account)
    except OSError as wrong:
        raise Unavailable("Mail storage is temporarily unavailable") from wrong


def _holds(old: Item | None, conditions: Conditions) -> bool:
    """Whether it is worth working anything out; the transaction decides."""
    tag = conditions.schedule_tag
    if tag is not None and (old is None or old.schedule_tag != tag):
        return False
    if conditions.match is not None and (old is None or not {"*", old.etag} & set(conditions.match)):
        return False
    return conditions.none_match is None or old is None or not {"*", old.etag} & set(conditions.none_match)
