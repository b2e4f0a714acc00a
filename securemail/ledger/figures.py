"""Counters: what each address received and sent on each day, and what contracts count of it.

``daily`` is made anew from the messages for as long as those are kept, so that a counter can always be checked; older
days stay as they were. Days are UTC. An address is one of the domains served here; sub-addresses count as the address.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FAIR_BYTES, FAIR_MESSAGES = 100 * 10**6, 300  # a user and day, averaged over a month

_GIVEN = "sum(r.state IN ('delivered', 'released', 'redirected'))"
_KEPT = "sum(r.state IN ('quarantined', 'held', 'deleted', 'expired'))"
_REFUSED = "sum(r.state IN ('rejected', 'destroyed'))"
_SPAM = 'sum(r.decision LIKE \'%"spam":"certain"%\' OR r.decision LIKE \'%"spam":"probable"%\')'
_DAY = "date(m.arrived, 'unixepoch')"
# user+tag@example.org is user@example.org
_BASE = (
    "CASE WHEN instr(r.address, '+') > 1 AND instr(r.address, '+') < instr(r.address, '@') "
    "THEN lower(substr(r.address, 1, instr(r.address, '+') - 1) || substr(r.address, instr(r.address, '@'))) "
    "ELSE lower(r.address) END"
)
_IN = f"""
INSERT OR REPLACE INTO daily
SELECT {_DAY}, {_BASE}, r.domain, 'in', count(*), sum(m.size), {_GIVEN}, {_KEPT}, {_REFUSED}, {_SPAM},
    sum(m.health = 'infected')
FROM message m JOIN recipient r ON r.message = m.id
WHERE m.direction <> 'outbound' AND m.arrived >= ? GROUP BY 1, 2
"""  # noqa: S608 - of constants
# A message with several recipients is one that was sent.
_OUT = f"""
INSERT OR REPLACE INTO daily
SELECT day, sender, substr(sender, instr(sender, '@') + 1), 'out', count(*), sum(size), sum(given), sum(kept),
    sum(refused), 0, sum(infected)
FROM (
    SELECT {_DAY} AS day, lower(m.sender) AS sender, m.size AS size, {_GIVEN} AS given, {_KEPT} AS kept,
        {_REFUSED} AS refused, m.health = 'infected' AS infected
    FROM message m JOIN recipient r ON r.message = m.id
    WHERE m.account <> '' AND m.sender <> '' AND m.arrived >= ? GROUP BY m.id
)
GROUP BY 1, 2
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Day:
    """Of all addresses of some domains together; ``spam`` and ``infected`` are among the messages."""

    day: str  # 2026-03-01
    side: str  # in, out
    messages: int
    bytes: int
    delivered: int
    kept: int
    refused: int
    spam: int
    infected: int


@dataclass(frozen=True, slots=True)
class Counters:
    """``dest_3m`` valid recipients that got mail in each of the last three whole months, ``dest_30d`` within 30 days,
    ``send_30d`` senders within 30 days."""

    dest_3m: int
    dest_30d: int
    send_30d: int


@dataclass(frozen=True, slots=True)
class Usage:
    """One address, a day on average over the days that were asked for."""

    address: str
    messages: float
    bytes: float

    @property
    def fair(self) -> bool:
        return self.messages <= FAIR_MESSAGES and self.bytes <= FAIR_BYTES


def refresh(database: sqlite3.Connection, since: float) -> None:
    """Make the days from then on anew; ``since`` (Unix seconds) is rounded up to the next whole day still kept."""
    start = datetime.fromtimestamp(since, UTC)
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if day < start:
        day += timedelta(days=1)  # of the day before some messages are gone already
    database.execute("DELETE FROM daily WHERE day >= ?", (f"{day:%Y-%m-%d}",))
    database.execute(_IN, (day.timestamp(),))
    database.execute(_OUT, (day.timestamp(),))


def days(database: sqlite3.Connection, domains: Sequence[str], since: str) -> list[Day]:
    """The newest first; without domains of all."""
    where, values = _of(domains)
    rows = database.execute(
        "SELECT day, side, sum(messages), sum(bytes), sum(delivered), sum(kept), sum(refused), sum(spam), "  # noqa: S608
        f"sum(infected) FROM daily WHERE day >= ? AND {where} GROUP BY day, side ORDER BY day DESC, side",
        (since, *values),
    )
    return [Day(*row) for row in rows]


def counters(database: sqlite3.Connection, domains: Sequence[str], now: float) -> Counters:
    where, values = _of(domains)
    today = datetime.fromtimestamp(now, UTC)
    months = _months(today, 3)
    since = f"{today - timedelta(days=30):%Y-%m-%d}"
    (dest_3m,) = database.execute(
        "SELECT count(*) FROM (SELECT address FROM daily WHERE side = 'in' AND delivered > 0 "  # noqa: S608
        f"AND substr(day, 1, 7) IN (?, ?, ?) AND {where} GROUP BY address "
        "HAVING count(DISTINCT substr(day, 1, 7)) = 3)",
        (*months, *values),
    ).fetchone()
    found = [
        database.execute(
            "SELECT count(DISTINCT address) FROM daily WHERE side = ? AND day > ? "  # noqa: S608
            f"AND (delivered > 0 OR side = 'out') AND {where}",
            (side, since, *values),
        ).fetchone()[0]
        for side in ("in", "out")
    ]
    return Counters(dest_3m, *found)


def usage(database: sqlite3.Connection, domains: Sequence[str], now: float, span: int = 30) -> list[Usage]:
    """Who uses most, first: messages and bytes in and out together, a day on average."""
    where, values = _of(domains)
    since = f"{datetime.fromtimestamp(now, UTC) - timedelta(days=span):%Y-%m-%d}"
    rows = database.execute(
        "SELECT address, sum(messages) * 1.0 / ?, sum(bytes) * 1.0 / ? FROM daily "  # noqa: S608
        f"WHERE day > ? AND {where} GROUP BY address ORDER BY sum(bytes) DESC, sum(messages) DESC LIMIT 1000",
        (span, span, since, *values),
    )
    return [Usage(*row) for row in rows]


def _of(domains: Sequence[str]) -> tuple[str, Sequence[str]]:
    return (f"domain IN ({','.join('?' * len(domains))})", domains) if domains else ("1", ())


def _months(today: datetime, count: int) -> list[str]:
    """The last whole months, ``2026-03``."""
    found = []
    first = today.replace(day=1)
    for _ in range(count):
        first = (first - timedelta(days=1)).replace(day=1)
        found.append(f"{first:%Y-%m}")
    return found
