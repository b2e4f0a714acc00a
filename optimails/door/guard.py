"""Failed logins slow down and lock, per account, per address and per network.

What counts against whom:

- The *network* (IPv4 /24, IPv6 /64) and the IPv4 *address* count every failure; locked, nobody there gets in.
- The *account* counts failures from anywhere, since guesses come from many networks at once. So that strangers cannot
  lock its owner out, networks from which it logged in lately are not affected by this lock.
- A program that goes on with an old password fails every minute with the same one. That is no guess: the same login
  with the same password from the same network counts once in each window (within one process).

Counts live in a small SQLite file that the workers of a host share; it is not precious, and is made anew when damaged.
A successful login reads three rows by key, and writes only when the network is new to the account.
"""

import hmac
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from optimails.config.login import LoginSettings
from optimails.directory.cache import Cache

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS tally (key TEXT PRIMARY KEY, failures INT, since REAL, locked REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known (pair TEXT PRIMARY KEY, until REAL) WITHOUT ROWID;
"""
_SWEEP = 500  # failures between two sweeps of what is over
_MEMORY = 50_000  # pairs and failures that a process remembers
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class _Peer:
    """What a client's address counts for."""

    address: str
    network: str
    allowed: bool
    own_address: bool  # whether the address counts apart from its network


class Guard:
    """One per worker. ``locked`` and ``succeeded`` are called in the event loop, ``failed`` in any thread."""

    def __init__(
        self, settings: LoginSettings, path: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """``path`` is the file shared by the host's workers; without one, the counts are this process's own."""
        self._settings = settings
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._writer = self._open()
        self._reader = self._open() if path is not None else self._writer
        self._threads = ThreadPoolExecutor(1, "guard")
        self._key = secrets.token_bytes(32)
        self._repeated: Cache[bytes, bool] = Cache(_MEMORY, clock)
        self._known: Cache[str, bool] = Cache(_MEMORY, clock)
        self._peers: Cache[str, _Peer] = Cache(10_000)
        self._failures = 0

    def locked(self, login: str, peer: str) -> float | None:
        """Whether attempts are refused now: None, or the seconds to wait before saying so. Never waits for a lock."""
        where = self._peer(peer)
        if where.allowed:
            return None
        now = self._clock()
        account = f"account {login}"
        try:
            rows = self._reader.execute(
                "SELECT key FROM tally WHERE key IN (?, ?, ?) AND locked > ?",
                (account, where.network, where.address, now),
            ).fetchall()
            if not rows or (rows == [(account,)] and self._is_known(login, where, now)):
                return None
        except sqlite3.Error as wrong:
            self._broken(wrong)
            return None
        return self._settings.delay_seconds

    def failed(self, login: str, peer: str, evidence: str = "") -> float:
        """Count a failure, and give the seconds to wait before answering. Blocking.

        Args:
            login: in the one spelling that counts.
            peer: the client's IP address.
            evidence: the password that was wrong, to tell repetition from guessing; kept as a keyed hash only.
        """
        where = self._classify(peer)  # not the event loop's cache: this is another thread
        if where.allowed:
            return 0.0
        try:
            with self._lock:
                failures = self._count(login, where, evidence)
        except sqlite3.Error as wrong:
            self._broken(wrong)
            failures = 1
        longest = self._settings.max_delay_seconds
        return min(self._settings.delay_seconds * 2.0 ** min(max(failures - 1, 0), 30), longest)

    def succeeded(self, login: str, peer: str) -> None:
        """Remember that the network is known to the account; writes at most once a day for each pair."""
        where = self._peer(peer)
        if where.allowed or not self._settings.known_days:
            return
        pair = f"{login} {where.network}"
        if self._known.get(pair) is None:
            self._known.put(pair, True, _DAY)
            self._threads.submit(self._write_known, pair)

    def close(self) -> None:
        """Finish what is to be written, and close the file."""
        self._threads.shutdown(wait=True)
        self._writer.close()
        self._reader.close()

    def _count(self, login: str, where: _Peer, evidence: str) -> int:
        """Add a failure to each tally that it concerns; gives the address's own count."""
        now, settings = self._clock(), self._settings
        if self._is_repeated(login, where, evidence):
            row = self._writer.execute("SELECT failures FROM tally WHERE key = ?", (where.address,)).fetchone()
            return int(row[0]) if row else 1
        limits = {f"account {login}": settings.account_failures, where.network: settings.network_failures}
        if where.own_address:
            limits[where.address] = settings.address_failures
        counts = {key: self._add(key, limit, now) for key, limit in limits.items()}
        self._failures += 1
        if self._failures % _SWEEP == 0:
            over = (now - settings.window_seconds, now)
            self._writer.execute("DELETE FROM tally WHERE since < ? AND locked < ?", over)
            self._writer.execute("DELETE FROM known WHERE until < ?", (now,))
        return counts.get(where.address, counts[where.network])

    def _add(self, key: str, limit: int, now: float) -> int:
        failures = self._writer.execute(
            "INSERT INTO tally VALUES (:key, 1, :now, 0) ON CONFLICT (key) DO UPDATE SET"
            " failures = CASE WHEN since < :start THEN 1 ELSE failures + 1 END,"
            " since = CASE WHEN since < :start THEN :now ELSE since END RETURNING failures",
            {"key": key, "now": now, "start": now - self._settings.window_seconds},
        ).fetchone()[0]
        if limit and failures >= limit:
            until = now + self._settings.lock_seconds
            self._writer.execute("UPDATE tally SET locked = ?, failures = 0 WHERE key = ?", (until, key))
            log.warning("login_lock", extra={"fields": {"locked": key, "seconds": self._settings.lock_seconds}})
        return int(failures)

    def _is_repeated(self, login: str, where: _Peer, evidence: str) -> bool:
        if not evidence:
            return False
        attempt = f"{login}\0{where.network}\0{evidence}".encode("utf-8", "surrogatepass")
        seen = hmac.digest(self._key, attempt, "sha256")
        if self._repeated.get(seen):
            return True
        self._repeated.put(seen, True, self._settings.window_seconds)
        return False

    def _is_known(self, login: str, where: _Peer, now: float) -> bool:
        pair = f"{login} {where.network}"
        return (
            self._reader.execute("SELECT 1 FROM known WHERE pair = ? AND until > ?", (pair, now)).fetchone() is not None
        )

    def _write_known(self, pair: str) -> None:
        until = self._clock() + self._settings.known_days * _DAY
        try:
            with self._lock:
                self._writer.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (pair, until))
        except sqlite3.Error as wrong:
            self._broken(wrong)

    def _peer(self, peer: str) -> _Peer:
        known = self._peers.get(peer)
        if known is None:
            known = self._classify(peer)
            self._peers.put(peer, known)
        return known

    def _classify(self, peer: str) -> _Peer:
        address = normal_address(peer)
        if address is None:
            return _Peer(f"address {peer}", f"network {peer}", allowed=False, own_address=False)
        return _Peer(
            address=f"address {address}",
            network=f"network {network_of(address)}",
            allowed=any(address in network for network in self._settings.allow),
            own_address=isinstance(address, IPv4Address),
        )

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as wrong:
            if self._path is None or isinstance(wrong, sqlite3.OperationalError):
                raise
            log.warning("guard_file_damaged", extra={"fields": {"error": str(wrong)}})
            self._remove()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path or ":memory:", timeout=2.0, isolation_level=None, check_same_thread=False
        )
        # Losing the last counts with the power does no harm.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_TABLES)
        return connection

    def _remove(self) -> None:
        assert self._path is not None
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self._path}{ending}").unlink()

    def _broken(self, wrong: sqlite3.Error) -> None:
        """People must get in while the file is busy, full or damaged; a damaged one is made anew at the next start."""
        log.warning("guard_unavailable", extra={"fields": {"error": str(wrong)}})


@lru_cache(maxsize=4096)
def normal_address(peer: str) -> IPv4Address | IPv6Address | None:
    """The address, IPv4 also where it came mapped into IPv6; None for what is none (a Unix socket)."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_of(address: IPv4Address | IPv6Address) -> str:
    """The network that one client is likely to have the whole of, or to share with its neighbours."""
    if isinstance(address, IPv4Address):
        return f"{IPv4Address(int(address) & ~0xFF)}/24"
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
