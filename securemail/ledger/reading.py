"""Questions to the ledger: where is this mail, and why."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from securemail.case import Direction
from securemail.ledger.values import Arrival, Findings, State, Step, decision_of, findings_of
from securemail.policy.decide import Decision

_COLUMNS = (
    "m.id, m.arrived, m.direction, m.sender, m.author, m.client, m.account, m.size, m.subject, m.message_id, "
    "m.fingerprint, m.envelope"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient of a message."""

    address: str
    state: State
    zone: str
    detail: str
    changed: float
    expires: float | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Tracked:
    """One message."""

    arrival: Arrival
    findings: Findings
    kept: bool
    due: float | None
    attempts: int
    crashes: int  # how often the runner began with it, and was not heard of again
    recipients: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """Every field that is given must fit; addresses are whole or a domain (``@example.org``), the subject any part."""

    ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    domains: tuple[str, ...] = ()  # of recipients, or of our senders: an administrator sees his own alone
    subject: str = ""
    message_id: str = ""
    states: tuple[State, ...] = ()
    zone: str = ""
    since: float = 0.0
    until: float | None = None
    before: tuple[float, str] | None = None  # the next page begins behind this message
    limit: int = 100

    def where(self) -> tuple[str, list[object]]:
        parts: list[str] = []
        values: list[object] = []
        for condition, given in (
            (f"m.id IN ({','.join('?' * len(self.ids))})", self.ids),
            (f"r.state IN ({','.join('?' * len(self.states))})", [one.value for one in self.states]),
            ("r.zone = ?", (self.zone,) if self.zone else ()),
            ("m.subject LIKE ? ESCAPE '\\'", (f"%{_literal(self.subject)}%",) if self.subject else ()),
            ("m.message_id = ?", (self.message_id,) if self.message_id else ()),
            ("m.arrived >= ?", (self.since,) if self.since else ()),
            ("m.arrived < ?", (self.until,) if self.until else ()),
            ("(m.arrived, m.id) < (?, ?)", self.before or ()),
        ):
            if given:
                parts.append(condition)
                values += given
        for columns, address in (("m.sender", self.sender), ("r.address", self.recipient)):
            if address.startswith("@"):
                parts.append(f"{columns} LIKE ? ESCAPE '\\'")
                values.append(f"%{_literal(address)}")
            elif address:
                parts.append(f"{columns} = ? COLLATE NOCASE")
                values.append(address)
        if self.domains:
            marks = ",".join("?" * len(self.domains))
            ours = " OR ".join("m.sender LIKE ? ESCAPE '\\'" for _ in self.domains)
            parts.append(f"(r.domain IN ({marks}) OR {ours})")
            values += [*self.domains, *(f"%@{_literal(one)}" for one in self.domains)]
        return " AND ".join(parts) or "1", values


def find(database: sqlite3.Connection, search: Search) -> list[Tracked]:
    """The newest first."""
    where, values = search.where()
    rows = database.execute(
        "SELECT DISTINCT m.id, m.arrived FROM message m JOIN recipient r ON r.message = m.id "  # noqa: S608 - columns
        f"WHERE {where} ORDER BY m.arrived DESC, m.id DESC LIMIT ?",
        (*values, max(1, search.limit)),
    ).fetchall()
    return [one for (identity, _) in rows if (one := tracked(database, identity)) is not None]


def tracked(database: sqlite3.Connection, message: str) -> Tracked | None:
    row = database.execute(
        f"SELECT {_COLUMNS}, m.kept, m.due, m.attempts, m.crashes, m.findings FROM message m WHERE id = ?",  # noqa: S608 - columns
        (message,),
    ).fetchone()
    if row is None:
        return None
    *values, kept, due, attempts, crashes, findings = row
    recipients = database.execute(
        "SELECT address, state, zone, detail, changed, expires, decision FROM recipient WHERE message = ? "
        "ORDER BY address",
        (message,),
    )
    return Tracked(
        _arrival(values),
        findings_of(findings),
        bool(kept),
        due,
        attempts,
        crashes,
        tuple(
            Entry(address, State(state), zone, detail, changed, expires, decision_of(decision))
            for address, state, zone, detail, changed, expires, decision in recipients
        ),
    )


def steps(database: sqlite3.Connection, message: str) -> list[Step]:
    rows = database.execute(
        "SELECT at, message, address, what, detail, actor FROM step WHERE message = ? ORDER BY id", (message,)
    )
    return [Step(*row) for row in rows]


def due(database: sqlite3.Connection, now: float, limit: int) -> list[str]:
    """Messages that wait for something to be done, the longest first."""
    rows = database.execute("SELECT id FROM message WHERE due <= ? ORDER BY due LIMIT ?", (now, limit))
    return [identity for (identity,) in rows]


def next_due(database: sqlite3.Connection) -> float | None:
    moment: float | None = database.execute("SELECT min(due) FROM message WHERE due IS NOT NULL").fetchone()[0]
    return moment


def _arrival(row: Sequence[Any]) -> Arrival:
    values = dict(zip((one.name for one in fields(Arrival)), row, strict=True))
    return Arrival(
        **{**values, "direction": Direction(values["direction"]), "envelope": json.loads(values["envelope"])}
    )


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
