"""Connections that wait a few seconds for the next message, and how many a destination has at a time."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from smtp.outbound.link import Link


class Pool:
    """Idle connections by what they are good for."""

    def __init__(self, idle_seconds: float, limit: int) -> None:
        self._seconds = idle_seconds
        self._limit = limit
        self._idle: dict[Hashable, list[tuple[Link, asyncio.TimerHandle]]] = {}
        self._count = 0

    def take(self, key: Hashable) -> Link | None:
        """The one used last, if it still seems usable."""
        while waiting := self._idle.get(key):
            link, timer = waiting.pop()
            self._forget(key, timer)
            if link.usable:
                return link
            link.abort()
        return None

    def give(self, key: Hashable, link: Link) -> None:
        """Keep it for the next message, or close it."""
        if self._seconds <= 0 or self._count >= self._limit or not link.usable:
            link.close()
            return
        timer = asyncio.get_running_loop().call_later(self._seconds, self._expired, key, link)
        self._idle.setdefault(key, []).append((link, timer))
        self._count += 1

    def close(self) -> None:
        """All of them."""
        links = [(link, timer) for waiting in self._idle.values() for link, timer in waiting]
        self._idle.clear()
        self._count = 0
        for link, timer in links:
            timer.cancel()
            link.close()

    def _expired(self, key: Hashable, link: Link) -> None:
        for pair in self._idle.get(key, []):
            if pair[0] is link:
                self._idle[key].remove(pair)
                self._forget(key, pair[1])
                link.close()
                return

    def _forget(self, key: Hashable, timer: asyncio.TimerHandle) -> None:
        timer.cancel()
        self._count -= 1
        if not self._idle.get(key):
            self._idle.pop(key, None)


class Gate:
    """At most so many at a time for each key."""

    def __init__(self) -> None:
        self._gates: dict[Hashable, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def enter(self, key: Hashable, limit: int) -> AsyncIterator[None]:
        """Waits for a place among ``limit``, which is the same for a key as long as anybody uses it."""
        gate, users = self._gates.get(key, (asyncio.Semaphore(limit), 0))
        self._gates[key] = gate, users + 1
        try:
            async with gate:
                yield
        finally:
            users = self._gates[key][1] - 1
            if users:
                self._gates[key] = gate, users
            else:
                del self._gates[key]
