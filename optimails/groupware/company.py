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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from optimails.groupware.account import AccountGroupware, insert_collection
from optimails.groupware.api import Bounds, Collection, Kind, NewCollection
from optimails.groupware.service import LocalGroupware
from optimails.groupware.text import fold
from optimails.index.database import Damaged, storage_errors
from optimails.index.groupware import collections
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry
from optimails.model.ids import AccountId

NAME = "company"
"""The segment of the book in addresses."""
Source = Callable[[str, int], tuple[int, tuple[CompanyEntry, ...] | None]]
"""The directory's version and the domain's entries; None when the version is the one that is given."""
_BOUNDS = Bounds(storage=2**40, items=1_000_000)


class CompanyBooks:
    """Of all domains on this machine. Thread-safe, blocking.

    ``hidden`` has addresses that are in no book, and with an ``@`` before them domains that have none.
    """

    def __init__(self, data: Path | None, source: Source, hidden: Iterable[str] = ()) -> None:
        """Without ``data``, everything is in memory (for tests)."""
        self._files = _Files(data, _BOUNDS)
        self._source = source
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
            _write(book, collection, [card for card in map(self._card, entries or ()) if card is not None])
        self._versions[domain] = version

    def _card(self, entry: CompanyEntry) -> tuple[str, bytes] | None:
        shown = tuple(one for one in entry.addresses if one.lower() not in self._hidden)
        if not shown or entry.addresses[0] != shown[0]:
            return None
        uid = hashlib.sha256(entry.id.encode()).hexdigest()[:32]
        return f"{uid}.vcf", card_text(uid, entry.name, shown, entry.note).encode()


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


def _write(book: AccountGroupware, collection: Collection, cards: list[tuple[str, bytes]]) -> None:
    """Bring the book to these cards; those that are as they were are not touched."""
    known = dict(book.etags(collection))
    for name in known.keys() - {name for name, _ in cards}:
        book.delete(collection, name)
    changed = [(name, text) for name, text in cards if known.get(name) != hashlib.sha256(text).hexdigest()[:32]]
    if changed:
        book.put_all(collection, changed)


def card_text(uid: str, name: str, addresses: tuple[str, ...], note: str = "") -> str:
    """A vCard 3.0 (RFC 2426), which every program reads."""
    given, _, family = name.rpartition(" ")
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{_escaped(name)}"]
    lines.append(f"N:{_escaped(family)};{_escaped(given)};;;")
    lines += [
        f"EMAIL;TYPE=INTERNET{',PREF' if not at else ''}:{_escaped(address)}" for at, address in enumerate(addresses)
    ]
    if note:
        lines.append(f"NOTE:{_escaped(note)}")
    return "".join(map(fold, [*lines, "END:VCARD"]))


def _escaped(value: str) -> str:
    """As a text within a line, whatever is in it (RFC 2426 §5)."""
    for mark in "\\;,":
        value = value.replace(mark, "\\" + mark)
    return "".join(one if one.isprintable() else "\\n" if one == "\n" else " " for one in value)
