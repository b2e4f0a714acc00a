"""Whether conditions hold, and what makes them hold."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address

from optimails.model.address import EmailAddress
from securemail.case import Case, File, Sureness
from securemail.facts import Infected
from securemail.policy.document import Match
from securemail.policy.words import found

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MAX_SHOWN = 5


def holds(match: Match, case: Case, recipient: EmailAddress, spam: Sureness, zone: tzinfo = UTC) -> list[str] | None:
    """What was seen of each condition, short, when all of them hold; None when one does not."""
    seen: list[str] = []
    for evidence in _asked(match, case, recipient, spam, zone):
        if evidence is None:
            return None
        seen += evidence
    return seen


def _asked(  # noqa: C901 - one branch for each condition
    match: Match, case: Case, recipient: EmailAddress, spam: Sureness, zone: tzinfo
) -> Iterator[list[str] | None]:
    """For each condition that is set: what was seen, or None. Cheap ones first."""
    if match.health:
        yield _health(case) if case.health in match.health else None
    if match.spam:
        yield [spam.value] if spam in match.spam else None
    if match.classes:
        yield [case.mail_class.value] if case.mail_class in match.classes and case.mail_class else None
    if match.symbols:
        yield sorted(case.symbols.intersection(match.symbols))[:_MAX_SHOWN] or None
    if match.larger_than is not None:
        yield [str(case.size)] if case.size > match.larger_than else None
    if match.proven is not None:
        yield [] if case.proven is match.proven else None
    if match.senders:
        yield _addresses(match.senders, (str(case.sender or ""), case.author))
    if match.recipients:
        yield _addresses(match.recipients, (str(recipient),))
    if match.networks:
        yield _networks(match, case.client)
    if match.times:
        yield [] if _in_time(match.times, datetime.fromtimestamp(case.arrived, zone)) else None
    if match.kinds or match.types or match.names or match.disguised is not None:
        yield [one.path for one in case.files if _fits(match, one)][:_MAX_SHOWN] or None
    if match.words:
        yield found(match.words, case.subject + "\n" + case.text)[:_MAX_SHOWN] or None


def _health(case: Case) -> list[str]:
    said = []
    for one in case.told(case.health)[:_MAX_SHOWN]:
        name = one.outcome.name if isinstance(one.outcome, Infected) else getattr(one.outcome, "reason", "")
        said.append(" ".join(part for part in (one.engine, name, getattr(one.outcome, "part", "")) if part))
    return said or [case.health.value]


def _fits(match: Match, file: File) -> bool:
    """All that is asked of files must hold for the same one."""
    if match.disguised is not None and file.disguised is not match.disguised:
        return False
    if match.kinds and file.kind not in match.kinds:
        return False
    if match.types and not _like(file.type, match.types):
        return False
    return not match.names or _like(file.name.casefold(), match.names)


def _like(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern.casefold()) for pattern in patterns)


def _addresses(patterns: Sequence[str], addresses: Iterable[str]) -> list[str] | None:
    for address in addresses:
        if address and _named(patterns, address.casefold()):
            return [address]
    return None


def _named(patterns: Sequence[str], address: str) -> bool:
    domain = address.rpartition("@")[2]
    above = domain.split(".")
    names = {address, f"@{domain}", domain, *(f"@*.{'.'.join(above[n:])}" for n in range(1, len(above)))}
    names |= {f"*.{'.'.join(above[n:])}" for n in range(1, len(above))} | {f"*@{domain}"}
    return not names.isdisjoint(_folded(tuple(patterns)))


@lru_cache(maxsize=256)
def _folded(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(pattern.casefold() for pattern in patterns)


def _networks(match: Match, client: str) -> list[str] | None:
    try:
        address = ip_address(client)
    except ValueError:
        return None
    return [client] if any(address in network for network in match.networks) else None


def _in_time(windows: Iterable[str], now: datetime) -> bool:
    minute = now.hour * 60 + now.minute
    for window in windows:
        days, _, hours = window.rpartition(" ")
        first, _, last = days.partition("-")
        start, end = (int(hour) * 60 + int(rest) for hour, rest in re.findall(r"(\d\d):(\d\d)", hours))
        day, clock = now.weekday(), minute
        if end <= start and minute < end:  # past midnight: it is still yesterday's window
            day, clock = (day - 1) % 7, minute + 24 * 60
        if start <= clock < (end if end > start else end + 24 * 60) and _on(first, last or first, day):
            return True
    return False


def _on(first: str, last: str, day: int) -> bool:
    if not first:
        return True
    begin, end = _DAYS.index(first), _DAYS.index(last)
    return (day - begin) % 7 <= (end - begin) % 7
