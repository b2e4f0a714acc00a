"""The calendars and address books of all accounts on this machine."""

import dataclasses
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optimails.config.dav import DavSettings
from optimails.groupware.account import AccountGroupware, insert_collection
from optimails.groupware.api import Bounds, Kind, NewCollection
from optimails.groupware.attachments import FOLDER
from optimails.groupware.watch import Watch
from optimails.groupware.work import Work
from optimails.index.database import Damaged, Database, Schema, storage_errors
from optimails.index.groupware import collections
from optimails.index.groupware.schema import UPGRADES, VERSION, sqlite_statements
from optimails.model.account import Account
from optimails.model.ids import AccountId
from optimails.store.journal import sync_folder
from optimails.store.places import account_directory
from optimails.texts import text

log = logging.getLogger(__name__)

FILE = "groupware.sqlite"
SCHEMA = Schema(VERSION, sqlite_statements, UPGRADES)
DEFAULTS = (
    ("calendar", NewCollection(Kind.CALENDAR, ("VEVENT",), color="#2A6FBBFF", position=1)),
    ("tasks", NewCollection(Kind.CALENDAR, ("VTODO",), color="#4B8B3BFF", position=2)),
    ("contacts", NewCollection(Kind.BOOK, (), position=3)),
)
"""What every account has from its first use on."""


def bounds_of(settings: DavSettings) -> Bounds:
    """As the configuration has them."""
    return Bounds(
        item_size=settings.max_item,
        storage=settings.max_storage,
        items=settings.max_items,
        collections=settings.max_collections,
        attachment=settings.max_attachment,
        deleted=settings.max_storage,
    )


class LocalGroupware:
    """Opens accounts and keeps the last used ones open. Thread-safe."""

    def __init__(self, data: Path | None, bounds: Bounds = Bounds(), *, open_accounts: int = 200) -> None:  # noqa: B008
        """Without ``data``, everything is in memory (for tests)."""
        self._data = data
        self.work = Work(data) if data is not None else None
        self._bounds = bounds
        self._limit = open_accounts
        self._lock = threading.Lock()
        self._open: OrderedDict[AccountId, _Opened] = OrderedDict()

    @contextmanager
    def open(self, account: Account) -> Iterator[AccountGroupware]:
        """The account's, made with its default collections at first use. Raises ``Unavailable``."""
        with self._lock:
            opened = self._open.get(account.id)
            if opened is None:
                opened = self._open[account.id] = _Opened()
            self._open.move_to_end(account.id)
            opened.users += 1
        try:
            with opened.lock:
                if opened.groupware is None:
                    opened.groupware = self._start(account)
            yield opened.groupware
        finally:
            self._release(opened)

    def exists(self, account: AccountId) -> bool:
        """Whether the account has ever used them."""
        return account in self._open or (self._data is not None and self.path(account).exists())

    def attachments(self, account: AccountId) -> Path | None:
        """Where its managed attachments are; None when everything is in memory."""
        return None if self._data is None else self.path(account).parent / FOLDER

    def path(self, account: AccountId) -> Path:
        assert self._data is not None
        return account_directory(self._data, account) / FILE

    @storage_errors
    def _start(self, account: Account) -> AccountGroupware:
        path = None
        if self._data is not None:
            path = self.path(account.id)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            database = storage_errors(Database)(path, SCHEMA)
        except Damaged as damage:
            # The file is the record: it is never set aside by itself. An administrator restores it.
            log.error("groupware_damaged", extra={"fields": {"account": account.id, "detail": str(damage)}})  # noqa: TRY400
            raise
        if self.work is not None:
            database.before_commit = Watch(account.id, self.work)
        groupware = AccountGroupware(account.id, database, self._bounds)
        with database.read() as connection:
            known = collections.known(connection)
        if not known:
            self._make_defaults(groupware, account)
            if path is not None:  # the file's own name, and its folder's, are to survive a power cut, too
                for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
                    sync_folder(folder)
        return groupware

    @staticmethod
    def _make_defaults(groupware: AccountGroupware, account: Account) -> None:
        with groupware.database.write(durable=True) as connection:
            if not collections.prepare(connection, account.id):
                return  # another process was first
            for name, new in () if account.domain_folders else DEFAULTS:
                title = text(f"groupware.default.{name}", account.language)
                insert_collection(connection, account.id, name, dataclasses.replace(new, display_name=title))

    def _release(self, opened: "_Opened") -> None:
        closing = []
        with self._lock:
            opened.users -= 1
            excess = len(self._open) - self._limit
            idle = [identity for identity, other in self._open.items() if not other.users][: max(excess, 0)]
            closing = [self._open.pop(identity) for identity in idle]
        for other in closing:
            other.close()

    def close(self) -> None:
        """Close every account that nobody uses."""
        with self._lock:
            idle = [identity for identity, other in self._open.items() if not other.users]
            closing = [self._open.pop(identity) for identity in idle]
        for other in closing:
            other.close()
        if self.work is not None:
            self.work.close()


class _Opened:
    """One account in this process."""

    def __init__(self) -> None:
        self.users = 0
        self.lock = threading.Lock()
        self.groupware: AccountGroupware | None = None

    def close(self) -> None:
        if self.groupware is not None:
            self.groupware.database.close()
