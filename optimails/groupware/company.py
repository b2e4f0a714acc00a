"""The address book of a domain: everybody in it, as the directory knows them.

Programs ask it as any other address book: by search, by token, a card at a time. So it is one: each domain has a file
like those of accounts, with a single collection, and nothing but this module writes to it. Before an answer the file is
brought to the directory's state, once for each of its versions, and only cards that differ are written: etags, tokens
and tables stay what they are for everybody else. The file may be deleted at any time; programs then read all anew.

Several processes do this. What is read of the directory is read under the file's lock, so nobody writes an older state
over a newer one.
"""

import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optimails.groupware.account import AccountGroupware, insert_collection
from optimails.groupware.api import Bounds, Collection, Kind, NewCollection
from optimails.groupware.company_card import card_text
from optimails.groupware.service import LocalGroupware
from optimails.index.database import Damaged, storage_errors
from optimails.index.groupware import collections
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry, shown
from optimails.model.ids import AccountId
from optimails.model.photo import Photo

NAME = "company"
"""The segment of the book in addresses."""
Source = Callable[[str, int], tuple[int, tuple[CompanyEntry, ...] | None]]
"""The directory's version and the domain's entries; None when the version is the one that is given."""
Photos = Callable[[Sequence[str]], dict[str, Photo]]
"""The pictures of the entries with these ids."""
_BOUNDS = Bounds(storage=2**40, items=1_000_000, deleted=0)
_PORTION = 100  # entries whose pictures are in memory together


class CompanyBooks:
    """Of all domains on this machine. Thread-safe, blocking.

    ``hidden`` has addresses that are in no book, and with an ``@`` before them domains that have none.
    """

    def __init__(
        self, data: Path | None, source: Source, hidden: Iterable[str] = (), photos: Photos = lambda _ids: {}
    ) -> None:
        """Without ``data``, everything is in memory (for tests)."""
        self._files = _Files(data, _BOUNDS)
        self._source = source
        self._photos = photos
        self._hidden = frozenset(one.lower() for one in hidden)
        self._versions: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def open(self, domain: str) -> Iterator[AccountGroupware | None]:
        """The domain's, as the directory is now; None for domains that have none. Raises ``Unavailable``."""
        if f"@{domain}" in self._hidden:
            yield None
            return
        key = hashlib.sha256(domain.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        stand_in = Account(AccountId(key), EmailAddress(NAME, domain), "", AccountState.ACTIVE, Limits(None, None, 0))
        with self._files.open(stand_in) as book:
            with self._locks.setdefault(domain, threading.Lock()):
                self._refresh(domain, book, AccountId(key))
            yield book

    def close(self) -> None:
        self._files.close()

    @storage_errors
    def _refresh(self, domain: str, book: AccountGroupware, key: AccountId) -> None:
        version, entries = self._source(domain, self._versions.get(domain, -1))
        if entries is None:
            return
        with self._files.locked(key):
            version, entries = self._source(domain, -1)
            collection = book.collection(NAME)
            assert collection is not None
            _write(book, collection, self._cards(shown(entries or (), self._hidden)))
        self._versions[domain] = version

    def _cards(self, entries: Sequence[CompanyEntry]) -> Iterator[tuple[str, bytes]]:
        names = {entry.addresses[0].lower(): entry.name for entry in entries}
        for start in range(0, len(entries), _PORTION):
            portion = entries[start : start + _PORTION]
            pictured = [entry.id for entry in portion if entry.photo]
            photos = self._photos(pictured) if pictured else {}
            for entry in portion:
                uid = hashlib.sha256(entry.id.encode()).hexdigest()[:32]
                manager = names.get(entry.contact.manager, "")  # hidden ones stay so
                yield f"{uid}.vcf", card_text(uid, entry, photos.get(entry.id), manager).encode()


class _Files(LocalGroupware):
    """One for each domain, where accounts have theirs."""

    def path(self, account: AccountId) -> Path:
        assert self._data is not None
        return self._data / "company" / account[:2] / f"{account}.sqlite"

    def _start(self, account: Account) -> AccountGroupware:
        try:
            return super()._start(account)
        except Damaged:  # the directory is the record: begin anew
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path(account.id)}{ending}").unlink(missing_ok=True)
            return super()._start(account)

    @contextmanager
    def locked(self, account: AccountId) -> Iterator[None]:
        """No other process is in here."""
        if self._data is None:
            yield
            return
        with self.path(account).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _make_defaults(groupware: AccountGroupware, account: Account) -> None:
        with groupware.database.write(durable=True) as connection:
            if collections.prepare(connection, account.id):
                insert_collection(connection, account.id, NAME, NewCollection(Kind.BOOK, ()))


def _write(book: AccountGroupware, collection: Collection, cards: Iterable[tuple[str, bytes]]) -> None:
    """Bring the book to these cards; those that are as they were are not touched."""
    known = dict(book.etags(collection))
    changed, gone = [], set(known)
    for name, text in cards:
        gone.discard(name)
        if known.get(name) != hashlib.sha256(text).hexdigest()[:32]:
            changed.append((name, text))
    for name in gone:
        book.delete(collection, name)
    if changed:
        book.put_all(collection, changed)
