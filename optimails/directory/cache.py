"""A bounded memory of what was looked up; the least recently used goes first."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Belongs to the event loop: no locks."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, unless it is unknown or its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, seconds: float = float("inf")) -> None:
        """Remember the value for that long."""
        if self._size and seconds > 0:
            self._entries[key] = (value, self._clock() + seconds)
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def replace(self, key: K, value: V) -> None:
        """Another value for a key that is there; its time goes on."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = (value, entry[1])

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
