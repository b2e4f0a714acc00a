"""A message that comes: what it changes, and that it came, are one transaction in the recipient's file.

Its id is noted in the same transaction. Who brings it again, because he died before he could strike it out, finds the
note, and nothing is done twice.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Item, Overtaken, Rule, Unfit
from optimails.groupware.scheduling import inbox, incoming, outbox, planning
from optimails.groupware.scheduling.api import Automatic, ItipMessage, Method, Outcome, Result
from optimails.groupware.scheduling.invited import Arrival, refused
from optimails.groupware.scheduling.objects import read_scheduled
from optimails.groupware.scheduling.organizer import Change, echoed
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.people import user_of
from optimails.groupware.scheduling.planning import Writer, might_be_scheduled, own_users
from optimails.groupware.scheduling.users import People
from optimails.groupware.scheduling.writing import again, mark
from optimails.index.database import storage_errors
from optimails.index.groupware import collections, items, messages
from optimails.index.groupware.items import ItemRow
from optimails.model.account import Account
from optimails.model.errors import Unavailable

_SHOWN = frozenset({Result.APPLIED, Result.KEPT})


class _Known(Exception):
    """The message was worked on before."""


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is written with the change of the item (``account.Beside``)."""

    account: AccountGroupware
    message: ItipMessage
    arrival: Arrival
    answers: tuple[ItipMessage, ...]
    found: Item | None
    state: int | None  # the account's change number, where the whole calendar was looked at
    now: int

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        if messages.result_of(connection, self.message.id) is not None:
            raise _Known
        if (old.etag if old is not None else None) != (self.found.etag if self.found is not None else None):
            raise Overtaken
        if self.state is not None and collections.state(connection)[0] != self.state:
            raise Overtaken

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        if made is not None:
            known = self.found.schedule_tag or self.found.etag if self.found is not None else made.etag
            consequential = self.arrival.consequential and not self.message.quiet
            items.set_schedule_tag(connection, made.id, made.etag if consequential else known)
        messages.note(connection, self.message.id, self.arrival.result.value, self.now)
        if self.arrival.result in _SHOWN and not self.message.quiet and self.message.method is not Method.REFRESH:
            inbox.keep(connection, self.account.account, self.message, self.now)
        outbox.write(connection, self.answers, self.now)


class Receiving:
    """Applies messages to accounts."""

    def __init__(
        self, people: People, pending: Pending, clock: Callable[[], float], automatic: Automatic | None = None
    ) -> None:
        self._people = people
        self._pending = pending
        self._clock = clock
        self._automatic = automatic

    def apply(self, owner: Account, account: AccountGroupware, message: ItipMessage) -> tuple[Outcome, bool]:
        """What became of it, and whether messages wait in the account now. Raises ``Unavailable``."""
        try:
            return again(lambda: self._apply(owner, account, message))
        except _Known:
            return Outcome(Result.KNOWN), False

    def _apply(self, owner: Account, account: AccountGroupware, message: ItipMessage) -> tuple[Outcome, bool]:
        state = _state(account)
        where, found, text = _stored(account, message)
        users = self._people.users({*incoming.users_in(message.text, text), user_of(message.sender)})
        own, now = own_users(users, owner), int(self._clock())
        arrival = incoming.apply(message, text, own, now)
        change = planning.change_of(Writer(owner), users, now)
        answers = _answers(message, arrival, text, change)
        watched = None
        if self._automatic is not None and arrival.text is not None and message.method is Method.REQUEST:
            answered = self._automatic.answer(owner, account, message, arrival.text)
            if answered is not None:
                watched = state
                arrival, more = self._automatically(arrival, answered, owner, change)
                answers += more
        if answers:
            mark(self._pending, account.account)
        beside = _Beside(account, message, arrival, answers, found, watched, now)
        if arrival.text is None:
            self._note(account, beside)
            return Outcome(arrival.result, where, found.name if found else "", arrival.why), _urgent(answers)
        target = account.collection(where) if where else inbox.default_calendar(account, message.component)
        if target is None:
            raise Overtaken
        name = found.name if found is not None else _name(message.uid)
        return self._store(account, target, name, beside)

    def _store(self, account: AccountGroupware, target: Collection, name: str, beside: _Beside) -> tuple[Outcome, bool]:
        assert beside.arrival.text is not None
        try:
            item, _ = account.put(target, name, beside.arrival.text, beside=beside)
        except Unfit as unfit:
            if unfit.rule is Rule.QUOTA:
                raise Unavailable("The calendar is full") from unfit
            if unfit.rule is Rule.NO_UID_CONFLICT:
                raise Overtaken from unfit
            no = refused(str(unfit))
            self._note(account, _Beside(account, beside.message, no, (), beside.found, None, beside.now))
            return Outcome(Result.REFUSED, why=str(unfit)), False
        return Outcome(beside.arrival.result, target.name, item.name, beside.arrival.why), _urgent(beside.answers)

    @staticmethod
    @storage_errors
    def _note(account: AccountGroupware, beside: _Beside) -> None:
        """Without a change of the calendar."""
        with account.database.write(durable=True) as connection:
            if messages.result_of(connection, beside.message.id) is not None:
                raise _Known
            beside.after(connection, None)

    @staticmethod
    def _automatically(
        arrival: Arrival, answered: bytes, owner: Account, change: Change
    ) -> tuple[Arrival, tuple[ItipMessage, ...]]:
        """The answer is the attendee's, as if a program of his had stored it."""
        assert arrival.text is not None
        old, new = read_scheduled(arrival.text), read_scheduled(answered)
        planned = planning.stored(answered, old, new, Writer(owner), change)
        return Arrival(arrival.result, planned.text), planned.messages


def _answers(message: ItipMessage, arrival: Arrival, text: bytes | None, change: Change) -> tuple[ItipMessage, ...]:
    """What the organizer's copy itself answers, and passes on of an answer."""
    if text is None:
        return ()
    drafts, stored = arrival.drafts, read_scheduled(text)
    if message.method is Method.REPLY and arrival.text is not None:
        drafts = tuple(echoed(stored, read_scheduled(arrival.text), user_of(message.sender), change))
    return planning.messages_of(drafts, stored, stored.organizer, change) if drafts else ()


def _urgent(answers: tuple[ItipMessage, ...]) -> bool:
    """Whether somebody waits for them; the jobs worker brings the others."""
    return any(not one.quiet for one in answers)


@storage_errors
def _state(account: AccountGroupware) -> int:
    with account.database.read() as connection:
        return collections.state(connection)[0]


def _stored(account: AccountGroupware, message: ItipMessage) -> tuple[str, Item | None, bytes | None]:
    """Collection, item and text of the message's object: of those with its UID, the one that people are invited to."""
    found = [one for one in account.by_uid(message.uid) if one[1].component == message.component]
    for where, item, text in sorted(found, key=lambda one: one[1].schedule_tag is None):
        if might_be_scheduled(text):
            return where, item, text
    return found[0] if found else ("", None, None)


def _name(uid: str) -> str:
    """A name in addresses that any program can handle."""
    return f"{hashlib.sha256(uid.encode('utf-8', 'replace')).hexdigest()[:32]}.ics"
