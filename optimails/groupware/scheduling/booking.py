"""Whether a room or equipment takes a meeting. Pure: the policy, the meetings that are asked for, and what is taken.

A meeting is looked at by its occurrences from now on. A rule that one of them breaks declines all of it; of a series,
single meetings may be declined because somebody else was first, as many as the policy allows.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from optimails.groupware.calendar import Expansion, Occurrence, occurrences
from optimails.groupware.moments import DAY, EVER, utc_text
from optimails.groupware.recurrence import Budget
from optimails.groupware.scheduling.objects import Scheduled
from optimails.model.resource import Booking, Resource

AHEAD = 2 * 366 * DAY  # that is looked at where the policy has no horizon
MAX_MEETINGS = 1_000  # of one series
MAX_SHOWN = 3  # conflicts that an answer names
_ANSWERS = {Booking.AUTOMATIC: "ACCEPTED", Booking.TENTATIVE: "TENTATIVE"}
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """PARTSTAT for all of it, and for the recurrences that are answered otherwise; ``why``: a key of texts."""

    partstat: str
    why: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    declined: frozenset[int] = frozenset()  # by the instant at which the recurrence was to be


@dataclass(frozen=True, slots=True)
class Wish:
    """The meetings from now on; of a series, as far as the policy looks ahead."""

    found: Sequence[Occurrence]
    recurs: bool
    beyond: bool  # some are later than that
    end: int

    @property
    def span(self) -> Span:
        return min(one.start for one in self.found), max(one.end for one in self.found)


def wish_of(asked: Scheduled, policy: Resource, now: int) -> Wish:
    """What is asked for. Cancelled recurrences ask for nothing."""
    end = now + (policy.horizon * DAY if policy.horizon is not None else AHEAD)
    budget = Budget()
    expansion = occurrences(asked.object, now, end, budget, MAX_MEETINGS)
    # A component that does not recur is given whenever it happens.
    found = [one for one in expansion.found if now < one.end and not _cancelled(asked, one)]
    return Wish(sorted(found), asked.object.recurs, _more(asked, expansion, end, budget), end)


def _more(asked: Scheduled, expansion: Expansion, end: int, budget: Budget) -> bool:
    if expansion.reached is not None and expansion.reached < end:
        return True
    after = occurrences(asked.object, end, EVER, budget, len(asked.parts) + 1).found
    return any(one.start >= end and not _cancelled(asked, one) for one in after)


def _cancelled(asked: Scheduled, one: Occurrence) -> bool:
    return asked.object.parts[one.part].value("STATUS").upper() == "CANCELLED"


def refusal(policy: Resource, wish: Wish, *, may_book: bool) -> Answer | None:
    """What is wrong whatever else is booked; None when nothing is."""
    if not may_book:
        return Answer("DECLINED", "not_allowed")
    if wish.recurs and not policy.recurring:
        return Answer("DECLINED", "no_series")
    longest = max(one.end - one.start for one in wish.found)
    if policy.max_duration is not None and longest > policy.max_duration * 60:
        return Answer("DECLINED", "too_long", {"minutes": policy.max_duration})
    if wish.beyond and (policy.horizon is not None or len(wish.found) >= MAX_MEETINGS):
        return Answer("DECLINED", "too_far", {"date": _day(wish.end)})
    return None


def decide(policy: Resource, wish: Wish, taken: Sequence[Span]) -> Answer:
    """``taken`` is ascending, without overlaps."""
    starts = [start for start, _ in taken]
    lost = [one for one in wish.found if _overlaps(one, taken, starts)]
    if lost and (not wish.recurs or len(lost) * 100 > policy.conflicts * len(wish.found)):
        when = ", ".join(_shown(one) for one in lost[:MAX_SHOWN]) + (" …" if len(lost) > MAX_SHOWN else "")
        return Answer("DECLINED", "taken", {"when": when})
    keys = frozenset(one.moment.seconds if one.moment is not None else one.start for one in lost)
    return Answer(_ANSWERS[policy.booking], declined=keys)


def _overlaps(one: Occurrence, taken: Sequence[Span], starts: Sequence[int]) -> bool:
    at = bisect_right(starts, one.end - 1) - 1
    return at >= 0 and taken[at][1] > one.start


def _day(instant: int) -> str:
    text = utc_text(instant)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


def _shown(one: Occurrence) -> str:
    text = utc_text(one.start)
    return f"{_day(one.start)} {text[9:11]}:{text[11:13]} UTC"
