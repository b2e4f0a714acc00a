"""When digests are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def last_due(times: Sequence[str], now: datetime) -> datetime | None:
    """The newest of the day's times that has passed, today's or yesterday's; None when there are no times."""
    moments = []
    for text in times:
        hour, _, minute = text.partition(":")
        today = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        moments.append(today if today <= now else today - timedelta(days=1))
    return max(moments, default=None)
