"""What an administrator sees of the queue, and does to it. Recipients that are being delivered are left alone."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from optimails.queue import rows
from optimails.queue.api import Origin
from optimails.queue.schema import REFRESH

RELEASED_LIVES = 86_400.0  # seconds that a released message has at least
DELETED = "Deleted by the administrator"


class EntryState(StrEnum):
    """What a recipient waits for, or what became of it."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"  # its sender wants it held until a moment to come (RFC 4865)
    DEFERRED = "deferred"
    HELD = "held"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"


_STATE = (
    "CASE WHEN r.lease IS NOT NULL THEN 'delivering' WHEN r.state = 'queued' AND r.due = r.release THEN 'scheduled' "
    "ELSE r.state END"
)

_DUE = "max(?, coalesce(release, 0))"  # now, or when its sender wants it delivered


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient."""

    address: str
    destination: str
    state: EntryState
    attempts: int
    next_attempt: float | None
    expires: float
    status: str
    reply: str
    remote: str
    changed: float


@dataclass(frozen=True, slots=True)
class Queued:
    """One message."""

    id: str
    sender: str
    account: str
    origin: Origin
    size: int
    arrived: float
    priority: int
    recipients: tuple[Entry, ...]

    @property
    def place(self) -> "Place":
        """Where the next page begins."""
        return Place(self.arrived, self.id)


@dataclass(frozen=True, slots=True)
class Place:
    """A message's place among all, the oldest first; it stays valid when the message is gone."""

    arrived: float
    id: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which recipients are meant: all that every given field fits."""

    messages: tuple[str, ...] = ()
    destination: str | None = None
    sender: str | None = None  # empty: the null sender
    recipient: str | None = None
    account: str | None = None  # id of the account that sent it
    origin: Origin | None = None
    since: float | None = None  # Unix seconds: came then or later
    until: float | None = None  # Unix seconds: came before
    states: tuple[str, ...] = ()  # values of ``EntryState``
    finished: bool = False  # also what is done with, for tracking
    after: Place | None = None  # messages behind this place only: the next page
    limit: int = 1_000  # messages

    def where(self) -> tuple[str, list[object]]:
        """The condition, over ``r`` (recipient) and ``m`` (message), and its values."""
        parts, values = [], []  # type: list[str], list[object]
        if self.messages:
            parts.append(f"r.message IN ({','.join('?' * len(self.messages))})")
            values += self.messages
        for condition, value in (
            ("r.destination = ?", self.destination),
            ("m.sender = ? COLLATE NOCASE", self.sender),
            ("r.address = ? COLLATE NOCASE", self.recipient),
            ("m.account = ?", self.account),
            ("m.origin = ?", self.origin and self.origin.value),
            ("m.arrived >= ?", self.since),
            ("m.arrived < ?", self.until),
        ):
            if value is not None:
                parts.append(condition)
                values.append(value)
        if self.after is not None:
            parts.append("(m.arrived, m.id) > (?, ?)")
            values += (self.after.arrived, self.after.id)
        if self.states:
            parts.append(f"{_STATE} IN ({','.join('?' * len(self.states))})")
            values += self.states
        elif not self.finished:
            parts.append("r.state IN ('queued', 'deferred', 'held')")
        return " AND ".join(parts) or "1", values


@dataclass(frozen=True, slots=True)
class Counted:
    """How much a choice means, whatever its limit."""

    messages: int
    recipients: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination that somebody waits for."""

    name: str
    waiting: int
    resting_until: float | None
    failures: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of recipients."""

    states: dict[str, int]
    delivering: int
    messages: int
    bytes: int
    oldest: float | None
    destinations: tuple[Destination, ...] = field(default=())


def find(database: sqlite3.Connection, choice: Choice) -> list[Queued]:
    """The messages with the recipients that fit, oldest first."""
    where, values = choice.where()
    found = database.execute(
        f"SELECT DISTINCT m.id FROM recipient AS r JOIN message AS m ON m.id = r.message "  # noqa: S608  # no values
        f"WHERE {where} ORDER BY m.arrived, m.id LIMIT ?",
        [*values, choice.limit],
    ).fetchall()
    messages = []
    for (identity,) in found:
        head = database.execute(
            "SELECT id, sender, account, origin, size, arrived, priority FROM message WHERE id = ?", (identity,)
        ).fetchone()
        entries = database.execute(
            f"SELECT r.address, r.destination, {_STATE}, "  # noqa: S608
            "r.attempts, r.due, r.expires, r.status, r.reply, r.remote, r.changed FROM recipient AS r "
            f"JOIN message AS m ON m.id = r.message WHERE r.message = ? AND {where} ORDER BY r.id",
            [identity, *values],
        ).fetchall()
        recipients = tuple(Entry(who, where_to, EntryState(state), *more) for who, where_to, state, *more in entries)
        name, sender, account, origin, size, arrived, priority = head
        messages.append(Queued(name, sender, account, Origin(origin), size, arrived, priority, recipients))
    return messages


def count(database: sqlite3.Connection, choice: Choice) -> Counted:
    """What ``find`` would give without a limit, in numbers."""
    where, values = choice.where()
    recipients, messages = database.execute(
        "SELECT count(*), count(DISTINCT m.id) FROM recipient AS r JOIN message AS m ON m.id = r.message "  # noqa: S608
        f"WHERE {where}",
        values,
    ).fetchone()
    size = database.execute(
        "SELECT coalesce(sum(size), 0) FROM message WHERE id IN ("  # noqa: S608
        f"SELECT r.message FROM recipient AS r JOIN message AS m ON m.id = r.message WHERE {where})",
        values,
    ).fetchone()[0]
    return Counted(messages, recipients, size)


def hold(database: sqlite3.Connection, choice: Choice, now: float) -> int:
    """No attempts and no expiry until they are released. Gives how many recipients."""
    return _change(
        database,
        choice,
        "state = 'held', due = NULL, delay = NULL, changed = ?",
        (now,),
        ("queued", "deferred", "scheduled"),
    )


def release(database: sqlite3.Connection, choice: Choice, now: float) -> int:
    """Held ones are due now; they live for another day at least.

    Whatever its sender wants held stays so, unless the message is named: then the administrator knows better.
    """
    named = bool(choice.messages)
    changes = (
        f"state = CASE WHEN attempts > 0 THEN 'deferred' ELSE 'queued' END, due = {_DUE}, crashes = 0, changed = ?, "
        f"expires = max(expires, {_DUE} + ?)"
    )
    if named:
        changes = changes.replace(_DUE, "?") + ", release = NULL"
    states = ("held", "scheduled") if named else ("held",)
    return _change(database, choice, changes, (now, now, now, RELEASED_LIVES), states)


def requeue(database: sqlite3.Connection, choice: Choice, now: float, lifetime: Callable[[str], float]) -> int:
    """Waiting and held ones begin anew: due now, no attempts made, a whole life before them."""
    changes = (
        f"state = 'queued', due = {_DUE}, attempts = 0, crashes = 0, changed = ?, expires = max(expires, {_DUE} + ?)"
    )
    return _change(
        database, choice, changes, lambda domain: (now, now, now, lifetime(domain)), (*rows.OPEN, "scheduled")
    )


def delete(database: sqlite3.Connection, choice: Choice, now: float) -> tuple[int, list[str]]:
    """They are given up, and nobody is told. Gives how many, and the messages that nothing is left to do for."""
    where, values = choice.where()
    messages = [
        row[0]
        for row in database.execute(
            f"SELECT DISTINCT r.message FROM recipient AS r JOIN message AS m ON m.id = r.message WHERE {where}",  # noqa: S608
            values,
        )
    ]
    changes = "state = 'failed', due = NULL, delay = NULL, report = NULL, status = '5.0.0', reply = ?, changed = ?"
    count = _change(database, choice, changes, (DELETED, now), (*rows.OPEN, "scheduled"))
    return count, rows.finish(database, messages, now)


def flush(database: sqlite3.Connection, choice: Choice, now: float) -> int:
    """Everything that waits for another attempt is due now, and no destination rests."""
    count = _change(database, choice, "due = ?", (now,), ("queued", "deferred"))
    if choice.destination is not None:
        database.execute("UPDATE destination SET rest = 0, failures = 0 WHERE name = ?", (choice.destination,))
        database.execute(REFRESH, (choice.destination,))
    elif choice == Choice():
        names = database.execute("SELECT name FROM destination WHERE failures > 0 OR rest > 0").fetchall()
        database.execute("UPDATE destination SET rest = 0, failures = 0 WHERE failures > 0 OR rest > 0")
        database.executemany(REFRESH, names)
    return count


def _change(
    database: sqlite3.Connection,
    choice: Choice,
    changes: str,
    values: tuple[object, ...] | Callable[[str], tuple[object, ...]],
    states: tuple[str, ...],
) -> int:
    """Change those of the chosen that are in one of the states. ``values`` may depend on the destination."""
    where, chosen = choice.where()
    marks = ",".join("?" * len(states))
    found = database.execute(
        "SELECT r.id, r.destination FROM recipient AS r JOIN message AS m ON m.id = r.message "  # noqa: S608
        f"WHERE {where} AND {_STATE} IN ({marks})",
        [*chosen, *states],
    ).fetchall()
    database.executemany(
        f"UPDATE recipient SET {changes} WHERE id = ?",  # noqa: S608  # constants of this file
        [(*(values(domain) if callable(values) else values), identity) for identity, domain in found],
    )
    rows.refresh(database, (destination for _, destination in found))
    return len(found)


def stats(database: sqlite3.Connection, top: int) -> Stats:
    """Numbers, and the destinations with the most waiting."""
    states = dict.fromkeys(("queued", "scheduled", "deferred", "held", "delivered", "failed", "delivering"), 0)
    states |= dict(database.execute(f"SELECT {_STATE}, count(*) FROM recipient AS r GROUP BY 1").fetchall())  # noqa: S608
    delivering = states.pop("delivering")
    messages, size, oldest = database.execute(
        "SELECT count(*), coalesce(sum(size), 0), min(arrived) FROM message WHERE finished IS NULL"
    ).fetchone()
    found = database.execute(
        "SELECT r.destination, count(*), max(d.rest), max(d.failures) FROM recipient AS r "
        "JOIN destination AS d ON d.name = r.destination WHERE r.due IS NOT NULL "
        "GROUP BY r.destination ORDER BY count(*) DESC, r.destination LIMIT ?",
        (top,),
    ).fetchall()
    destinations = tuple(Destination(name, count, rest or None, failures) for name, count, rest, failures in found)
    return Stats(states, delivering, messages, size, oldest, destinations)


def waiting(database: sqlite3.Connection) -> int:
    """Recipients that wait for an attempt."""
    count: int = database.execute(
        "SELECT count(*) FROM recipient WHERE due IS NOT NULL AND due IS NOT release"
    ).fetchone()[0]
    return count
