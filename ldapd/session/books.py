"""The trees of domains, kept as long as the directory says the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ldapd.session.tree import Tree
from optimails.directory.api import Directory
from optimails.directory.cache import Cache
from optimails.model.company import CompanyEntry, shown

KEPT = 20_000  # entries that a process remembers, some 4 kB each; the book in use always is
WAITING = 1_000  # domains whose reading is waited for


@dataclass(frozen=True, slots=True)
class _Book:
    version: int  # of the directory
    entries: list[CompanyEntry]
    tree: Tree


class Books:
    """One per worker; belongs to the event loop."""

    def __init__(self, directory: Directory, hidden: Iterable[str] = (), kept: int = KEPT) -> None:
        """``hidden`` has addresses that are in no book, and with an ``@`` before them domains that have none."""
        self.directory = directory
        self._hidden = frozenset(one.lower() for one in hidden)
        self._kept = kept
        self._books: OrderedDict[str, _Book] = OrderedDict()  # the one that was asked for last comes last
        self._size = 0  # entries of all of them
        self._locks: Cache[str, asyncio.Lock] = Cache(WAITING)

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
            assert known is not None
            self._keep(domain, known)
            return known.tree

    def _keep(self, domain: str, book: _Book) -> None:
        before = self._books.pop(domain, None)
        self._size += len(book.entries) - (len(before.entries) if before is not None else 0)
        self._books[domain] = book
        while self._size > self._kept and len(self._books) > 1:
            _, gone = self._books.popitem(last=False)
            self._size -= len(gone.entries)
