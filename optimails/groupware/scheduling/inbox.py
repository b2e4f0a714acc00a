"""The scheduling inbox (RFC 6638 §4.1): a collection of the messages that came, and where invitations go.

What a message means for the calendar has been done when it stands here; programs show it and delete it. Most never
look, so only the last ones are kept.
"""

import hashlib
import sqlite3

from optimails.groupware.account import AccountGroupware, etag_of, insert_collection
from optimails.groupware.api import Collection, Kind, NewCollection
from optimails.groupware.scheduling.api import ItipMessage
from optimails.index.database import storage_errors
from optimails.index.groupware import collections, items
from optimails.index.groupware.collections import CollectionRow
from optimails.index.groupware.items import Facts
from optimails.model.ids import AccountId

INBOX = "schedule-inbox"
"""Its segment in addresses; nobody makes a collection of that name."""
MAX_KEPT = 200  # messages
DEFAULT = "default-calendar"
_FIRST = {"VEVENT": "calendar", "VTODO": "tasks"}


@storage_errors
def inbox(account: AccountGroupware) -> Collection | None:
    """Made when it is asked for; None where a collection from before has its name."""
    found = account.collection(INBOX)
    if found is None:
        with account.database.write(durable=True) as connection:
            _row(connection, account.account)
        found = account.collection(INBOX)
    return found if found is not None and found.kind is Kind.INBOX else None


def _row(connection: sqlite3.Connection, account: AccountId) -> CollectionRow:
    row = collections.by_name(connection, INBOX)
    return row or insert_collection(connection, account, INBOX, NewCollection(Kind.INBOX, ()))


def keep(connection: sqlite3.Connection, account: AccountId, message: ItipMessage, now: int) -> None:
    """Add it, in the caller's transaction; the oldest ones go."""
    row = _row(connection, account)
    if row.kind != Kind.INBOX:
        return
    digest = hashlib.sha256(message.id.encode("utf-8", "replace")).hexdigest()[:32]
    facts = Facts(
        name=f"{digest}.ics",
        uid=message.id,  # of several messages about one object each stands for itself
        component=message.component,
        etag=etag_of(message.text),
        text=message.text,
        parts=1,
        whole=False,
        kept_from=None,
        kept_to=None,
        occurrences=(),
        properties=(),
    )
    items.put(connection, row.id, items.by_name(connection, row.id, facts.name), facts, now)
    for old in items.every(connection, row.id)[:-MAX_KEPT]:
        items.remove(connection, row.id, old, now)


def default_calendar(account: AccountGroupware, component: str) -> Collection:
    """Where invitations go (RFC 6638 §9.2): what the owner chose, the first that he got, or any; made without one."""
    fitting = [one for one in account.collections() if one.kind is Kind.CALENDAR and component in one.components]
    names = {one.name: one for one in fitting}
    place = account.collection(INBOX)
    chosen = account.properties(place).get(DEFAULT, "") if place is not None else ""
    for name in (chosen, _FIRST[component]):
        if name in names:
            return names[name]
    if fitting:
        return fitting[0]
    name = _FIRST[component]
    if account.collection(name) is not None:
        name = f"{name}-{component.lower()}"
    return account.create(name, NewCollection(Kind.CALENDAR, (component,)))


def choose_default(account: AccountGroupware, name: str) -> None:
    """Which calendar takes invitations from now on."""
    if inbox(account) is not None:
        account.update(INBOX, {}, {DEFAULT: name})
