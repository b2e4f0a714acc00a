"""When a user is told that the account fills up."""

from quota.usage import Usage

THRESHOLDS = (80, 90, 100)  # percent of a limit


def percent(usage: Usage) -> int:
    """The fuller resource, in whole percent of its limit, rounded down; 0 without limits."""
    pairs = ((usage.storage, usage.limits.storage), (usage.messages, usage.limits.messages))
    return (
        max(used * 100 // limit if limit else 100 for used, limit in pairs if limit is not None)
        if any(limit is not None for _, limit in pairs)
        else 0
    )


def crossed(before: Usage, after: Usage) -> int | None:
    """The highest threshold reached between two moments, or None; going down crosses nothing."""
    old, new = percent(before), percent(after)
    return max((threshold for threshold in THRESHOLDS if old < threshold <= new), default=None)
