"""Comparing values with keys: comparators (RFC 4790), match types (RFC 5228 §2.7, RFC 5231, regex)."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sieve.language import patterns

_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
Matched = Sequence[str]
"""What the match variables ${0}, ${1} … become; empty when the match sets none."""


def folded(text: str) -> str:
    """ASCII letters in lower case: what ``i;ascii-casemap`` compares."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def number(text: str) -> float | int:
    """RFC 4790 §9.1: the digits in front; what begins otherwise is positive infinity."""
    end = 0
    while end < len(text) and end < 400 and "0" <= text[end] <= "9":
        end += 1
    return int(text[:end]) if end else float("inf")


class Matcher:
    """One match type with one comparator; ``captures`` where match variables are wanted."""

    __slots__ = ("captures", "comparator", "how", "relation")

    def __init__(self, how: str, comparator: str, relation: str, *, captures: bool) -> None:
        self.how = how
        self.comparator = comparator
        self.relation: Callable[[Any, Any], bool] = _RELATIONS.get(relation, operator.eq)
        self.captures = captures

    def count(self, values: int, key: str) -> bool:
        """``:count``: the number of values compared with the key (RFC 5231 §4.2)."""
        if self.comparator == "i;ascii-numeric":
            return self.relation(values, number(key))
        return self.relation(str(values), key)

    def match(self, value: str, key: str) -> Matched | None:
        """None: no match. Raises ``ValueError`` for a pattern that cannot be."""
        match self.how:
            case "is":
                return () if self._plain(value) == self._plain(key) else None
            case "contains":
                return () if self._plain(key) in self._plain(value) else None
            case "value":
                return () if self.relation(self._plain(value), self._plain(key)) else None
            case "matches":
                return self._glob(value, key)
            case _:
                return self._regex(value, key)

    def cost(self, value: str, key: str) -> int:
        """About how many characters a match has to look at, at worst."""
        match self.how:
            case "matches":
                return len(key) + len(value) * patterns.glob(key).cost
            case "regex":
                size: int = patterns.regex(key, fold=self.comparator != "i;octet").programsize
                return len(key) + len(value) * (1 + size // 8)
            case _:
                return len(key) + len(value)

    def _plain(self, text: str) -> Any:
        if self.comparator == "i;octet":
            return text
        return number(text) if self.comparator == "i;ascii-numeric" else folded(text)

    def _glob(self, value: str, key: str) -> Matched | None:
        compared, pattern = (value, key) if self.comparator == "i;octet" else (folded(value), folded(key))
        found = patterns.glob(pattern).match(compared)
        if found is None:
            return None
        # Folding keeps the length: the groups are cut from the value as it is.
        return [value, *(value[start:end] for start, end in found)] if self.captures else ()

    def _regex(self, value: str, key: str) -> Matched | None:
        found = patterns.regex(key, fold=self.comparator != "i;octet").search(value)
        if found is None:
            return None
        return [found.group(), *found.groups("")] if self.captures else ()
