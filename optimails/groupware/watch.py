"""Tells the jobs worker, as part of each write to an account's file, when that account is to be looked at next."""

import sqlite3

from optimails.groupware.work import Work
from optimails.index.groupware import messages, reminders
from optimails.model.ids import AccountId

PATIENCE = 30  # seconds: who writes a message delivers it himself, and only what is left then is the jobs worker's


class Watch:
    """``optimails.index.database.Database.before_commit`` of one account. Raises ``Unavailable``."""

    def __init__(self, account: AccountId, work: Work) -> None:
        self._account = account
        self._work = work
        self._noted: float | None = None

    def __call__(self, connection: sqlite3.Connection) -> None:
        due = next_look(connection)
        if due is not None and due != self._noted:
            self._work.note(self._account, due)
        self._noted = due


def next_look(connection: sqlite3.Connection) -> int | None:
    """When there is something to do for the account (Unix seconds)."""
    message, reminder = messages.next_due(connection), reminders.next_due(connection)
    moments = [] if message is None else [message + PATIENCE]
    return min(moments if reminder is None else [*moments, reminder], default=None)
