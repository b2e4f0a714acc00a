"""The steps of a message, each the body of one transaction. Each checks where the recipient stands: done twice, a step
changes nothing the second time, so whoever comes back after a crash may simply do it again."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from securemail.ledger.values import KEPT, Arrival, Findings, State, decision_of, decision_text, findings_text, text_of
from securemail.policy.decide import Decision, Reason
from securemail.policy.document import ActionKind

_AGAIN = 86_400.0  # seconds within which the same content for the same recipient is the same message come again


def insert(  # noqa: PLR0913 - what a message begins with
    database: sqlite3.Connection,
    arrival: Arrival,
    addresses: Iterable[str],
    state: State,
    *,
    kept: bool,
    due: float | None,
) -> list[str]:
    """A message that came in; gives the recipients that were not there already from an attempt before."""
    before = {
        address
        for (address,) in database.execute(
            "SELECT r.address FROM message m JOIN recipient r ON r.message = m.id "
            "WHERE m.fingerprint = ? AND m.arrived > ? AND m.kept = 1 AND m.id <> ?",
            (arrival.fingerprint, arrival.arrived - _AGAIN, arrival.id),
        )
    }
    new = [address for address in dict.fromkeys(addresses) if address not in before]
    if not new:
        return []
    made = database.execute(
        "INSERT OR IGNORE INTO message (id, arrived, direction, sender, author, client, account, size, subject, "
        "message_id, fingerprint, envelope, kept, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (arrival.id, arrival.arrived, arrival.direction.value, arrival.sender, arrival.author, arrival.client,
         arrival.account, arrival.size, arrival.subject, arrival.message_id, arrival.fingerprint,
         text_of(dict(arrival.envelope)), kept, due),
    ).rowcount  # fmt: skip
    database.executemany(
        "INSERT OR IGNORE INTO recipient (message, address, domain, state, changed) VALUES (?, ?, ?, ?, ?)",
        [(arrival.id, address, address.rpartition("@")[2], state.value, arrival.arrived) for address in new],
    )
    if made:
        step(database, arrival.arrived, arrival.id, "", State.RECEIVED.value, arrival.client)
    return new


def analysed(database: sqlite3.Connection, message: str, findings: Findings, now: float) -> None:
    """The findings of a message that waits for them."""
    changed = database.execute(
        "UPDATE recipient SET state = ?, changed = ? WHERE message = ? AND state = ?",
        (State.ANALYSED.value, now, message, State.RECEIVED.value),
    ).rowcount
    if changed:
        note_findings(database, message, findings)
        step(database, now, message, "", State.ANALYSED.value, findings.health.value)


def note_findings(database: sqlite3.Connection, message: str, findings: Findings) -> None:
    database.execute(
        "UPDATE message SET health = ?, spam = ?, mail_class = ?, findings = ? WHERE id = ?",
        (findings.health.value, findings.spam, findings.mail_class or "", findings_text(findings), message),
    )


def decided(database: sqlite3.Connection, message: str, decisions: Mapping[str, Decision], now: float) -> None:
    """What the policies say for each recipient of a message that was analysed."""
    for address, decision in decisions.items():
        changed = database.execute(
            "UPDATE recipient SET state = ?, decision = ?, changed = ? WHERE message = ? AND address = ? AND state = ?",
            (State.DECIDED.value, decision_text(decision), now, message, address, State.ANALYSED.value),
        ).rowcount
        if changed:
            by = decision.decided_by
            detail = f"{decision.action.value} {by.scope} {by.rule}" if by else decision.action.value
            step(database, now, message, address, State.DECIDED.value, detail)


def finish(  # noqa: PLR0913 - what there is to say of an end
    database: sqlite3.Connection,
    message: str,
    address: str,
    state: State,
    now: float,
    *,
    before: Sequence[State] = (State.DECIDED,),
    zone: str = "",
    detail: str = "",
    expires: float | None = None,
    actor: str = "",
) -> bool:
    """A recipient's message comes to an end, from one of the states ``before``; whether it did."""
    among = ", ".join("?" * len(before))
    changed = database.execute(
        "UPDATE recipient SET state = ?, zone = ?, detail = ?, expires = ?, changed = ? "  # noqa: S608 - marks alone
        f"WHERE message = ? AND address = ? AND state IN ({among})",
        (state.value, zone, detail[:500], expires, now, message, address, *(one.value for one in before)),
    ).rowcount
    if changed:
        step(database, now, message, address, state.value, " ".join(filter(None, (zone, detail[:500]))), actor)
    return bool(changed)


def release(  # noqa: PLR0913, PLR0917 - who, what, when
    database: sqlite3.Connection, message: str, address: str, reason: Reason, now: float, actor: str
) -> bool:
    """A kept message is decided anew, to be delivered; whether it was kept."""
    row = database.execute(
        "SELECT decision FROM recipient WHERE message = ? AND address = ? AND state IN (?, ?)",
        (message, address, *(one.value for one in KEPT)),
    ).fetchone()
    before = decision_of(row[0]) if row else None
    if before is None:
        return False
    decision = Decision(ActionKind.DELIVER, before.spam, (*before.reasons, reason))
    database.execute(
        "UPDATE recipient SET state = ?, decision = ?, expires = NULL, changed = ? WHERE message = ? AND address = ?",
        (State.DECIDED.value, decision_text(decision), now, message, address),
    )
    database.execute("UPDATE message SET due = ?, attempts = 0 WHERE id = ?", (now, message))
    step(database, now, message, address, "release", actor=actor)
    return True


def settle(database: sqlite3.Connection, message: str) -> bool:
    """Whether nobody needs the content any more. Nothing is due where no recipient is on its way."""
    open_, kept = database.execute(
        "SELECT sum(state IN ('received', 'analysed', 'decided')), sum(expires IS NOT NULL) FROM recipient "
        "WHERE message = ?",
        (message,),
    ).fetchone()
    if not open_:
        database.execute("UPDATE message SET due = NULL WHERE id = ?", (message,))
    if open_ or kept:
        return False
    database.execute("UPDATE message SET kept = 0 WHERE id = ?", (message,))
    return True


def step(  # noqa: PLR0913, PLR0917 - a line has so many columns
    database: sqlite3.Connection, now: float, message: str, address: str, what: str, detail: str = "", actor: str = ""
) -> None:
    database.execute(
        "INSERT INTO step (at, message, address, what, detail, actor) VALUES (?, ?, ?, ?, ?, ?)",
        (now, message, address, what, detail, actor),
    )


def note_decision(database: sqlite3.Connection, message: str, address: str, decision: Decision) -> None:
    database.execute(
        "UPDATE recipient SET decision = ? WHERE message = ? AND address = ?",
        (decision_text(decision), message, address),
    )


def purge(database: sqlite3.Connection, before: float, limit: int = 500) -> int:
    """Forget messages that arrived before and are done with; how many."""
    rows = database.execute(
        "SELECT id FROM message m WHERE arrived < ? AND kept = 0 AND due IS NULL LIMIT ?", (before, limit)
    ).fetchall()
    for table, column in (("step", "message"), ("recipient", "message"), ("message", "id")):
        database.executemany(f"DELETE FROM {table} WHERE {column} = ?", rows)  # noqa: S608 - names of ours
    return len(rows)
