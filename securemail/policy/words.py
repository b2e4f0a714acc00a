"""Words and phrases in texts, whatever their case, accents and spaces."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import re2

LIMIT = 262_144  # characters of a text that are looked at
_MARKS = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]+")  # accents, and what nobody sees
_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """Lower case without accents and invisible characters, one space between words."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text[:LIMIT].casefold()))
    return _SPACE.sub(" ", plain).strip()


def found(words: Sequence[str], text: str) -> list[str]:
    """Which of the words stand in a folded text, whole; ``*`` at an end of a word is any letters."""
    if not words or not text:
        return []
    pattern = _compiled(tuple(words))
    return list(dict.fromkeys(match.strip() for match in pattern.findall(text)))[:20]


@lru_cache(maxsize=512)
def _compiled(words: tuple[str, ...]) -> "re2._Regexp":
    # re2 takes time in proportion to the text, whatever an administrator writes.
    wanted = "|".join(_one(word) for word in words)
    return re2.compile(rf"(?:^|[^\pL\pN])({wanted})(?:$|[^\pL\pN])")


def _one(word: str) -> str:
    return re.escape(fold(word)).replace(r"\*", r"[\pL\pN]*").replace(r"\ ", " ")
