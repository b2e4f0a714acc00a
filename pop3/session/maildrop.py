"""What one session sees of the INBOX: a list of messages taken at log-in, which nothing changes until QUIT.

Several sessions, POP3 or IMAP, may be open at the same time: RFC 1939 §4 wants an exclusive lock so that numbers stay
valid, and a list of our own gives that without locking anybody out. What others expunge meanwhile keeps its number and
cannot be retrieved; what arrives meanwhile is for the next session.
"""

from array import array

from optimails.mailbox.api import MessageSet, SelectedMailbox, StoreMode, Want
from optimails.model.flags import DELETED, SEEN
from optimails.model.ids import Uid
from optimails.model.number_set import STAR, NumberSet

_EVERYTHING = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


class NoSuchMessage(Exception):
    """No message has this number, or it is marked as deleted."""


class Maildrop:
    """Messages by number, from 1; sizes in octets."""

    __slots__ = ("_deleted", "_retrieved", "_sizes", "_total", "_uids", "mailbox")

    def __init__(self, mailbox: SelectedMailbox, uids: "array[int]", sizes: "array[int]") -> None:
        self.mailbox = mailbox
        self._uids = uids
        self._sizes = sizes
        self._total = sum(sizes)
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()

    @classmethod
    async def of(cls, mailbox: SelectedMailbox) -> "Maildrop":
        uids, sizes = array("L"), array("Q")
        if mailbox.exists:
            async for rows in mailbox.fetch(_EVERYTHING, Want.SIZE):
                uids.extend(row.uid for row in rows)
                sizes.extend(row.size or 0 for row in rows)
        return cls(mailbox, uids, sizes)

    @property
    def numbers(self) -> list[int]:
        """Of the messages not marked as deleted."""
        return [number for number in range(1, len(self._uids) + 1) if number not in self._deleted]

    def stat(self) -> tuple[int, int]:
        """Count and size of the messages not marked as deleted."""
        return len(self._uids) - len(self._deleted), self._total - sum(self._sizes[n - 1] for n in self._deleted)

    def _index(self, number: int) -> int:
        if not 1 <= number <= len(self._uids) or number in self._deleted:
            raise NoSuchMessage
        return number - 1

    def size(self, number: int) -> int:
        return self._sizes[self._index(number)]

    def uid(self, number: int) -> Uid:
        return Uid(self._uids[self._index(number)])

    def unique_id(self, number: int) -> str:
        """UID and UIDVALIDITY, in Dovecot's form: after an import that keeps UIDs, clients download nothing twice."""
        return f"{self.uid(number):08x}{self.mailbox.status.uid_validity:08x}"

    def retrieved(self, number: int) -> None:
        self._retrieved.add(number)

    def delete(self, number: int) -> None:
        self._index(number)
        self._deleted.add(number)

    def reset(self) -> None:
        """Nothing is marked any more (RFC 1939 §5, RSET)."""
        self._deleted.clear()

    async def update(self, *, mark_seen: bool) -> None:
        """The UPDATE state: remove what is marked. Messages that others removed already do not matter.

        Raises:
            Refused, Unavailable: some messages may not have been removed.
        """
        seen = self._set(self._retrieved - self._deleted)
        if mark_seen and seen:
            await self.mailbox.store(MessageSet(seen, by_uid=True), StoreMode.ADD, frozenset({SEEN}))
        gone = self._set(self._deleted)
        if gone:
            await self.mailbox.store(MessageSet(gone, by_uid=True), StoreMode.ADD, frozenset({DELETED}))
            await self.mailbox.expunge(gone)

    def _set(self, numbers: set[int]) -> NumberSet:
        return NumberSet.of(self._uids[number - 1] for number in numbers)
