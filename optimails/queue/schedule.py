"""When a message is tried again, and how long a destination rests. Pure arithmetic; times are Unix seconds."""

import random
from dataclasses import dataclass

from optimails.config.queue import QueueSettings

JITTER = 0.2  # of an interval, so that what failed together does not come again together


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rules of one server."""

    settings: QueueSettings

    def next_attempt(self, now: float, attempts: int) -> float:
        """After the ``attempts``-th attempt, which has just failed for now."""
        settings = self.settings
        # Powers beyond all measure are cut before they overflow.
        interval = min(settings.retry_max, settings.retry_first * settings.retry_factor ** min(attempts - 1, 64))
        return now + _scattered(interval)

    def rest(self, now: float, failures: int) -> float:
        """Until when a destination rests that could not be reached ``failures`` times in a row."""
        return now + _scattered(min(self.settings.rest_max, self.settings.rest_first * 2 ** min(failures - 1, 32)))

    def lifetime(self) -> float:
        """Seconds after which a message is given up, unless its destination has a time of its own."""
        return self.settings.expire_days * 86_400

    def patience(self) -> float | None:
        """Seconds after which the sender hears of the delay; None: never."""
        return self.settings.delay_notice_hours * 3_600 or None


def _scattered(interval: float) -> float:
    return interval * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311  # not for secrets
