"""Checking passwords without letting bcrypt, a quarter of a second each, stop everything else.

- Checks run in a small pool of threads (bcrypt leaves the interpreter free meanwhile); when too many wait, further ones
  fail at once as ``Unavailable``, so that a flood of guesses does not pile up.
- A login that was right is remembered: under an HMAC, with a key of this process alone, of login, service and password,
  so that neither can be read from memory. What is remembered is good only while the account's ``stamp`` is.
"""

import asyncio
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from optimails.directory import passwords
from optimails.directory.cache import Cache
from optimails.model.account import Account, Service
from optimails.model.errors import Unavailable

QUEUE_PER_THREAD = 50


@dataclass(frozen=True, slots=True)
class Verified:
    """A login that was right."""

    account: Account
    stamp: int
    version: int  # of the directory, when account and stamp were read
    own_password: bool  # False: it was an application password


class Verifier:
    def __init__(self, *, threads: int, cost: int, cache_size: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "bcrypt")
        self._limit = threads * QUEUE_PER_THREAD
        self._waiting = 0
        self._key = secrets.token_bytes(32)
        self._dummy = f"$2b${cost:02}$" + "." * 53  # the hash of nothing that anybody can type
        self.remembered: Cache[bytes, Verified] = Cache(cache_size)

    def ticket(self, login: str, service: Service, password: str) -> bytes:
        """What stands for this attempt in memory."""
        return hmac.digest(
            self._key, f"{login}\0{service.value}\0{password}".encode("utf-8", "surrogatepass"), "sha256"
        )

    async def check(self, password: str, hashed: str | None) -> bool:
        """Whether the password is the one behind the hash; without a hash it is not, and that takes as long.

        Raises:
            Unavailable: too many checks are waiting.
        """
        if self._waiting >= self._limit:
            raise Unavailable("Too many logins at a time, try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._compare, password, hashed)
        finally:
            self._waiting -= 1

    def _compare(self, password: str, hashed: str | None) -> bool:
        octets = passwords.prepared(password)
        matched = passwords.matches(octets or b"?", hashed or self._dummy)
        return matched and octets is not None and hashed is not None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
