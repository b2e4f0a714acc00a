"""The bounded memory, and the version that callers share."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from optimails.directory.cache import Cache
from optimails.directory.version import Version
from tests.support.in_loop import in_loop


def test_the_least_recently_used_goes_first_and_time_ends():
    now = [0.0]
    cache: Cache[str, int] = Cache(2, lambda: now[0])
    cache.put("a", 1, 10)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    now[0] = 9
    cache.replace("a", 4)  # does not live longer for that
    cache.replace("never", 5)
    assert (cache.get("a"), cache.get("never")) == (4, None)
    now[0] = 10
    assert (cache.get("a"), len(cache)) == (None, 1)
    none: Cache[str, int] = Cache(0)
    none.put("a", 1)
    assert none.get("a") is None


class SlowDatabase:
    """A database whose version can be held back, as one on another host is."""

    def __init__(self) -> None:
        self.number = 1
        self.queries = 0
        self.asked, self.go = threading.Event(), threading.Event()

    def watch(self):
        return None

    def version(self) -> int:
        self.queries += 1
        read = self.number
        self.asked.set()
        assert self.go.wait(10)
        return read


@in_loop
async def test_callers_share_a_query_but_never_one_that_began_before_they_asked():
    database = SlowDatabase()
    with ThreadPoolExecutor(4) as threads:
        version = Version(database, threads)
        early = asyncio.create_task(version.now())
        assert await asyncio.to_thread(database.asked.wait, 10)
        database.number = 2  # a change is committed while the first query is under way
        late = [asyncio.create_task(version.now()) for _ in range(50)]
        await asyncio.sleep(0)
        database.go.set()
        assert await early == 1
        assert set(await asyncio.gather(*late)) == {2}
        assert database.queries == 2
