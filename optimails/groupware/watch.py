"""Tells the jobs worker, as part of each write to an account's file, when an alarm of it is to be looked at next."""

import sqlite3

from optimails.groupware.work import Work
from optimails.index.groupware import reminders
from optimails.model.ids import AccountId


class Watch:
    """``optimails.index.database.Database.before_commit`` of one account. Raises ``Unavailable``."""

    def __init__(self, account: AccountId, work: Work) -> None:
        self._account = account
        self._work = work
        self._noted: float | None = None

    def __call__(self, connection: sqlite3.Connection) -> None:
        due = reminders.next_due(connection)
        if due is not None and due != self._noted:
            self._work.note(self._account, due)
        self._noted = due
