"""What METADATA keeps (RFC 5464), for one user of an account; see ``optimails.mailbox.api.Annotations``.

An entry below ``/private`` belongs to the user who set it; one below ``/shared`` to the mailbox. Both lie in the index
of the account, keyed by the mailbox's id, so that a new name of the mailbox changes nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from optimails.events.api import Kind
from optimails.index import accounts, annotations, mailboxes
from optimails.index.annotations import SERVER
from optimails.index.database import storage_errors
from optimails.mailbox.api import AnnotationLimits, AnnotationNews
from optimails.mailbox.engine import Engine
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId, MailboxId, ModSeq
from optimails.model.mailbox_name import MailboxName, canonical

if TYPE_CHECKING:
    from optimails.events.api import Bus, Notice, Subscription

_PRIVATE = "/private/"


class LocalAnnotations:
    def __init__(self, engine: Engine, user: AccountId) -> None:
        self._engine = engine
        self._user = user
        self._subscription: Subscription | None = None

    async def get(self, mailbox: MailboxName | None) -> dict[str, bytes]:
        return self._get(mailbox)

    @storage_errors
    def _get(self, mailbox: MailboxName | None) -> dict[str, bytes]:
        identity = self._identity(mailbox)
        with self._engine.database.read() as connection:
            return dict(annotations.of_mailbox(connection, identity, self._user))

    async def everywhere(self, entries: Collection[str] | None = None) -> dict[MailboxName | None, dict[str, bytes]]:
        return await asyncio.get_running_loop().run_in_executor(None, self._everywhere, entries)

    @storage_errors
    def _everywhere(self, entries: Collection[str] | None) -> dict[MailboxName | None, dict[str, bytes]]:
        with self._engine.database.read() as connection:
            names = self._names(mailboxes.every(connection))
            found: dict[MailboxName | None, dict[str, bytes]] = {}
            for mailbox, entry, value in annotations.everywhere(connection, self._user, entries):
                if mailbox in names:
                    found.setdefault(names[mailbox], {})[entry] = value
            return found

    async def set(
        self, mailbox: MailboxName | None, values: Mapping[str, bytes | None], limits: AnnotationLimits
    ) -> ModSeq:
        return await asyncio.get_running_loop().run_in_executor(None, self._set, mailbox, values, limits)

    @storage_errors
    def _set(self, mailbox: MailboxName | None, values: Mapping[str, bytes | None], limits: AnnotationLimits) -> ModSeq:
        owned = {(self._user if entry.startswith(_PRIVATE) else "", entry): value for entry, value in values.items()}
        with self._engine.database.write(durable=True) as connection:
            identity = SERVER
            if mailbox is not None:
                row = mailboxes.by_name(connection, canonical(mailbox))
                if row is None:
                    raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
                identity = row.id
            modseq = accounts.next_modseq(connection)
            annotations.put(connection, identity, modseq, owned)
            count, size = annotations.usage(connection, identity, self._user)
            grows = any(value is not None for value in values.values())
            if grows and (count > limits.entries or size > limits.total):
                raise Refused(Reason.LIMIT, "Too many annotations")
        # RFC 5464 §4.4: who wants to hear of it is woken as by any news of the mailbox.
        self._engine.bus.publish(self._engine.account, MailboxId(identity), modseq)
        return modseq

    async def news(self, since: ModSeq) -> AnnotationNews:
        return self._news(since)

    @storage_errors
    def _news(self, since: ModSeq) -> AnnotationNews:
        with self._engine.database.read() as connection:
            rows = annotations.changed_since(connection, self._user, since)
            names = self._names(mailboxes.every(connection)) if rows else {}
        latest = max((modseq for _, _, modseq in rows), default=int(since))
        changed: dict[MailboxName | None, list[tuple[str, ModSeq]]] = {}
        for mailbox, entry, modseq in rows:
            if mailbox in names:
                changed.setdefault(names[mailbox], []).append((entry, ModSeq(modseq)))
        return AnnotationNews(ModSeq(latest), changed)

    async def now(self) -> ModSeq:
        with self._engine.database.read() as connection:
            return ModSeq(connection.execute("SELECT modseq FROM account").fetchone()[0])

    def watch(self, callback: Callable[[], None] | None) -> None:
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None
        if callback is not None:
            bus: Bus = self._engine.bus  # type: ignore[assignment]  # the whole bus, where sessions are
            wake = callback

            def notice(news: "Notice") -> None:
                if news.kind is Kind.MAILBOX:
                    wake()

            self._subscription = bus.subscribe(self._engine.account, None, notice)

    def _identity(self, mailbox: MailboxName | None) -> int:
        if mailbox is None:
            return SERVER
        with self._engine.database.read() as connection:
            row = mailboxes.by_name(connection, canonical(mailbox))
        if row is None:
            raise Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
        return row.id

    @staticmethod
    def _names(rows: list[mailboxes.MailboxRow]) -> dict[int, MailboxName | None]:
        return {SERVER: None, **{row.id: row.name for row in rows}}
