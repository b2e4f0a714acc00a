"""Text as search compares it: compatibility forms, case and accents make no difference, nor does white space.

RFC 9051 §6.4.4 leaves the comparison to the server beyond ASCII; users expect ``reunion`` to find ``Réunion``.
"""

import re
import unicodedata

TEXT_LIMIT = 4 * 1024 * 1024  # bytes of decoded text of a message that are searched

_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]+"
)
"""The blocks of combining marks, and the marks of Hebrew, Arabic and kana."""


def fold(text: str) -> str:
    """NFKD, case folded, without marks; each run of white space is one space."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(_MARKS.sub("", unicodedata.normalize("NFKD", text).casefold()).split())
