"""Messages that wait in the file of their sender's account.

They are written in the transaction that changes the calendar, so there is never one without the other. Who delivers
them afterwards may die at any moment: a message is struck out only when its recipient has it, and whoever comes next
delivers again what still stands here. The recipient remembers the ids.
"""

import sqlite3
from collections.abc import Iterable

from optimails.groupware.account import AccountGroupware
from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.index.database import storage_errors
from optimails.index.groupware import messages
from optimails.index.groupware.messages import MessageRow

MAX_WHY = 500  # characters


def write(connection: sqlite3.Connection, wanted: Iterable[ItipMessage], now: int) -> None:
    """Add messages, in the caller's transaction."""
    for one in wanted:
        row = MessageRow(
            0, one.id, one.method.value, one.sender, one.sent_by, one.recipient, one.uid, one.component, one.sequence,
            one.summary, int(one.quiet), one.created or now, 0, 0, now, "",
        )  # fmt: skip
        messages.add(connection, row, one.text)


@storage_errors
def add(account: AccountGroupware, wanted: Iterable[ItipMessage], now: int) -> None:
    """Messages that come without a change of the calendar."""
    with account.database.write(durable=True) as connection:
        write(connection, wanted, now)


@storage_errors
def listed(account: AccountGroupware) -> list[MessageRow]:
    """All that are not delivered, those that were given up too (``due`` is None)."""
    with account.database.read() as connection:
        return messages.every(connection)


@storage_errors
def due(account: AccountGroupware, now: int, after: int = 0) -> list[tuple[MessageRow, ItipMessage]]:
    """The next messages behind that number whose time has come."""
    with account.database.read() as connection:
        found = messages.due(connection, now, after)
    return [(row, _message(row, text)) for row, text in found]


@storage_errors
def next_due(account: AccountGroupware) -> int | None:
    """When there is something to do (Unix seconds); None: nothing waits."""
    with account.database.read() as connection:
        return messages.next_due(connection)


@storage_errors
def delivered(account: AccountGroupware, rows: Iterable[MessageRow]) -> None:
    with account.database.write() as connection:
        messages.remove(connection, [row.number for row in rows])


@storage_errors
def put_off(account: AccountGroupware, row: MessageRow, due_: int | None, why: str) -> None:
    """It could not be delivered; None: it never will."""
    with account.database.write() as connection:
        messages.put_off(connection, row.number, due_, why[:MAX_WHY])


@storage_errors
def forget(account: AccountGroupware, before: int) -> None:
    """What is so old that nobody asks any more (Unix seconds): ids that came, and messages that were given up."""
    with account.database.write() as connection:
        messages.forget(connection, before)


def _message(row: MessageRow, text: bytes) -> ItipMessage:
    return ItipMessage(
        id=row.id,
        method=Method(row.method),
        sender=row.sender,
        recipient=row.recipient,
        uid=row.uid,
        component=row.component,
        text=text,
        summary=row.summary,
        sequence=row.sequence,
        sent_by=row.sent_by,
        created=row.created,
        quiet=bool(row.quiet),
    )
