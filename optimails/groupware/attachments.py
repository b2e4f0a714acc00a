"""Managed attachments (RFC 8607): files that belong to events and tasks, kept beside the account's calendars.

**Order.** A file is on disk under its final name, synced, before its row is; the row is before an item names it. It
goes the other way round: no item, no row, no file. Who dies in between leaves a row or a file that nobody has, and
cleaning takes it away a day later. So what an item names is there, always.

An attachment is never changed, another one takes its place; and several items may name one. It counts for the account's
storage while an item names it. What a deleted item names stays as long as the item can be brought back.
"""

import os
import re
import sqlite3
import time
import uuid
from pathlib import Path

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Rule, Unfit
from optimails.index.database import storage_errors
from optimails.index.groupware import attachments, collections, deleted
from optimails.index.groupware.attachments import AttachmentRow
from optimails.model.errors import Reason
from optimails.store.journal import sync_folder

Attachment = AttachmentRow
FOLDER = "attachments"
MAX_ATTACHMENTS = 50  # of one item
_TEMPORARY = ".tmp"
_DAY = 86_400
_FOLD = re.compile(rb"\r?\n[ \t]")


class Attachments:
    """Of one account. Blocking, thread-safe."""

    def __init__(self, account: AccountGroupware, folder: Path) -> None:
        self._account = account
        self._folder = folder

    @storage_errors
    def store(self, data: bytes, filename: str, type_: str) -> Attachment:
        """Raises ``Unfit(QUOTA)``, ``Unavailable``."""
        row = AttachmentRow(uuid.uuid4().hex, filename, type_, len(data), int(time.time()))
        with self._account.database.read() as connection:
            self._check(connection, row)
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder.parent)
        path = self._folder / row.id
        temporary = path.with_suffix(_TEMPORARY)
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            sync_folder(self._folder)
            with self._account.database.write(durable=True) as connection:
                self._check(connection, row)
                attachments.insert(connection, row)
        except BaseException:
            temporary.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return row

    def _check(self, connection: sqlite3.Connection, row: Attachment) -> None:
        used = collections.state(connection)[1] + attachments.usage(connection)
        if used + row.size > self._account.bounds.storage:
            raise Unfit(Rule.QUOTA, "The storage is full", reason=Reason.OVER_QUOTA)

    @storage_errors
    def read(self, identity: str) -> tuple[Attachment, bytes] | None:
        with self._account.database.read() as connection:
            row = attachments.by_id(connection, identity)
        try:
            return (row, (self._folder / row.id).read_bytes()) if row is not None else None
        except FileNotFoundError:  # it went at this moment
            return None

    @storage_errors
    def drop(self, identity: str) -> None:
        """Unless an item, or a deleted one, still names it."""
        with self._account.database.write(durable=True) as connection:
            if attachments.users(connection, identity) or _is_named(connection, identity):
                return
            attachments.remove(connection, identity)
        (self._folder / identity).unlink(missing_ok=True)

    @storage_errors
    def clean(self, age: int = _DAY) -> int:
        """Take away what nobody has, when it is older than ``age`` (seconds); how many files went."""
        before = int(time.time()) - age
        with self._account.database.write(durable=True) as connection:
            for identity in attachments.unused(connection, before):
                if not _is_named(connection, identity):
                    attachments.remove(connection, identity)
        gone = 0
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else []:
            with self._account.database.read() as connection:
                known = attachments.by_id(connection, path.name) is not None
            if not known and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                gone += 1
        return gone


@storage_errors
def users(account: AccountGroupware, identity: str) -> list[tuple[str, str]]:
    """Collection and name of the items of the account that name it."""
    with account.database.read() as connection:
        return attachments.users(connection, identity)


@storage_errors
def known(account: AccountGroupware, identity: str) -> bool:
    """Whether it is the account's own."""
    with account.database.read() as connection:
        return attachments.by_id(connection, identity) is not None


def _is_named(connection: sqlite3.Connection, identity: str) -> bool:
    """By a deleted item, which may be brought back."""
    wanted = identity.encode()
    return any(wanted in _FOLD.sub(b"", text) for text in deleted.texts_with(connection, "ATTACH"))
