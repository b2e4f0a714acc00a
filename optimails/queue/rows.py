"""Values in the tables, and what a state leads to. No transaction begins or ends here."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from optimails.model.address import EmailAddress
from optimails.queue.api import Notify
from optimails.queue.schema import REFRESH

OPEN = ("queued", "deferred", "held")
_DEFAULT = frozenset({Notify.FAILURE, Notify.DELAY})  # RFC 3461 §4.1: when nothing was said


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may send to the outside; 0 is unlimited."""

    messages_per_hour: int
    messages_per_day: int
    recipients_per_hour: int
    recipients_per_day: int


def address(text: str) -> EmailAddress:
    """What ``str`` made of an address that was parsed once."""
    local, _, domain = text.rpartition("@")
    return EmailAddress(local, domain)


def notify_text(notify: frozenset[Notify] | None) -> str | None:
    return None if notify is None else ",".join(sorted(notify))


def notify_value(text: str | None) -> frozenset[Notify] | None:
    return None if text is None else frozenset(Notify(word) for word in text.split(",") if word)


def allowed(notify: frozenset[Notify] | None, reports: str) -> frozenset[Notify] | None:
    """What the sender hears of what it wants to, where the relay domain says "all", "failures" or "none"."""
    match reports:
        case "none":
            return frozenset({Notify.NEVER})
        case "failures":
            wanted = _DEFAULT if notify is None else notify
            return (wanted - {Notify.DELAY}) or frozenset({Notify.NEVER})
        case _:
            return notify


def wants(text: str | None, kind: Notify) -> bool:
    """Whether the sender wants to hear of this."""
    notify = notify_value(text)
    return kind in (_DEFAULT if notify is None else notify)


def refresh(database: sqlite3.Connection, destinations: Iterable[str]) -> None:
    """To be called for every destination of which a recipient's ``due`` changed."""
    database.executemany(REFRESH, [(name,) for name in dict.fromkeys(destinations)])


def finish(database: sqlite3.Connection, messages: Iterable[str], now: float) -> list[str]:
    """Which of these messages have nothing left to do: their contents may go, once this is committed."""
    finished = []
    for message in dict.fromkeys(messages):
        busy = database.execute(
            "SELECT 1 FROM recipient WHERE message = ? "
            "AND (state IN ('queued', 'deferred', 'held') OR report IS NOT NULL) LIMIT 1",
            (message,),
        ).fetchone()
        if busy is None:
            database.execute("UPDATE message SET finished = ? WHERE id = ? AND finished IS NULL", (now, message))
            finished.append(message)
    return finished


def by_key(database: sqlite3.Connection, key: str) -> str | None:
    """The message that was handed in under this key."""
    row = database.execute("SELECT id FROM message WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def used(database: sqlite3.Connection, account: str, since: float) -> tuple[int, int]:
    """Messages and recipients of an account since then."""
    row: tuple[int, int] = database.execute(
        "SELECT count(*), coalesce(sum(recipients), 0) FROM message WHERE account = ? AND account <> '' "
        "AND arrived > ?",
        (account, since),
    ).fetchone()
    return row


def room(database: sqlite3.Connection, account: str, limits: Limits, now: float) -> int | None:
    """How many recipients the account may still write to now; None is any number."""
    rooms: list[int] = []
    for span, messages, recipients in (
        (3_600, limits.messages_per_hour, limits.recipients_per_hour),
        (86_400, limits.messages_per_day, limits.recipients_per_day),
    ):
        if not messages and not recipients:
            continue
        sent, written = used(database, account, now - span)
        if messages and sent >= messages:
            return 0
        if recipients:
            rooms.append(max(0, recipients - written))
    return min(rooms, default=None)
