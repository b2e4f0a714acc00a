"""Expunged messages that are still kept: what there is, and bringing it back.

``at`` asks for a mailbox as it was at that moment: messages that were in it then and were expunged later. Without it,
everything expunged that is kept. Messages that were moved are not among them: they are where they were moved to.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from optimails import mime
from optimails.index import mailboxes
from optimails.index.database import storage_errors
from optimails.mailbox import folders, storing
from optimails.mailbox.account import LocalAccountMail
from optimails.mailbox.api import NewMessage
from optimails.mailbox.engine import Engine
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED_BIT
from optimails.model.mailbox_name import MailboxName, canonical

_HEADER = 64 * 1024  # bytes that are read to show sender and subject


@dataclass(frozen=True, slots=True)
class Expunged:
    """One message that can be brought back."""

    mailbox: str
    expunged: datetime
    sender: str
    subject: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Restored:
    messages: int
    mailboxes: list[str]


class _Tombstone(NamedTuple):
    id: int
    mailbox_name: str
    name: str
    size: int
    flags: int
    internal_date: int
    expunged_at: int


async def expunged(mail: LocalAccountMail, mailbox: str | None, at: datetime | None) -> list[Expunged]:
    """What could be restored, the latest first."""
    return await asyncio.get_running_loop().run_in_executor(None, _describe, mail.engine, mailbox, at)


async def restore_expunged(
    mail: LocalAccountMail, mailbox: str | None, at: datetime | None, step: Callable[[], object]
) -> Restored:
    r"""Put the messages back into the mailboxes they were in (made again when missing), without ``\Deleted``.

    ``step`` is called after each. What was restored before an error stays restored; a second call takes up the rest.

    Raises:
        Refused: ``OVER_QUOTA``.
    """
    return await asyncio.get_running_loop().run_in_executor(None, _restore, mail.engine, mailbox, at, step)


def _tombstones(engine: Engine, mailbox: str | None, at: datetime | None) -> list[_Tombstone]:
    moment = int(at.timestamp()) if at else None
    with engine.database.read() as connection:
        rows = connection.execute(
            "SELECT id, mailbox_name, name, size, flags, internal_date, expunged_at FROM expunged WHERE kept "
            "AND (:mailbox IS NULL OR mailbox_name = :mailbox) AND (:at IS NULL OR saved <= :at AND expunged_at > :at) "
            "ORDER BY expunged_at DESC, id DESC",
            {"mailbox": canonical(mailbox) if mailbox else None, "at": moment},
        )
        return [_Tombstone._make(row) for row in rows]


@storage_errors
def _describe(engine: Engine, mailbox: str | None, at: datetime | None) -> list[Expunged]:
    found = []
    for stone in _tombstones(engine, mailbox, at):
        try:
            file = engine.files.open_shelved(stone.name)
        except FileNotFoundError:
            continue
        try:
            header = file.read(0, _HEADER)
        finally:
            file.close()
        sender, subject = (" ".join(mime.header_text(header, field)[:1]) for field in (b"from", b"subject"))
        moment = datetime.fromtimestamp(stone.expunged_at, UTC)
        found.append(Expunged(stone.mailbox_name, moment, sender, subject, stone.size))
    return found


@storage_errors
def _restore(engine: Engine, mailbox: str | None, at: datetime | None, step: Callable[[], object]) -> Restored:
    count, names = 0, set()
    for stone in reversed(_tombstones(engine, mailbox, at)):
        if _restore_one(engine, stone):
            count += 1
            names.add(stone.mailbox_name)
        step()
    return Restored(count, sorted(names))


def _restore_one(engine: Engine, stone: _Tombstone) -> bool:
    with engine.database.read() as connection:
        box = mailboxes.by_name(connection, stone.mailbox_name)
    if box is None or not box.selectable:
        box = folders.create(engine, MailboxName(stone.mailbox_name))
    if not engine.usage().allows(stone.size):
        raise Refused(Reason.OVER_QUOTA, storing.OVER_QUOTA)
    try:
        name = engine.files.unshelve(stone.name, box.folder)
    except FileNotFoundError:
        return False
    engine.files.sync(box.folder)
    file = engine.files.open(box.folder, name)
    try:
        row = storing.scanned(file.view(), file.size, NewMessage(b""))
    finally:
        file.close()
    flags = stone.flags & ~DELETED_BIT
    storing.insert_row(engine, box, row._replace(name=name, flags=flags, internal_date=stone.internal_date))
    with engine.database.write() as connection:
        connection.execute("UPDATE expunged SET kept = 0 WHERE id = ?", (stone.id,))
    engine.files.remove_shelved(stone.name)
    return True
