"""What a process keeps in memory of one mailbox, shared by all its sessions: UIDs and flags, in order.

``uids`` and ``flags`` are parallel arrays. They grow at the end when messages arrive, and ``flags`` changes in place;
but when messages are expunged, both are *replaced*. So a session that must still show an expunged message keeps the
array it has, together with the length it announced, and nobody else pays for it.

Only the event loop changes a state; threads read a ``Delta`` from the index, and ``take`` refuses one that was read
against an older version than the state has reached meanwhile.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from optimails.index import mailboxes, messages, seen
from optimails.index.database import Database, storage_errors
from optimails.model.ids import MailboxId


class Delta(NamedTuple):
    """What happened in a mailbox after MODSEQ ``base`` (None: all there is), up to ``modseq``."""

    base: int | None
    modseq: int
    uid_next: int
    name: str | None  # None: the mailbox is gone
    changed: list[tuple[int, int, int]]  # (UID, flags, MODSEQ), ascending; new messages are among them
    gone: list[int]  # expunged UIDs, ascending
    complete: bool = True  # False: there is more than the limit; read again without


@storage_errors
def read_delta(database: Database, mailbox: MailboxId, base: int | None, limit: int = -1, viewer: str = "") -> Delta:
    """Blocking; with a small limit quick enough for the event loop. As ``viewer`` sees the flags."""
    with database.read() as connection:
        connection.execute("BEGIN")  # one snapshot for all statements
        try:
            row = mailboxes.by_id(connection, mailbox)
            if row is None:
                return Delta(base, base or 0, 0, None, [], [])
            if base is None:
                everything = seen.all_flags(connection, mailbox, viewer)
                return Delta(None, row.modseq, row.uid_next, row.name, everything, [])
            if row.modseq == base:
                return Delta(base, base, row.uid_next, row.name, [], [])
            changed = seen.changed_since(connection, mailbox, base, viewer, limit)
            gone = messages.expunged_since(connection, mailbox, base, limit)
        finally:
            connection.execute("COMMIT")
    complete = limit < 0 or (len(changed) < limit and len(gone) < limit)
    return Delta(base, row.modseq, row.uid_next, row.name, changed, [uid for uid, _ in gone], complete)


class MailboxState:
    """Empty until the first ``take``; then as of ``modseq``."""

    __slots__ = ("flags", "mailbox", "modseq", "uids", "viewers")

    def __init__(self, mailbox: MailboxId) -> None:
        self.mailbox = mailbox
        self.modseq: int | None = None  # None: not loaded
        self.viewers = 0
        self.uids = array("I")
        self.flags = array("q")

    def take(self, delta: Delta) -> bool:
        """Bring the state up to the delta; False when it does not start where the state is."""
        if delta.base != self.modseq or not delta.complete:
            return False
        uids, flags = self.uids, self.flags
        if delta.gone:
            uids, flags = without(uids, flags, delta.gone)
        last = uids[-1] if uids else 0
        for uid, mask, _ in delta.changed:
            if uid > last:
                uids.append(uid)
                flags.append(mask)
                last = uid
            else:
                at = bisect_left(uids, uid)
                if at < len(uids) and uids[at] == uid:
                    flags[at] = mask
        self.uids, self.flags, self.modseq = uids, flags, delta.modseq
        return True


def without(uids: "array[int]", flags: "array[int]", gone: Sequence[int]) -> tuple["array[int]", "array[int]"]:
    """Both arrays again, without these ascending UIDs; unknown ones are passed over."""
    new_uids, new_flags = array("I"), array("q")
    start = 0
    for uid in gone:
        at = bisect_left(uids, uid, start)
        if at < len(uids) and uids[at] == uid:
            new_uids.extend(uids[start:at])
            new_flags.extend(flags[start:at])
            start = at + 1
    new_uids.extend(uids[start:])
    new_flags.extend(flags[start:])
    return new_uids, new_flags
