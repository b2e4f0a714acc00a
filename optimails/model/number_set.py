"""Sets of message numbers as ranges, the form in which clients send them (RFC 9051 §9, sequence-set)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

STAR = 0
"""Stands for ``*``, the largest number in use, until ``NumberSet.resolved`` replaces it."""


@dataclass(frozen=True, slots=True)
class NumberSet:
    """UIDs or sequence numbers as inclusive ranges; a bound may be ``STAR`` until it is resolved."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "NumberSet":
        """The smallest set of ranges with exactly these numbers."""
        ranges: list[tuple[int, int]] = []
        for number in sorted(set(numbers)):
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1] = (ranges[-1][0], number)
            else:
                ranges.append((number, number))
        return cls(tuple(ranges))

    def resolved(self, largest: int) -> "NumberSet":
        """Ascending, disjoint, non-adjacent ranges with ``*`` replaced by ``largest``.

        ``*`` in an empty mailbox (``largest`` 0) names nothing. ``5:3`` means ``3:5``, and ``9:*`` with a largest of 7
        means ``7:9`` (RFC 9051 §9, seq-range).
        """
        bounds = []
        for first, last in self.ranges:
            low, high = first or largest, last or largest
            if low > high:
                low, high = high, low
            if high:
                bounds.append((low or 1, high))
        bounds.sort()
        merged: list[tuple[int, int]] = []
        for low, high in bounds:
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        return NumberSet(tuple(merged))

    def __contains__(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self.ranges)

    def __iter__(self) -> Iterator[int]:
        """Every number; only for resolved sets whose bounds are known to be small."""
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        def bound(number: int) -> str:
            return str(number) if number else "*"

        return ",".join(bound(low) if low == high else f"{bound(low)}:{bound(high)}" for low, high in self.ranges)

    def count(self) -> int:
        """How many numbers a resolved set has."""
        return sum(high - low + 1 for low, high in self.ranges)


def among(numbers: Iterable[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Those of the numbers that lie in one of the inclusive, ascending, disjoint ranges, in the order given.

    Time grows with the numbers and the logarithm of the ranges: clients send ten thousand of them.
    """
    starts = [low for low, _ in ranges]
    found = []
    for number in numbers:
        at = bisect_right(starts, number)
        if at and number <= ranges[at - 1][1]:
            found.append(number)
    return found
