"""Do two recurrence rules mean the same? Programs write anew what they have read, and not always in the same words.

What a rule says that its start says already is left out, and an end is an instant. Rules that are still different may
mean the same in the end; then a meeting counts as moved, which asks people once more and does no other harm.
"""

from dataclasses import replace

from optimails.groupware.moments import Moment, seconds
from optimails.groupware.recurrence import Freq, Rule, parse
from optimails.model.errors import BadSyntax


def meaning(text: str, first: Moment | None) -> object:
    """Equal for rules that mean the same for a series that begins with ``first``."""
    try:
        rule = parse(text)
    except BadSyntax:
        return text.strip().upper()
    if first is None:
        return rule
    until = None if rule.until is None else seconds(rule.until, None if rule.until_utc else first.zone)
    rule = _without_day(_without_time(replace(rule, until=None, until_utc=False), first), first)
    # RFC 5545 §3.3.10: where a week begins matters for every other one with other days, and where some are counted.
    days = bool(rule.days or rule.month_days or rule.year_days or rule.months)
    matters = bool(rule.weeks or rule.positions) or (rule.freq is Freq.WEEKLY and rule.interval > 1 and days)
    return (rule if matters else replace(rule, week_start=0)), until


def _without_time(rule: Rule, first: Moment) -> Rule:
    if rule.freq > Freq.DAILY or rule.positions:
        return rule
    clock = first.clock
    return replace(
        rule,
        hours=() if rule.hours == (clock.hour,) else rule.hours,
        minutes=() if rule.minutes == (clock.minute,) else rule.minutes,
        seconds=() if rule.seconds == (clock.second,) else rule.seconds,
    )


def _without_day(rule: Rule, first: Moment) -> Rule:
    day = first.clock
    if rule.positions or rule.year_days or rule.weeks:
        return rule
    if rule.freq is Freq.WEEKLY and rule.days == ((0, day.weekday()),) and not rule.month_days:
        return replace(rule, days=())
    if rule.days:
        return rule
    if rule.freq is Freq.MONTHLY and rule.month_days == (day.day,):
        return replace(rule, month_days=())
    if rule.freq is Freq.YEARLY and rule.months == (day.month,) and rule.month_days in ((), (day.day,)):
        return replace(rule, months=(), month_days=())
    return rule
