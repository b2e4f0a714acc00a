"""What time does to queued mail: it expires, its sender is told that it is late, and in the end it is forgotten."""

import sqlite3

from optimails.model.address import EmailAddress
from optimails.queue import rows
from optimails.queue.api import Notify, Report, Reported, Ret

BATCH = 200  # rows of one transaction, so that accepting mail never waits long
DAY = 86_400.0
_ACTIONS = {"failed": "failed", "expired": "failed", "delayed": "delayed", "relayed": "relayed"}


def expire(database: sqlite3.Connection, now: float) -> list[str]:
    """Give up what is too old, at most a batch; gives the messages concerned (some may have nothing left to do)."""
    found = database.execute(
        "SELECT r.id, r.message, r.destination, r.notify, m.sender FROM recipient AS r "
        "JOIN message AS m ON m.id = r.message WHERE r.due IS NOT NULL AND r.expires <= ? ORDER BY r.expires LIMIT ?",
        (now, BATCH),
    ).fetchall()
    for identity, _, _, notify, sender in found:
        report = "expired" if sender and rows.wants(notify, Notify.FAILURE) else None
        # RFC 3463 §3.5: X.4.7 is "delivery time expired"; what the last server said stays as the diagnosis.
        database.execute(
            "UPDATE recipient SET state = 'failed', due = NULL, delay = NULL, report = ?, status = '4.4.7', "
            "changed = ? WHERE id = ?",
            (report, now, identity),
        )
    rows.refresh(database, (row[2] for row in found))
    return list(dict.fromkeys(row[1] for row in found))


def delays(database: sqlite3.Connection, now: float) -> int:
    """Mark whose sender is to be told of a delay, at most a batch; each once."""
    found = database.execute(
        "SELECT id, 0 FROM recipient WHERE delay <= ? AND lease IS NULL ORDER BY delay LIMIT ?", (now, BATCH)
    ).fetchall()
    for identity, _ in found:
        database.execute("UPDATE recipient SET delay = NULL, report = 'delayed' WHERE id = ?", (identity,))
    return len(found)


def reports(database: sqlite3.Connection) -> list[str]:
    """Messages whose senders wait for a report, at most a batch."""
    return [
        row[0]
        for row in database.execute("SELECT DISTINCT message FROM recipient WHERE report IS NOT NULL LIMIT ?", (BATCH,))
    ]


def report(database: sqlite3.Connection, message: str) -> Report | None:
    """What is to be told about a message now; one report for all recipients that wait for one."""
    row = database.execute(
        "SELECT sender, envid, ret, arrived, smtputf8, key FROM message WHERE id = ?", (message,)
    ).fetchone()
    found = database.execute(
        "SELECT address, orcpt, report, status, reply, remote, changed, expires FROM recipient "
        "WHERE message = ? AND report IS NOT NULL ORDER BY id",
        (message,),
    ).fetchall()
    if row is None or not row[0] or not found:
        return None
    sender, envid, ret, arrived, smtputf8, key = row
    told = tuple(
        Reported(rows.address(who), orcpt, _ACTIONS[kind], status or "4.0.0", reply, remote, changed, expires)
        for who, orcpt, kind, status, reply, remote, changed, expires in found
    )
    sent_by: EmailAddress = rows.address(sender)
    return Report(message, sent_by, envid, Ret(ret) if ret else None, arrived, bool(smtputf8), told, key or "")


def told(database: sqlite3.Connection, report: Report | None, message: str, now: float) -> list[str]:
    """The report is on its way. Gives the message when nothing is left to do for it."""
    if report is None:
        database.execute("UPDATE recipient SET report = NULL WHERE message = ? AND report IS NOT NULL", (message,))
    else:
        for one in report.recipients:
            kinds = [kind for kind, action in _ACTIONS.items() if action == one.action]
            database.executemany(
                "UPDATE recipient SET report = NULL WHERE message = ? AND address = ? AND report = ?",
                [(message, str(one.address), kind) for kind in kinds],
            )
    return rows.finish(database, [message], now)


def purge(database: sqlite3.Connection, before: float) -> int:
    """Forget finished messages, at most a batch; gives how many."""
    found = [
        row[0]
        for row in database.execute(
            "SELECT id FROM message WHERE finished IS NOT NULL AND finished <= ? ORDER BY finished LIMIT ?",
            (before, BATCH),
        )
    ]
    database.executemany("DELETE FROM recipient WHERE message = ?", [(message,) for message in found])
    database.executemany("DELETE FROM message WHERE id = ?", [(message,) for message in found])
    if found:
        database.execute("DELETE FROM destination WHERE ready IS NULL AND failures = 0 AND turn <= ?", (before,))
    return len(found)
