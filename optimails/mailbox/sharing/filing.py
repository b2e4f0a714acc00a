r"""What a visitor puts into mailboxes of others, and what he counts there: his flags, as far as he may set them, and a
``\Seen`` that may be his own."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optimails.index.messages import Ranges
from optimails.mailbox.api import Appended, Copied, MailboxStatus, NewMessage
from optimails.mailbox.sharing import crossing
from optimails.mailbox.sharing.guarded import right_of
from optimails.mailbox.sharing.places import name_for_others
from optimails.mailbox.sharing.visit import Visit
from optimails.model.flags import SEEN, Flag
from optimails.model.rights import Right

if TYPE_CHECKING:
    from optimails.index.mailboxes import MailboxRow
    from optimails.mailbox.engine import Engine
    from optimails.mailbox.selected import LocalSelectedMailbox


async def append(visit: Visit, messages: Sequence[NewMessage]) -> Appended:
    """As ``AccountMail.append``, into the mailbox of the visit."""
    await visit.open(Right.INSERT)
    allowed = [replace(message, flags=_allowed(visit, message.flags)) for message in messages]
    box = visit.mail.engine.mailbox(visit.name)
    viewer = await visit.viewer()
    stored = [replace(message, flags=message.flags - {SEEN}) for message in allowed] if viewer else allowed
    appended = await visit.mail.append(box.name, stored)
    visit.did("added", len(appended.uids))
    await _mark(visit, box, viewer, zip(appended.uids, (message.flags for message in allowed), strict=True))
    return Appended(appended.uid_validity, appended.uids)


async def carry_to(visit: Visit, source: "LocalSelectedMailbox", ranges: Ranges, *, move: bool) -> Copied:
    """COPY and MOVE into the mailbox of the visit."""
    await visit.open(Right.INSERT)
    box = visit.mail.engine.mailbox(visit.name)
    viewer = await visit.viewer()

    def flags(carried: frozenset[Flag]) -> tuple[frozenset[Flag], frozenset[Flag]]:
        allowed = _allowed(visit, carried)
        return allowed, allowed - {SEEN} if viewer else allowed

    carried = await _carry(source, ranges, (visit.mail.engine, box), flags, move=move)
    await _mark(visit, box, viewer, zip(carried.copied.targets, carried.flags, strict=True))
    visit.did("added", len(carried.copied.targets))
    return carried.copied


async def carry_home(
    own: "Engine", box: "MailboxRow", source: "LocalSelectedMailbox", ranges: Ranges, *, move: bool
) -> Copied:
    """COPY and MOVE into the user's own mailbox."""
    return (await _carry(source, ranges, (own, box), lambda carried: (carried, carried), move=move)).copied


async def _carry(
    source: "LocalSelectedMailbox",
    ranges: Ranges,
    to: "tuple[Engine, MailboxRow]",
    flags: crossing.Flags,
    *,
    move: bool,
) -> crossing.Carried:
    origin = crossing.Origin(source.engine, source.row, source.viewer)
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: crossing.carry(origin, ranges, to, flags, move=move)
    )


async def seen_by(visit: Visit, row: "MailboxRow", status: MailboxStatus) -> MailboxStatus:
    """The counters of a mailbox as the visitor sees them, by the name that he has for it."""
    viewer = await visit.viewer()
    if viewer:
        loop = asyncio.get_running_loop()
        status = replace(status, unseen=await loop.run_in_executor(None, visit.mail.unseen_by, row.id, viewer))
    return renamed(visit, status)


def renamed(visit: Visit, status: MailboxStatus) -> MailboxStatus:
    """By the name that others have for it."""
    return replace(status, name=name_for_others(visit.owner, status.name))


def _allowed(visit: Visit, flags: frozenset[Flag]) -> frozenset[Flag]:
    """Of the flags that a message comes with, those that the visitor may set; the others go without a word."""
    return frozenset(flag for flag in flags if visit.now.may(right_of(flag)))


async def _mark(
    visit: Visit, row: "MailboxRow", viewer: str, messages: "Iterable[tuple[int, frozenset[Flag]]]"
) -> None:
    r"""Of messages that the visitor has put there: those that came with ``\Seen`` are read for him."""
    uids = [uid for uid, flags in messages if SEEN in flags] if viewer else []
    if uids:
        await asyncio.get_running_loop().run_in_executor(None, visit.mail.mark_seen, row.id, viewer, uids)
