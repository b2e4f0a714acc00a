"""Waiting for what happens in another process, no longer than needed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, limit: float = 20, every: float = 0.05) -> T:
    """What ``look`` gives as soon as it is true; its last false answer, or its own assertion, when time is up."""
    until = time.monotonic() + limit
    while True:
        late = time.monotonic() > until
        try:
            seen = look()
        except AssertionError:
            if late:
                raise
        else:
            if seen or late:
                return seen
        time.sleep(every)
