"""One visit to a source: what is new there is stored here, what is due there is deleted.

**Never lost, never twice.** A message counts as fetched by its id (UIDL; UIDVALIDITY and UID), recorded once it is safe
in the mailbox. A crash between the two would store it again, so before storing it is written down what is going to be
stored, with its digest and with the mailbox's next UID. The next visit looks whether the mailbox has a message of that
size and digest from that UID on: then only the record was missing. (Unless the user moved or expunged it in that
moment: then it comes again.)

**Other ids, same mail.** A server that was moved or mended gives its messages new ids. So what has the digest of a
message whose id is not listed any more is recorded without being stored.

**Deleting** concerns only messages whose record is on disk, and is the last thing of a visit.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from optimails.collection.api import (
    Access,
    CollectFailed,
    Remote,
    RemoteMessage,
    Source,
    SourceTls,
    Spoken,
    Trouble,
)
from optimails.collection.imap import ImapRemote
from optimails.collection.pop3 import Pop3Remote
from optimails.collection.store import Pending, SourceStore
from optimails.collection.wire import Wire
from optimails.config.collection import CollectionSettings
from optimails.mailbox.api import AccountMail, Incoming, MessageSet, NewMessage, Want
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import STAR, NumberSet

_PIECE = 65_536  # bytes
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Visited:
    fetched: int
    deleted: int
    too_big: int


async def log_in(access: Access, password: str, settings: CollectionSettings) -> Remote:
    """A session with the far server. Raises ``CollectFailed``."""
    try:
        wire = Wire(access, settings)
    except OSError as wrong:
        raise CollectFailed(Trouble.CERTIFICATE, str(settings.ca_file)) from wrong
    kind = Pop3Remote if access.protocol is Spoken.POP3 else ImapRemote
    remote = kind(wire, settings.max_messages)
    try:
        await remote.start(SourceTls(access.tls), access.login, password)
    except CollectFailed as failed:
        remote.abort()
        # A server may repeat what it was told; it is shown and logged.
        raise CollectFailed(failed.trouble, failed.detail.replace(password, "…")) from None
    except BaseException:
        remote.abort()
        raise
    return remote


class Visit:
    """Of one source, which the caller has locked."""

    def __init__(
        self,
        source: Source,
        store: SourceStore,
        mail: AccountMail,
        settings: CollectionSettings,
        clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._store = store
        self._mail = mail
        self._settings = settings
        self._clock = clock
        self._name = MailboxName(source.mailbox)

    async def run(self, remote: Remote) -> Visited:
        """Raises ``CollectFailed``; what was fetched until then stays fetched."""
        try:
            visited = await self._run(remote)
        except Refused as refused:
            trouble = Trouble.QUOTA if refused.reason is Reason.OVER_QUOTA else Trouble.MAILBOX
            raise CollectFailed(trouble, str(refused)) from refused
        except Unavailable as away:
            raise CollectFailed(Trouble.STORAGE, str(away)) from away
        finally:
            remote.abort()
        return visited

    async def _run(self, remote: Remote) -> Visited:
        source, store = self._source.id, self._store
        await self._settle_pending()
        messages = await remote.messages()
        seen = await asyncio.to_thread(store.seen, source)
        listed = {message.id for message in messages}
        gone = {entry.digest for identity, entry in seen.items() if entry.digest and identity not in listed}
        fetched = too_big = 0
        for message in messages:
            if message.id in seen:
                too_big += seen[message.id].digest is None
            elif message.size > self._settings.max_size:
                too_big += 1
            else:
                stored = await self._fetch(remote, message, gone)
                fetched += stored
        deleted = await self._delete(remote, messages)
        await remote.close()
        await asyncio.to_thread(store.listed, source, [message.id for message in messages])
        return Visited(fetched, deleted, too_big)

    async def _fetch(self, remote: Remote, message: RemoteMessage, gone: set[bytes]) -> bool:
        incoming = self._mail.incoming()
        try:
            sink = _Sink(incoming, self._settings.max_size)
            try:
                await remote.fetch(message, sink.write)
                sink.finish()
            except _TooBig:  # what it sends may have no end, so this session is over; the next one leaves it out
                await asyncio.to_thread(self._store.record, self._source.id, message.id, None, stored=False)
                raise CollectFailed(Trouble.PROTOCOL, "a message is larger than announced") from None
            digest = sink.digest
            if digest in gone:
                await asyncio.to_thread(self._store.record, self._source.id, message.id, digest, stored=False)
                return False
            await self._append(message, incoming, digest)
        finally:
            incoming.discard()
        return True

    async def _append(self, message: RemoteMessage, incoming: Incoming, digest: bytes) -> None:
        try:
            status = await self._mail.status(self._name)
        except Refused:
            status = await self._mail.create(self._name)
        pending = Pending(message.id, digest, incoming.size, self._name, status.uid_validity, status.uid_next)
        await asyncio.to_thread(self._store.intend, self._source.id, pending)
        await self._mail.append(self._name, [NewMessage(incoming)])
        await asyncio.to_thread(self._store.record, self._source.id, message.id, digest)

    async def _settle_pending(self) -> None:
        source, store = self._source.id, self._store
        pending = await asyncio.to_thread(store.pending, source)
        if pending is None:
            return
        if await self._is_here(pending):
            await asyncio.to_thread(store.record, source, pending.id, pending.digest)
        else:
            await asyncio.to_thread(store.forget_pending, source)

    async def _is_here(self, pending: Pending) -> bool:
        try:
            box = await self._mail.select(MailboxName(pending.mailbox), read_only=True)
        except Refused:  # the mailbox is gone
            return False
        try:
            same = box.status.uid_validity == pending.uid_validity
            since = MessageSet(NumberSet(((pending.uid_next if same else 1, STAR),)), by_uid=True)
            alike = [row.uid async for rows in box.fetch(since, Want.SIZE) for row in rows if row.size == pending.size]
            for uid in alike:
                file = await box.open_message(uid)
                try:
                    digest = hashlib.sha256()
                    for offset in range(0, file.size, _PIECE):
                        digest.update(file.read(offset, _PIECE))
                finally:
                    file.close()
                if digest.digest() == pending.digest:
                    return True
        finally:
            await box.close()
        return False

    async def _delete(self, remote: Remote, messages: list[RemoteMessage]) -> int:
        days = self._source.delete_after
        if days is None:
            return 0
        seen = await asyncio.to_thread(self._store.seen, self._source.id)
        until = self._clock() - days * _DAY
        due = [
            message
            for message in messages
            if (entry := seen.get(message.id)) and entry.digest is not None and entry.fetched <= until
        ]
        if due:
            await remote.delete(due)
        return len(due)


class _TooBig(Exception):
    """More came than may come."""


class _Sink:
    """Takes a message in: line ends become CRLF, as IMAP wants them, and the digest is of what is stored."""

    def __init__(self, incoming: Incoming, limit: int) -> None:
        self._incoming = incoming
        self._limit = limit
        self._hash = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._held = b""  # a CR whose LF may come next

    def write(self, data: bytes) -> None:
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting >= _PIECE:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._store(b"\r\n" if self._held else b"")
        self._held = b""

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    def _flush(self) -> None:
        data = self._held + b"".join(self._chunks)
        self._chunks, self._waiting = [], 0
        self._held = b"\r" if data.endswith(b"\r") else b""
        data = data.removesuffix(b"\r") if self._held else data
        self._store(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n"))

    def _store(self, data: bytes) -> None:
        if self._incoming.size + len(data) > self._limit:
            raise _TooBig
        if data:
            self._hash.update(data)
            self._incoming.write(data)
