"""STORE: changing flags. Blocking."""

import sqlite3
from typing import NamedTuple

from optimails.index import accounts, messages, seen
from optimails.index.database import storage_errors
from optimails.index.messages import Ranges
from optimails.mailbox.api import StoreMode
from optimails.mailbox.engine import Engine
from optimails.model.flags import BIT, SEEN_BIT, Flag
from optimails.model.ids import MailboxId, ModSeq


class Flagged(NamedTuple):
    """``rows`` are (UID, flags, MODSEQ) as they are now; ``modified`` the UIDs that had changed meanwhile."""

    rows: list[tuple[int, int, int]]
    modified: list[int]
    modseq: ModSeq | None  # given to what changed; None when nothing did
    before: dict[int, int]  # UID: MODSEQ that it had, of what changed
    differences: dict[int, int]  # UID: mask of the flags that were set or removed


@storage_errors
def store(  # noqa: PLR0913 - what STORE says
    engine: Engine,
    mailbox: MailboxId,
    ranges: Ranges,
    mode: StoreMode,
    flags: frozenset[Flag],
    *,
    unchanged_since: ModSeq | None = None,
    protected: int = 0,
    viewer: str = "",
) -> Flagged:
    r"""Change the flags of the messages in the ranges; one transaction. Those of the mask ``protected`` stay.

    ``viewer`` keeps ``\Seen`` for himself: all other flags are the messages'.
    """
    with engine.database.write() as connection:
        # To remove a keyword that nobody knows removes nothing; it gets no bit for that.
        removing = mode is StoreMode.REMOVE
        mask = engine.keywords.mask(flags) if removing else engine.keywords.assign(connection, flags)
        rows = seen.flags_of(connection, mailbox, ranges, viewer)
        modified: list[int] = []
        if unchanged_since is not None:  # RFC 7162 §3.1.3
            modified = [uid for uid, _, modseq in rows if modseq > unchanged_since]
            rows = [row for row in rows if row[2] <= unchanged_since]
        changes = [(uid, old, new) for uid, old, _ in rows if (new := _changed(mode, old, mask, protected)) != old]
        if not changes:
            return Flagged(rows, modified, None, {}, {})
        modseq = accounts.next_modseq(connection)
        _write(connection, mailbox, modseq, changes, viewer)
    if any(flag not in BIT for flag in flags):
        engine.keywords.refresh()
    engine.changed(mailbox, modseq)
    new_flags = {uid: new for uid, _, new in changes}
    now = [(uid, new_flags.get(uid, old), modseq if uid in new_flags else at) for uid, old, at in rows]
    before = {uid: at for uid, _, at in rows if uid in new_flags}
    ours = ~SEEN_BIT if viewer else ~0  # what a viewer reads is no news of the mailbox
    differences = {uid: (old ^ new) & ours for uid, old, new in changes if (old ^ new) & ours}
    return Flagged(now, modified, modseq, before, differences)


def _write(
    connection: sqlite3.Connection,
    mailbox: MailboxId,
    modseq: ModSeq,
    changes: list[tuple[int, int, int]],
    viewer: str,
) -> None:
    if not viewer:
        messages.set_flags(connection, mailbox, modseq, changes)
        return
    own = [(uid, bool(new & SEEN_BIT)) for uid, old, new in changes if (old ^ new) & SEEN_BIT]
    seen.put(connection, mailbox, viewer, modseq, own)
    common = {uid: new for uid, old, new in changes if (old ^ new) & ~SEEN_BIT}
    if common:
        there = messages.flags_of(connection, mailbox, messages.ranges_of(common))
        kept = [(uid, old, common[uid] & ~SEEN_BIT | (old & SEEN_BIT)) for uid, old, _ in there if uid in common]
        messages.set_flags(connection, mailbox, modseq, kept)


def _changed(mode: StoreMode, old: int, mask: int, protected: int) -> int:
    mask &= ~protected
    if mode is StoreMode.ADD:
        return old | mask
    if mode is StoreMode.REMOVE:
        return old & ~mask
    return mask | (old & protected)
