"""The sequence numbers of one session: which UIDs its client believes to be there, in which order.

Messages expunged by somebody wait in ``gone`` until the session may tell its client; new ones are added at once. While
nothing is waiting, the tracker looks at the array that all sessions of the mailbox share and owns only a length.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from optimails.model.errors import BadSyntax
from optimails.model.ids import SeqNum
from optimails.model.number_set import NumberSet

Span = tuple[int, int]
"""Positions in the view, the second one excluded."""


class Tracker:
    """``uids[:count]`` is the view."""

    __slots__ = ("count", "gone", "uids")

    def __init__(self, uids: "array[int]", count: int) -> None:
        self.uids = uids
        self.count = count
        self.gone: set[int] = set()

    def position(self, uid: int) -> int | None:
        """Where the UID stands, from 0; its sequence number is one more."""
        at = bisect_left(self.uids, uid, 0, self.count)
        return at if at < self.count and self.uids[at] == uid else None

    def spans(self, numbers: NumberSet, *, by_uid: bool) -> list[Span]:
        """The positions that the client's set names, ascending and disjoint.

        Raises:
            BadSyntax: for a sequence number that the view does not have (RFC 9051 §9, seq-number).
        """
        if by_uid:
            return self._uid_spans(numbers)
        resolved = numbers.resolved(self.count)
        if (resolved and resolved.ranges[-1][1] > self.count) or (not self.count and numbers):
            raise BadSyntax("No message has that sequence number")
        return [(low - 1, high) for low, high in resolved.ranges]

    def _uid_spans(self, numbers: NumberSet) -> list[Span]:
        largest = self.uids[self.count - 1] if self.count else 0
        found: list[Span] = []
        for low, high in numbers.resolved(largest).ranges:
            start = bisect_left(self.uids, low, 0, self.count)
            end = bisect_right(self.uids, high, start, self.count)
            if start < end and found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            elif start < end:
                found.append((start, end))
        return found

    def arrived(self, uids: Iterable[int]) -> int:
        """Add new messages at the end of a view that has an array of its own; how many there were."""
        last = self.uids[self.count - 1] if self.count else 0
        own = self.uids[: self.count]
        own.extend(uid for uid in uids if uid > last)
        added = len(own) - self.count
        self.uids, self.count = own, len(own)
        return added

    def expunge(self) -> tuple[list[SeqNum], list[int]]:
        """Forget what is gone: sequence numbers in an order in which each is valid (from the end), and their UIDs."""
        if not self.gone:
            return [], []
        positions = sorted((at for uid in self.gone if (at := self.position(uid)) is not None), reverse=True)
        uids = [self.uids[at] for at in positions]
        kept = array("I")
        start = 0
        for at in reversed(positions):
            kept.extend(self.uids[start:at])
            start = at + 1
        kept.extend(self.uids[start : self.count])
        self.uids, self.count = kept, len(kept)
        self.gone.clear()
        return [SeqNum(at + 1) for at in positions], uids

    def join(self, shared: "array[int]") -> None:
        """Look at the shared array again, when its beginning is this view."""
        if not self.gone and self.uids is not shared and len(shared) >= self.count:
            last = self.count - 1
            # Both ascend and the shared one lacks only what this one lacks, so equal ends mean equal beginnings.
            if self.count == 0 or shared[last] == self.uids[last]:
                self.uids = shared

    def ranges(self, spans: Sequence[Span]) -> list[tuple[int, int]]:
        """The spans as inclusive ranges of UIDs that hold no other message of the mailbox."""
        return [(self.uids[start], self.uids[end - 1]) for start, end in spans]
