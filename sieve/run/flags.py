"""Flags as imap4flags has them: lists with spaces between, without regard to case (RFC 5232 §2)."""

import re
from collections.abc import Iterable

from optimails.model.flags import SYSTEM_FLAGS, flag

_KEYWORD = re.compile(r"[^\x00-\x20\x7f(){%*\"\\\]]{1,100}")
_SYSTEM = frozenset(SYSTEM_FLAGS)
MAX_FLAGS = 64


def normal(texts: Iterable[str]) -> tuple[str, ...]:
    """Each flag once, in order; what cannot be a flag is left out (RFC 5232 §2)."""
    found: dict[str, str] = {}
    for text in texts:
        for name in text.split():
            if name.startswith("\\"):
                canonical = str(flag(name))
                if canonical in _SYSTEM:
                    found.setdefault(canonical.lower(), canonical)
            elif name.isascii() and _KEYWORD.fullmatch(name):
                found.setdefault(name.lower(), name)
            if len(found) >= MAX_FLAGS:
                return tuple(found.values())
    return tuple(found.values())


def without(flags: Iterable[str], removed: Iterable[str]) -> tuple[str, ...]:
    gone = {name.lower() for name in removed}
    return tuple(name for name in flags if name.lower() not in gone)
