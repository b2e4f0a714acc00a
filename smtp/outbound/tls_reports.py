"""Results of TLS counted for the domains that want to know (RFC 8460): kept for each day in a small SQLite file.

One row for each day, domain, policy, host and kind of result; a connection adds one to a counter. The file is of no
importance for the mail: when it cannot be written the count is lost, and nothing else.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

KEEP_DAYS = 8
SUCCESS = ""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    day TEXT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL, lines TEXT NOT NULL,
    host TEXT NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (day, domain, policy, lines, host, address, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reported (day TEXT NOT NULL, domain TEXT NOT NULL, PRIMARY KEY (day, domain)) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class TlsResult:
    """One connection. ``kind`` is empty for success, else a result type of RFC 8460 §4.3."""

    domain: str
    policy: str  # "sts", "tlsa", "no-policy-found"
    lines: tuple[str, ...]  # the policy as published
    host: str = ""
    address: str = ""
    kind: str = SUCCESS


class TlsReports:
    """Counts, and makes reports of them. Methods but ``count`` block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        """``path`` of the SQLite file; it is made when it is needed."""
        self._path = path

    async def count(self, result: TlsResult) -> None:
        """Add one. Never raises."""
        await asyncio.get_running_loop().run_in_executor(None, self.add, result)

    def add(self, result: TlsResult, day: date | None = None) -> None:
        """As ``count``, for a day of one's choice (UTC)."""
        row = (
            str(day or datetime.now(UTC).date()),
            result.domain,
            result.policy,
            json.dumps(result.lines),
            result.host,
            result.address if result.kind else "",  # for successes the host is enough
            result.kind,
        )
        try:
            with closing(self._open()) as database, database:
                database.execute(
                    "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                    row,
                )
        except (sqlite3.Error, OSError) as wrong:
            log.warning("tls_report_not_counted", extra={"fields": {"why": str(wrong)}})

    def domains(self, day: date) -> list[str]:
        """Those with results of that day that were not reported yet."""
        with closing(self._open()) as database:
            rows = database.execute(
                "SELECT DISTINCT domain FROM results WHERE day = ?1 AND policy <> '' AND domain NOT IN "
                "(SELECT domain FROM reported WHERE day = ?1) ORDER BY domain",
                (str(day),),
            )
            return [domain for (domain,) in rows]

    def reported(self, domain: str, day: date) -> None:
        """The report was handed in, or nobody wants it; what is older than a week is forgotten."""
        old = str(day - timedelta(days=KEEP_DAYS))
        with closing(self._open()) as database, database:
            database.execute("INSERT OR IGNORE INTO reported VALUES (?, ?)", (str(day), domain))
            database.execute("DELETE FROM results WHERE day < ?", (old,))
            database.execute("DELETE FROM reported WHERE day < ?", (old,))

    def report(self, domain: str, day: date, *, organization: str, contact: str) -> dict[str, Any]:
        """The report as JSON wants it (RFC 8460 §4)."""
        with closing(self._open()) as database:
            rows = database.execute(
                "SELECT policy, lines, host, address, kind, count FROM results WHERE day = ? AND domain = ? "
                "ORDER BY policy, lines",
                (str(day), domain),
            ).fetchall()
        policies: dict[tuple[str, str], list[tuple[str, str, str, int]]] = {}
        for policy, lines, *result in rows:
            policies.setdefault((policy, lines), []).append(tuple(result))
        return {
            "organization-name": organization,
            "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
            "contact-info": contact,
            "report-id": f"{day}-{domain}",
            "policies": [_policy(domain, kind, json.loads(lines), found) for (kind, lines), found in policies.items()],
        }

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=5.0)
        database.executescript(_SCHEMA)
        return database


def _policy(domain: str, kind: str, lines: list[str], results: Iterable[tuple[str, str, str, int]]) -> dict[str, Any]:
    results = list(results)
    failures = [
        {
            "result-type": failure,
            **({"receiving-mx-hostname": host} if host else {}),
            **({"receiving-ip": address} if address else {}),
            "failed-session-count": count,
        }
        for host, address, failure, count in results
        if failure
    ]
    policy: dict[str, Any] = {"policy-type": kind, "policy-domain": domain}
    if lines:
        policy["policy-string"] = lines
    hosts = sorted({host for host, _, _, _ in results if host})
    if hosts and kind != "no-policy-found":
        policy["mx-host"] = hosts
    return {
        "policy": policy,
        "summary": {
            "total-successful-session-count": sum(count for _, _, failure, count in results if not failure),
            "total-failure-session-count": sum(count for _, _, failure, count in results if failure),
        },
        "failure-details": failures,
    }


def report_addresses(texts: Iterable[str]) -> list[str]:
    """Mail addresses that want reports, of the TXT records at ``_smtp._tls.<domain>`` (RFC 8460 §3)."""
    found = [text for text in texts if text.replace(" ", "").startswith("v=TLSRPTv1;")]
    if len(found) != 1:
        return []
    for part in found[0].split(";"):
        key, _, value = part.strip().partition("=")
        if key.strip() == "rua":
            wanted = [one.strip() for one in value.split(",")]
            return [one[7:].partition("?")[0] for one in wanted if one.lower().startswith("mailto:")]
    return []
