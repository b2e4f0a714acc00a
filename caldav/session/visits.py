"""Who was in somebody else's collection: lines of the audit log, before anything is shown or done.

Requests have no session. So each write leaves its line, and of reading the first of an hour does: programs look at a
calendar every few minutes. Who then has other rights than before begins a new hour.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from optimails.directory.cache import Cache
from optimails.groupware.api import Collection
from optimails.model.account import Account
from optimails.model.rights import Right, letters

HOUR = 3600.0  # seconds
READING = frozenset({"GET", "HEAD", "PROPFIND", "REPORT"})


class Audit(Protocol):
    def record(self, actor: str, via: str, act: str, subject: str = "", details: dict[str, str] | None = None) -> None:
        """Raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class Visit:
    visitor: Account
    owner: Account
    collection: Collection  # as its owner has it
    rights: Right  # the visitor's


class Visits:
    """Of one process. Thread-safe."""

    def __init__(self, audit: Audit, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._noted: Cache[tuple[str, str, str], bool] = Cache(50_000, clock)

    def note(self, visit: Visit, method: str, item: str) -> None:
        """Raises ``Unavailable``: then it must not be done."""
        rights = letters(visit.rights)
        details = {"collection": visit.collection.name, "rights": rights}
        if method not in READING:
            self.record(visit.visitor, visit.owner, f"dav {method.lower()}", details | {"item": item})
            return
        key = (visit.visitor.id, visit.collection.object_id, rights)
        with self._lock:
            if self._noted.get(key):
                return
        self.record(visit.visitor, visit.owner, "dav open", details)
        with self._lock:
            self._noted.put(key, True, HOUR)

    def note_lookup(self, visitor: Account, owners: Iterable[Account]) -> None:
        """It is asked when these are busy. Raises ``Unavailable``."""
        for owner in owners:
            key = (visitor.id, owner.id, "")
            with self._lock:
                known = owner.id == visitor.id or self._noted.get(key)
            if not known:
                self.record(visitor, owner, "dav free-busy", {})
                with self._lock:
                    self._noted.put(key, True, HOUR)

    def record(self, visitor: Account, owner: Account, act: str, details: dict[str, str]) -> None:
        """A line with both names; empty details are left out. Raises ``Unavailable``."""
        shown = {name: value for name, value in details.items() if value}
        self._audit.record(str(visitor.address), "dav", act, str(owner.address), shown)
