"""What the jobs worker is to do for calendars: whose are to be looked at, and when; messages that came by mail.

One file for the whole service, so that nobody looks through all accounts to find the few that have something to do.

**Nothing is forgotten.** Who writes something into an account's file that will need a look later notes the account
here *inside* of that transaction, before its commit. The jobs worker looks while it holds the account's write lock, and
notes the next moment before it lets go. So a note is never taken away between a change and its commit; a note for
which there is nothing to do costs one look.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimails.model.ids import AccountId
from optimails.queue.database import Database

FOLDER = "calendars"
VERSION = 2
SCHEMA = """
CREATE TABLE look (
    account TEXT PRIMARY KEY,
    due REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX look_due ON look (due);

CREATE TABLE arrival (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    identity TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text BLOB NOT NULL,
    arrived REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE INDEX arrival_due ON arrival (due);

CREATE TABLE mailed (
    account TEXT NOT NULL,
    uid TEXT NOT NULL,
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    facts TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (account, uid, recipient)
) WITHOUT ROWID;
CREATE INDEX mailed_at ON mailed (at);

CREATE TABLE copied (
    account TEXT PRIMARY KEY,
    change INTEGER NOT NULL
) WITHOUT ROWID;
"""
UPGRADES = {1: "CREATE TABLE copied (account TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID"}
BATCH = 50
KEEP_MAILED = 400 * 86_400  # seconds for which readers of an invitation are told what changed since


@dataclass(frozen=True, slots=True)
class Arrival:
    """A scheduling message that came by mail, from somebody who proved to be its sender."""

    account: AccountId
    identity: str  # the same for the same mail
    sender: str
    recipient: str
    text: bytes
    arrived: float = 0
    id: int = 0
    attempts: int = 0


class Work:
    """Thread-safe, one per process. Calls block on the disk, and raise ``Unavailable``."""

    def __init__(
        self, data: Path, *, wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time
    ) -> None:
        """``data`` is the service's data folder; ``wake`` is called when there is something to do at once."""
        self.clock = clock
        self._wake = wake
        self._database = Database(data / FOLDER / "work.sqlite", SCHEMA, VERSION, UPGRADES)

    def close(self) -> None:
        self._database.close()

    def next_due(self) -> float | None:
        """When there is something to do (Unix seconds)."""
        query = "SELECT min(due) FROM (SELECT min(due) AS due FROM look UNION ALL SELECT min(due) FROM arrival)"
        due: float | None = self._database.read_now(lambda database: database.execute(query).fetchone()[0])
        return due

    # -- accounts to look at

    def note(self, account: AccountId, due: float) -> None:
        """The account is to be looked at then, or sooner; in its write transaction, please."""
        query = "INSERT INTO look VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET due = min(due, excluded.due)"
        self._database.write_now(lambda database: database.execute(query, (account, due)))

    def looked(self, account: AccountId, due: float | None) -> None:
        """When the next look is due, or never; in its write transaction, please."""
        query = "INSERT OR REPLACE INTO look VALUES (?, ?)" if due is not None else "DELETE FROM look WHERE account = ?"
        values = (account, due) if due is not None else (account,)
        self._database.write_now(lambda database: database.execute(query, values))

    def to_look_at(self) -> list[AccountId]:
        """Accounts whose time has come, at most a batch."""
        query, now = "SELECT account FROM look WHERE due <= ? ORDER BY due LIMIT ?", self.clock()
        found = self._database.read_now(lambda database: database.execute(query, (now, BATCH)).fetchall())
        return [AccountId(account) for (account,) in found]

    def wake(self) -> None:
        """Something is due now, and its transaction has ended."""
        self._wake()

    # -- messages that came by mail

    def arrive(self, one: Arrival) -> None:
        """It is on disk when this returns."""
        now = self.clock()
        row = (one.account, one.identity, one.sender, one.recipient, one.text, now, now)
        names = "account, identity, sender, recipient, text, arrived, due"
        query = f"INSERT INTO arrival ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
        self._database.write_now(lambda database: database.execute(query, row))
        self._wake()

    def arrivals(self) -> list[Arrival]:
        """Those whose time has come, in the order in which they came; at most a batch."""
        columns = "account, identity, sender, recipient, text, arrived, id, attempts"
        query, now = f"SELECT {columns} FROM arrival WHERE due <= ? ORDER BY id LIMIT ?", self.clock()  # noqa: S608 - the same
        found = self._database.read_now(lambda database: database.execute(query, (now, BATCH)).fetchall())
        return [Arrival(*row) for row in found]

    def arrived(self, one: Arrival) -> None:
        """It was worked on."""
        self._database.write_now(lambda database: database.execute("DELETE FROM arrival WHERE id = ?", (one.id,)))

    def later(self, one: Arrival, due: float) -> None:
        """It could not be worked on now. Those of the same account that came after it wait, too."""
        query = "UPDATE arrival SET due = max(due, ?), attempts = attempts + (id = ?) WHERE account = ? AND id >= ?"
        self._database.write_now(lambda database: database.execute(query, (due, one.id, one.account, one.id)))

    # -- what people elsewhere were told

    def told(self, account: AccountId, uid: str, recipient: str) -> tuple[str, str] | None:
        """Language and facts of the last mail to this recipient about that event."""
        query, key = (
            "SELECT language, facts FROM mailed WHERE account = ? AND uid = ? AND recipient = ?",
            (account, uid, recipient),
        )
        row = self._database.read_now(lambda database: database.execute(query, key).fetchone())
        return (row[0], row[1]) if row else None

    def tell(self, account: AccountId, uid: str, recipient: str, told: tuple[str, str] | None) -> None:
        """They were told this; None: that it is over."""

        def write(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM mailed WHERE at < ?", (self.clock() - KEEP_MAILED,))
            if told is None:
                key = (account, uid, recipient)
                database.execute("DELETE FROM mailed WHERE account = ? AND uid = ? AND recipient = ?", key)
            else:
                row = (account, uid, recipient, *told, self.clock())
                database.execute("INSERT OR REPLACE INTO mailed VALUES (?, ?, ?, ?, ?, ?)", row)

        self._database.write_now(write)

    # -- scheduling inboxes of which delegates get copies

    def copied(self, account: AccountId) -> int | None:
        """The change of the account's inbox up to which delegates have copies; None: nobody ever had any."""
        query = "SELECT change FROM copied WHERE account = ?"
        row = self._database.read_now(lambda database: database.execute(query, (account,)).fetchone())
        return None if row is None else int(row[0])

    def copy(self, account: AccountId, change: int) -> None:
        """They have those up to this one."""
        query = "INSERT OR REPLACE INTO copied VALUES (?, ?)"
        self._database.write_now(lambda database: database.execute(query, (account, change)))
