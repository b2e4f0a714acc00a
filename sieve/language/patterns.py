"""Patterns of ``:regex`` and ``:matches``, both by RE2: time is linear in the text, whatever the pattern.

Python's ``re`` backtracks: ``(a*)*b`` takes it a lifetime, and a script is written by anybody. RE2 knows the POSIX
extended syntax that the regex extension asks for, and its leftmost-longest match.
"""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import re2

_MEMORY = 1 << 20  # bytes of one compiled pattern; RE2 refuses what needs more


def _options(*, posix: bool, fold: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = not fold
    options.dot_nl = True
    if posix:
        options.posix_syntax = True
        options.longest_match = True
        options.perl_classes = options.word_boundary = True  # \w and \b, as the C libraries know them
        options.one_line = True
    return options


@lru_cache(512)
def regex(pattern: str, *, fold: bool) -> Any:
    """A compiled POSIX extended expression; ``fold`` ignores the case. Raises ``ValueError``."""
    try:
        return re2.compile(pattern, _options(posix=True, fold=fold))
    except re2.error as wrong:
        why = wrong.args[0] if wrong.args else b""
        shown = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"the regular expression is not valid: {shown[:200]}") from wrong


@lru_cache(512)
def glob(pattern: str, *, captures: bool) -> Any:
    """The pattern of ``:matches`` (RFC 5228 §2.7.1), to be matched in full; wildcards are groups where ``captures``.

    ``*`` takes as little as it can, so that the match variables are those of RFC 5229 §3.2. Raises ``ValueError``.
    """
    wild = {Wildcard.MANY: "(.*?)" if captures else ".*", Wildcard.ONE: "(.)" if captures else "."}
    parts = [wild[piece] if isinstance(piece, Wildcard) else re2.escape(piece) for piece in split_glob(pattern)]
    try:
        return re2.compile("(?s)" + "".join(parts), _options(posix=False, fold=False))
    except re2.error as wrong:
        raise ValueError("the pattern is too large") from wrong


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
