"""The mail of all accounts on this machine (``optimails.mailbox.api.MailService``)."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from optimails.index import accounts, mailboxes
from optimails.index.database import Damaged, Database, storage_errors
from optimails.index.texts import TextIndex
from optimails.mailbox import folders, indexing, recovery, removing, restoring
from optimails.mailbox.account import LocalAccountMail
from optimails.mailbox.api import SharedMail
from optimails.mailbox.engine import Engine, Publisher, forget_dead_openers, register_opener
from optimails.mailbox.intake import Intake
from optimails.mailbox.sharing.shared_mail import LocalSharedMail
from optimails.mailbox.sharing.visit import Visitor
from optimails.model.account import Account
from optimails.model.ids import AccountId
from optimails.store.api import AccountFiles
from optimails.store.journal import Journal
from optimails.store.maildir import MaildirFiles
from optimails.store.places import account_directory
from optimails.store.remains import Remains
from quota.usage import Usage

if TYPE_CHECKING:
    from optimails.audit import AuditLog
    from optimails.directory.api import Directory

log = logging.getLogger(__name__)

INDEX = "index.sqlite"
TEXTS = "texts.sqlite"
JOURNAL = "journal"
_database = storage_errors(Database)
Places = Callable[[AccountId], tuple[AccountFiles, Path | None]]
"""Where an account's files are, and its index (None: in memory)."""


def places(data: Path, journal: Journal | None = None) -> Places:
    """Accounts below ``data/mail``, in folders by the first letters of their id.

    A process that stores many messages has a ``journal`` (``open_journal``).
    """
    remains = Remains(data / JOURNAL, accounts.boot_id())

    def place(account: AccountId) -> tuple[AccountFiles, Path]:
        directory = account_directory(data, account)
        return MaildirFiles(directory, journal, remains), directory / INDEX

    return place


def open_journal(data: Path) -> Journal:
    """This process's own; to be closed at its end."""
    return Journal(data / JOURNAL, data / "mail", accounts.boot_id())


class LocalMailService:
    """Opens accounts and keeps the last used ones open, up to ``open_accounts`` without users."""

    def __init__(
        self,
        where: Places,
        bus: Publisher,
        *,
        open_accounts: int = 200,
        directory: "Directory | None" = None,
        audit: "AuditLog | None" = None,
    ) -> None:
        """``directory`` knows who may look at whose mail, for ``enter``; ``audit`` is where it is noted."""
        self._directory = directory
        self._audit = audit
        self._where = where
        self._bus = bus
        self._limit = open_accounts
        self._engines: OrderedDict[AccountId, Engine] = OrderedDict()
        self._intake = Intake()
        self._opening: dict[AccountId, asyncio.Task[None]] = {}
        self._closing: dict[AccountId, asyncio.Future[None]] = {}

    async def open(self, account: Account, *, again: bool = False) -> LocalAccountMail:
        while (engine := self._engines.get(account.id)) is None:
            await self._open(account.id)
        self._engines.move_to_end(account.id)
        if not (again and engine.users):
            engine.limits = account.limits
        engine.users += 1
        return LocalAccountMail(engine, account, self._release, self._intake)

    async def enter(self, account: Account, via: str, session: str) -> SharedMail:
        assert self._directory is not None
        own = await self.open(account)
        visitor = Visitor(account, via, session, self._directory.rights, self._audit)
        return LocalSharedMail(own, visitor, self._directory, self.open)

    def changed(self, account: Account) -> None:
        engine = self._engines.get(account.id)
        if engine is not None:
            engine.limits = account.limits

    async def _open(self, account: AccountId) -> None:
        """One opening at a time for an account, whoever asks; it goes on when who asked goes away."""
        opening = self._opening.get(account)
        if opening is None:
            opening = self._opening[account] = asyncio.create_task(self._open_engine(account))
            opening.add_done_callback(lambda task: self._opened(account, task))
        await asyncio.shield(opening)

    async def _open_engine(self, account: AccountId) -> None:
        closing = self._closing.get(account)
        if closing is not None:  # or it would strike this process off the account's openers after we put it there
            await asyncio.wait((closing,))
        loop = asyncio.get_running_loop()
        self._engines[account] = await loop.run_in_executor(None, open_engine, account, self._where, self._bus)

    def _opened(self, account: AccountId, task: "asyncio.Task[None]") -> None:
        del self._opening[account]
        if not task.cancelled():
            task.exception()  # told to those who wait, if any still does

    def _release(self, engine: Engine) -> None:
        engine.users -= 1
        excess = len(self._engines) - self._limit
        if excess > 0:
            idle = [identity for identity, other in self._engines.items() if not other.users][:excess]
            for identity in idle:
                self._close(self._engines.pop(identity))

    def _close(self, engine: Engine) -> "asyncio.Future[None]":
        closing = asyncio.get_running_loop().run_in_executor(None, engine.close)
        self._closing[engine.account] = closing
        closing.add_done_callback(lambda _: self._closing.pop(engine.account, None))
        return closing

    async def recalculate(self, account: Account) -> tuple[Usage, Usage]:
        """Count the account's messages and bytes anew: (as it was kept, as it is)."""
        async with await self.open(account) as mail:
            before = await mail.usage()
            await asyncio.get_running_loop().run_in_executor(None, recount, mail.engine)
            return before, await mail.usage()

    async def maintain(self, account: Account) -> int:
        """Remove for good what the account's retention no longer keeps; how many messages."""
        async with await self.open(account) as mail:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, indexing.prune_texts, mail.engine)
            return await loop.run_in_executor(None, removing.purge, mail.engine)

    async def recover(self, account: AccountId) -> None:
        """Open the account, which restores what the machine lost when it went down. Raises ``Unavailable``."""
        if account not in self._engines:
            await self._open(account)

    async def index_texts(self, account: Account) -> int:
        """Bring the account's text index up to date, if it has one; how many messages were added."""
        async with await self.open(account) as mail:
            return await asyncio.get_running_loop().run_in_executor(None, indexing.index_texts, mail.engine)

    async def close(self) -> None:
        """Close every account that nobody uses, in good order."""
        for identity, engine in list(self._engines.items()):
            if not engine.users:
                del self._engines[identity]
                await self._close(engine)
        if self._closing:
            await asyncio.wait(list(self._closing.values()))


@storage_errors
def open_engine(account: AccountId, where: Places, bus: Publisher) -> Engine:
    """Open an account in this process, recovering what a crash left. Blocking.

    One process at a time: two that recover would both adopt the same file, and a new account is not to be used before
    its mailboxes are there.
    """
    files, index = where(account)
    with files.opening():
        return _open(account, files, index, bus)


def _open(account: AccountId, files: AccountFiles, index: Path | None, bus: Publisher) -> Engine:
    try:
        database = _database(index)
    except Damaged as damage:
        assert index is not None
        log.exception("index_damaged", extra={"fields": {"account": account, "detail": str(damage)}})
        set_aside(index)
        database = Database(index)
    restored = restoring.restore(files, database, account)  # first: what follows takes a missing file for a lost one
    opened = accounts.prepare(database, account)
    texts = TextIndex(index.with_name(TEXTS) if index else None)
    engine = Engine(account, database, texts, files, bus)
    crashed, living = register_opener(database)
    if opened.created:
        # Files without an index: it was lost, or set aside just now. A new account has no folder but the bare INBOX.
        if any(True for folder in files.folders() if folder) or any(True for _ in _names(files)):
            engine.opening_findings = recovery.rebuild(engine)
        folders.create_standard(engine)
        accounts.finish(database)
        forget_dead_openers(database)
    elif crashed or opened.rebooted:
        engine.opening_findings = recovery.recover(engine, living, adopt=opened.rebooted)
        if opened.rebooted:
            accounts.finish(database)
        forget_dead_openers(database)
    engine.opening_findings = restored + engine.opening_findings
    return engine


@storage_errors
def recount(engine: Engine) -> None:
    """Set every counter from what it counts."""
    with engine.database.write() as connection:
        for row in mailboxes.every(connection):
            mailboxes.recount(connection, row.id)
        mailboxes.recount_account(connection)


def _names(files: AccountFiles) -> list[str]:
    try:
        return list(files.names(""))
    except (FileNotFoundError, KeyError):
        return []


def set_aside(index: Path) -> None:
    """Rename a damaged index and its log, for whoever wants to look."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        path = index.with_name(index.name + suffix)
        if path.exists():
            path.rename(path.with_name(f"{path.name}.damaged-{stamp}"))
