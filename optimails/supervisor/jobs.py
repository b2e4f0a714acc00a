"""Work that is done now and then: a plain scheduler for the jobs worker."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from optimails.supervisor.logs import unhandled

log = logging.getLogger(__name__)

JITTER = 0.1  # of the interval, so that hosts which started together do not work together


async def repeat(name: str, interval: float, job: Callable[[], Awaitable[dict[str, object]]]) -> None:
    """Run ``job`` for ever: soon after the start, then every ``interval`` seconds. A failed run waits for the next."""
    delay = min(interval, 30.0) * random.random()  # noqa: S311  # not for secrets
    while True:
        await asyncio.sleep(delay)
        delay = interval * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311  # as above
        try:
            done = await job()
        except Exception as error:  # noqa: BLE001  # whatever it was, the next run may succeed
            unhandled(error, job=name)
        else:
            log.info("job_done", extra={"fields": {"job": name, **done}})
