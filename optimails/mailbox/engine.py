"""One account, open in this process: its files, its index, and what is known of its mailboxes in memory.

The engine is blocking; ``LocalAccountMail`` and ``LocalSelectedMailbox`` call it from threads (and for point reads from
the event loop). The functions that change mail stand beside it, one family a file: ``storing``, ``flagging``,
``removing``, ``folders``, ``recovery``. All of them follow one order: files first and synced, then one transaction of
the index, then what is left over on disk; so that at any moment a crash leaves either nothing, or files without rows
(never acknowledged, or to be adopted), or files that a tombstone already names.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from optimails.events.api import Kind
from optimails.index import accounts, mailboxes
from optimails.index.database import Database, storage_errors
from optimails.index.keywords import KeywordTable
from optimails.index.mailboxes import MailboxRow
from optimails.index.texts import TextIndex
from optimails.mailbox.findings import Finding
from optimails.mailbox.state import MailboxState
from optimails.model.account import Limits
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId, MailboxId, ModSeq
from optimails.model.mailbox_name import INBOX, canonical
from optimails.store.api import AccountFiles
from quota.usage import Usage

log = logging.getLogger(__name__)

IDLE_STATES = 4
"""Mailboxes of an account that stay in memory without a session."""


class Publisher(Protocol):
    """The part of the event bus that a change needs."""

    def publish(self, account: AccountId, mailbox: MailboxId, modseq: ModSeq) -> None: ...
    def publish_account(self, account: AccountId, kind: Kind) -> None: ...


class Engine:
    """Shared by all sessions of the account in this process."""

    def __init__(
        self, account: AccountId, database: Database, texts: TextIndex, files: AccountFiles, bus: Publisher
    ) -> None:
        self.account = account
        self.database = database
        self.texts = texts
        self.files = files
        self.bus = bus
        self.keywords = KeywordTable(database)
        self._inbox: MailboxRow | None = None
        self.limits = Limits(None, None, 0)
        self.users = 0  # open handles; the engine is kept while there are any
        self.states: dict[tuple[MailboxId, str], MailboxState] = {}  # by mailbox, and viewer with a \\Seen of his own
        self.arrivals: dict[str, int] = {}  # stamp of new/ when last looked, by folder
        self.ingesting = threading.Lock()
        self.opening_findings: list[Finding] = []  # what opening put right, for ``doctor`` to tell

    @storage_errors
    def mailbox(self, name: str) -> MailboxRow:
        """The row of a selectable mailbox. Raises ``Refused(NON_EXISTENT)``."""
        with self.database.read() as connection:
            row = mailboxes.by_name(connection, canonical(name))
        if row is None or not row.selectable:
            raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
        return row

    def target(self, name: str) -> MailboxRow:
        """As ``mailbox``, for what is to be stored there; of INBOX the counters may be old, which spares the reading.

        What it needs of INBOX never changes: its id, its folder, its UIDVALIDITY.
        """
        if name != INBOX:
            return self.mailbox(name)
        if self._inbox is None:
            self._inbox = self.mailbox(INBOX)
        return self._inbox

    @storage_errors
    def usage(self) -> Usage:
        with self.database.read() as connection:
            storage, messages = accounts.usage(connection)
        return Usage(storage, messages, self.limits)

    @property
    def limited(self) -> bool:
        """Whether anything is too much for the account."""
        return self.limits.storage is not None or self.limits.messages is not None

    def state(self, mailbox: MailboxId, viewer: str = "") -> MailboxState:
        """The shared memory of a mailbox, made empty when it is not there yet."""
        state = self.states.get((mailbox, viewer))
        if state is None:
            state = self.states.setdefault((mailbox, viewer), MailboxState(mailbox))
        return state

    def tidy(self, operation: Callable[..., object], *names: object) -> None:
        """Something on disk that a commit left to do. If it fails now, recovery or ``doctor`` does it later."""
        try:
            operation(*names)
        except OSError as wrong:
            log.warning("tidying_failed", extra={"fields": {"account": self.account, "error": str(wrong)}})

    def trim_states(self) -> None:
        """Forget mailboxes that no session looks at, but for the last few."""
        idle = [identity for identity, state in self.states.items() if not state.viewers]
        for identity in idle[:-IDLE_STATES]:
            del self.states[identity]

    def changed(self, mailbox: MailboxId, modseq: ModSeq) -> None:
        """Tell everybody, after the commit."""
        self.bus.publish(self.account, mailbox, modseq)
        if self.texts.wanted:
            self.bus.publish_account(self.account, Kind.TEXTS)

    def want_texts(self, mailbox: MailboxId) -> None:
        """Have the jobs worker index the mailbox's texts from now on."""
        self.texts.want(mailbox)
        self.bus.publish_account(self.account, Kind.TEXTS)

    def close(self) -> None:
        try:
            forget_opener(self.database)
        except sqlite3.Error as wrong:  # on a full disk: the next to open the account finds a dead opener and recovers
            log.warning("tidying_failed", extra={"fields": {"account": self.account, "error": str(wrong)}})
        self.texts.close()
        self.database.close()


def process_started(pid: int) -> int | None:
    """When the process started, in ticks since boot; None when there is no such process (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@storage_errors
def register_opener(database: Database) -> tuple[bool, set[int]]:
    """Note that this process has the account open.

    Returns whether processes died with it open, and the ids of the other living ones.
    """
    me = (os.getpid(), process_started(os.getpid()) or 0)
    with database.write() as connection:
        others = [row for row in connection.execute("SELECT pid, started FROM opener") if row != me]
        dead = [row for row in others if process_started(row[0]) != row[1]]
        connection.execute("INSERT OR IGNORE INTO opener (pid, started) VALUES (?, ?)", me)
    return bool(dead), {pid for pid, started in others if (pid, started) not in dead}


def other_openers(connection: sqlite3.Connection) -> set[int]:
    """The ids of the other living processes that have the account open now."""
    openers = connection.execute("SELECT pid, started FROM opener").fetchall()
    return {pid for pid, started in openers if pid != os.getpid() and process_started(pid) == started}


def forget_dead_openers(database: Database) -> None:
    """Their leftovers were recovered."""
    with database.write() as connection:
        for pid, started in connection.execute("SELECT pid, started FROM opener").fetchall():
            if process_started(pid) != started:
                connection.execute("DELETE FROM opener WHERE pid = ? AND started = ?", (pid, started))


def forget_opener(database: Database) -> None:
    """This process closes the account in good order."""
    with database.write() as connection:
        connection.execute("DELETE FROM opener WHERE pid = ?", (os.getpid(),))
