"""Organisational domains (RFC 7489 §3.2), by the Public Suffix List."""

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # 50 ms and 3 MB, when the first mail comes that needs it


def organisational_domain(domain: str) -> str:
    """The domain one below the public suffix; a public suffix is its own. ``domain`` in A-labels and lower case."""
    return _suffixes().privatesuffix(domain) or domain


def aligned(one: str, author: str, *, strict: bool) -> bool:
    """Whether an authenticated domain speaks for the author's (RFC 7489 §3.1)."""
    return one == author or (not strict and organisational_domain(one) == organisational_domain(author))
