"""The mail of one account, for one user of it (``optimails.mailbox.api.AccountMail``)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from optimails.index import accounts, mailboxes, seen
from optimails.index.database import storage_errors
from optimails.mailbox import folders, ingest, storing
from optimails.mailbox.annotations import LocalAnnotations
from optimails.mailbox.api import (
    Annotations,
    Appended,
    Incoming,
    Keywords,
    MailboxInfo,
    MailboxStatus,
    NewMessage,
)
from optimails.mailbox.engine import Engine
from optimails.mailbox.intake import SMALL, Intake
from optimails.mailbox.selected import LocalSelectedMailbox
from optimails.model.account import Account
from optimails.model.errors import Reason, Refused
from optimails.model.ids import MAX_UID, MailboxId
from optimails.model.mailbox_name import INBOX, MailboxName
from optimails.model.special_use import SpecialUse
from quota.usage import Usage

if TYPE_CHECKING:
    from optimails.index.mailboxes import MailboxRow

T = TypeVar("T")


class LocalAccountMail:
    """A handle on the account's engine; ``close`` gives it back."""

    def __init__(
        self, engine: Engine, account: Account, release: Callable[[Engine], None], intake: Intake | None = None
    ) -> None:
        self._engine = engine
        self._intake = intake or Intake()
        self._release: Callable[[Engine], None] | None = release
        self.account = account
        self.keywords: Keywords = engine.keywords
        self.annotations: Annotations = LocalAnnotations(engine, account.id)

    @property
    def engine(self) -> Engine:
        """For the tools of the command line, which work below this interface."""
        return self._engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def mailboxes(self) -> list[MailboxInfo]:
        return await self._run(self._mailboxes)

    @storage_errors
    def _mailboxes(self) -> list[MailboxInfo]:
        with self._engine.database.read() as connection:
            rows = mailboxes.every(connection)
            subscribed = {name for (name,) in connection.execute("SELECT name FROM subscription")}
        found = [
            MailboxInfo(
                row.name,
                row.id,
                bool(row.selectable),
                row.name in subscribed,
                SpecialUse(row.special_use) if row.special_use else None,
            )
            for row in rows
        ]
        return sorted(found, key=lambda info: (info.name != INBOX, info.name))

    async def subscriptions(self) -> list[MailboxName]:
        with self._engine.database.read() as connection:
            return [MailboxName(name) for (name,) in connection.execute("SELECT name FROM subscription ORDER BY name")]

    async def status(self, name: MailboxName) -> MailboxStatus:
        row = self._engine.mailbox(name)
        if ingest.waiting(self._engine, row.folder):
            await self._run(ingest.ingest, self._engine, row)
            row = self._engine.mailbox(name)
        return status_of(row)

    async def statuses(self) -> dict[MailboxName, MailboxStatus]:
        return await self._run(self._statuses)

    @storage_errors
    def _statuses(self) -> dict[MailboxName, MailboxStatus]:
        with self._engine.database.read() as connection:
            return {row.name: status_of(row) for row in mailboxes.every(connection) if row.selectable}

    async def create(self, name: str, special_use: SpecialUse | None = None) -> MailboxStatus:
        return status_of(await self._run(folders.create, self._engine, name, special_use))

    async def delete(self, name: MailboxName) -> None:
        await self._run(folders.delete, self._engine, name)

    async def rename(self, old: MailboxName, new: str) -> None:
        await self._run(folders.rename, self._engine, old, new)

    async def subscribe(self, name: MailboxName, *, subscribed: bool) -> None:
        await self._run(lambda: folders.subscribe(self._engine, name, subscribed=subscribed))

    async def select(
        self, name: MailboxName, *, read_only: bool = False, quiet: bool = False, guest: bool = False, viewer: str = ""
    ) -> LocalSelectedMailbox:
        r"""``guest``: somebody else than the owner looks at it; a ``viewer`` has a ``\Seen`` of his own."""
        row = self._engine.mailbox(name)
        if ingest.waiting(self._engine, row.folder):
            await self._run(ingest.ingest, self._engine, row)
            row = self._engine.mailbox(name)
        self._engine.keywords.refresh()
        status = status_of(row)
        if viewer:
            status = replace(status, unseen=await self._run(self.unseen_by, row.id, viewer))
        recent_from = MAX_UID + 1 if guest else int(row.recent_from)
        if not read_only and not quiet and not guest and row.recent_from < row.uid_next:
            recent_from = await self._run(folders.claim_recent, self._engine, row)
        return LocalSelectedMailbox(
            self._engine, row, status, recent_from, read_only=read_only, guest=guest, viewer=viewer
        )

    @storage_errors
    def unseen_by(self, mailbox: MailboxId, viewer: str) -> int:
        """How many messages the viewer has not read. Blocking."""
        with self._engine.database.read() as connection:
            return seen.unseen(connection, mailbox, viewer)

    @storage_errors
    def mark_seen(self, mailbox: MailboxId, viewer: str, uids: Sequence[int]) -> None:
        """The viewer has read them. Blocking."""
        with self._engine.database.write() as connection:
            modseq = accounts.next_modseq(connection)
            seen.put(connection, mailbox, viewer, modseq, [(uid, True) for uid in uids])
        self._engine.changed(mailbox, modseq)

    def incoming(self) -> Incoming:
        return self._engine.files.stage()

    async def append(self, name: MailboxName, messages: Sequence[NewMessage], *, exempt: bool = False) -> Appended:
        limit = self._engine.limits.storage
        if limit is not None and any(_size(message) > limit for message in messages) and not exempt:
            raise Refused(Reason.OVER_QUOTA, storing.OVER_QUOTA)
        if sum(map(_size, messages)) <= SMALL:
            return await self._intake.append(self._engine, name, messages, exempt=exempt)
        return await self._run(lambda: storing.append(self._engine, name, messages, exempt=exempt))

    async def usage(self, mailbox: MailboxName | None = None) -> Usage:
        del mailbox
        return self._engine.usage()

    async def close(self) -> None:
        if self._release is not None:
            release, self._release = self._release, None
            release(self._engine)

    @staticmethod
    async def _run(function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def _size(message: NewMessage) -> int:
    return len(message.content) if isinstance(message.content, bytes) else message.content.size


def status_of(row: "MailboxRow") -> MailboxStatus:
    return MailboxStatus(
        name=row.name,
        object_id=row.object_id,
        uid_validity=row.uid_validity,
        uid_next=row.uid_next,
        highest_modseq=row.modseq,
        messages=row.messages,
        unseen=row.unseen,
        deleted=row.deleted,
        recent=max(0, min(row.messages, row.uid_next - row.recent_from)),
        size=row.size,
    )
