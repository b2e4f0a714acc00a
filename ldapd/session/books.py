"""The trees of domains, kept as long as the directory says the same."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ldapd.session.tree import Tree
from optimails.directory.api import Directory
from optimails.directory.cache import Cache
from optimails.model.company import CompanyEntry, shown

DOMAINS = 200  # whose trees a process keeps


@dataclass(frozen=True, slots=True)
class _Book:
    version: int  # of the directory
    entries: list[CompanyEntry]
    tree: Tree


class Books:
    """One per listener and worker; belongs to the event loop."""

    def __init__(self, directory: Directory, hidden: Iterable[str] = ()) -> None:
        """``hidden`` has addresses that are in no book, and with an ``@`` before them domains that have none."""
        self.directory = directory
        self._hidden = frozenset(one.lower() for one in hidden)
        self._books: Cache[str, _Book] = Cache(DOMAINS)
        self._locks: Cache[str, asyncio.Lock] = Cache(DOMAINS)

    async def of(self, domain: str) -> Tree:
        """The domain's, as the directory is now. Raises ``Unavailable``."""
        lock = self._locks.get(domain)
        if lock is None:
            lock = asyncio.Lock()
            self._locks.put(domain, lock)
        async with lock:  # many who ask after a change wait for one who reads
            known = self._books.get(domain)
            version, entries = await self.directory.company(domain, known.version if known else -1)
            if entries is not None:
                now = [] if f"@{domain}" in self._hidden else shown(entries, self._hidden)
                if known is not None and known.entries == now:
                    known = replace(known, version=version)
                else:
                    known = _Book(version, now, await asyncio.to_thread(Tree, domain, now))
                self._books.put(domain, known)
            assert known is not None
            return known.tree
