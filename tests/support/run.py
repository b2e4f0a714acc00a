"""Running coroutine tests without a plug-in."""

import asyncio
import functools


def run(test):
    """Make an ordinary test of a coroutine test."""

    @functools.wraps(test)
    def wrapper(*args, **kwargs):
        return asyncio.run(test(*args, **kwargs))

    return wrapper
