"""Patterns of ``:regex``, by RE2, whose time is linear in the text, and of ``:matches``, by searching.

Python's ``re`` backtracks: ``(a*)*b`` takes it a lifetime, and a script is written by anybody. RE2 knows the POSIX
extended syntax that the regex extension asks for, and its leftmost-longest match.
"""

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import re2

_MEMORY = 1 << 18  # bytes of one compiled pattern; RE2 refuses what needs more


def _options(*, fold: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = not fold
    options.dot_nl = True
    options.posix_syntax = True
    options.longest_match = True
    options.perl_classes = options.word_boundary = True  # \w and \b, as the C libraries know them
    options.one_line = True
    return options


@lru_cache(512)
def regex(pattern: str, *, fold: bool) -> Any:
    """A compiled POSIX extended expression; ``fold`` ignores the case. Raises ``ValueError``."""
    try:
        return re2.compile(pattern, _options(fold=fold))
    except re2.error as wrong:
        why = wrong.args[0] if wrong.args else b""
        shown = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"the regular expression is not valid: {shown[:200]}") from wrong


class Glob:
    """The pattern of ``:matches`` (RFC 5228 §2.7.1). Every ``*`` takes as little as it can, so that the match variables
    are those of RFC 5229 §3.2.

    The stretches between the ``*`` are looked for one after the other, each at the first place it fits: for ``*`` that
    is enough, and nothing is tried twice.
    """

    __slots__ = ("_first", "_last", "_middle", "cost")

    def __init__(self, pattern: str) -> None:
        stretches: list[list[str | Wildcard]] = [[]]
        for piece in split_glob(pattern):
            if piece is Wildcard.MANY:
                stretches.append([])
            else:
                stretches[-1].append(piece)
        built = [_Stretch(pieces) for pieces in stretches]
        self._first = built[0]
        self._last = built[-1] if len(built) > 1 else None
        self._middle = built[1:-1]
        # How often a character may be looked at.
        self.cost = 1 + max((one.size for one in built if one.pattern is not None), default=0)

    def match(self, text: str) -> list[tuple[int, int]] | None:
        """The places of what the wildcards stand for; None: no match."""
        first, last = self._first, self._last
        found = first.at(text, 0)
        if found is None or (last is None and first.size != len(text)):
            return None
        at = first.size
        if last is None:
            return found
        end = len(text) - last.size
        for stretch in self._middle:
            start = stretch.find(text, at, end)
            if start < 0:
                return None
            found.append((at, start))
            found += stretch.ones(start)
            at = start + stretch.size
        ending = last.at(text, end) if end >= at else None
        if ending is None:
            return None
        return [*found, (at, end), *ending]


class _Stretch:
    """A part of a glob without ``*``: of a fixed length."""

    __slots__ = ("_ones", "literal", "pattern", "size")

    def __init__(self, pieces: "Sequence[str | Wildcard]") -> None:
        self._ones: list[int] = []
        self.size = 0
        for piece in pieces:
            if isinstance(piece, Wildcard):
                self._ones.append(self.size)
                self.size += 1
            else:
                self.size += len(piece)
        self.literal = "".join(piece for piece in pieces if isinstance(piece, str))
        self.pattern = None
        if self._ones:  # no repetition, no choice: Python's own expressions have nothing to backtrack here
            parts = ("." if isinstance(piece, Wildcard) else re.escape(piece) for piece in pieces)
            self.pattern = re.compile("".join(parts), re.DOTALL)

    def ones(self, start: int) -> list[tuple[int, int]]:
        """Where the ``?`` are, when the stretch begins there."""
        return [(start + at, start + at + 1) for at in self._ones]

    def at(self, text: str, start: int) -> list[tuple[int, int]] | None:
        fits = text.startswith(self.literal, start) if self.pattern is None else self.pattern.match(text, start)
        return self.ones(start) if fits else None

    def find(self, text: str, start: int, end: int) -> int:
        """The first place between these; -1: none."""
        if self.pattern is None:
            return text.find(self.literal, start, end)
        found = self.pattern.search(text, start, max(start, end))
        return found.start() if found else -1


@lru_cache(512)
def glob(pattern: str) -> Glob:
    return Glob(pattern)


class Wildcard(Enum):
    MANY = "*"
    ONE = "?"


@lru_cache(512)
def split_glob(pattern: str) -> Sequence[str | Wildcard]:
    """Literal pieces and wildcards."""
    pieces: list[str | Wildcard] = []
    literal = ""
    characters = iter(pattern)
    for character in characters:
        if character not in "*?":
            literal += next(characters, "\\") if character == "\\" else character
            continue
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(Wildcard(character))
    if literal:
        pieces.append(literal)
    return pieces
