"""Which recipients are tried next, by whom, and what became of them.

**Fairness.** Nothing here looks at waiting messages one by one. A destination has one row, with the moment from which
it is worth a look; destinations take turns in the order of that moment, one job each, and who had a turn goes to the
end. So a hundred thousand messages for one domain cost everybody else one place in line.

**A destination that cannot be reached** rests as a whole. Its messages are not touched meanwhile, they only grow old.
When the rest is over one job tries; if a server speaks to us, all go on. Jobs to such destinations get at most half of
the places, so that many dead hosts cannot hold all of them while they time out.

**Leases.** Who takes a job writes its process into ``lease`` and takes ``due`` away. The lease of a process that died
is free at once (``free``); that of a living one is left alone for as long as it lives. Whose runner died with
it several times is held: it may be what kills the runner. One step before that, such a message is only tried while no
other suspect is, so that an innocent one does not get its third mark beside the culprit.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from optimails.queue import rows
from optimails.queue.api import Body, Job, Notify, QueuedRecipient, RecipientResult, Ret, State
from optimails.queue.contents import Contents
from optimails.queue.owner import alive, crashed
from optimails.queue.schedule import Schedule

SUSPECT_WAITS = 5.0  # seconds
ISOLATED = "Held: the queue runner died several times while it delivered this message"


@dataclass(frozen=True, slots=True)
class Leased:
    """A job that is ours, with the rows of its recipients in the same order."""

    job: Job
    ids: tuple[int, ...]
    probe: bool  # the destination could not be reached the last time
    suspect: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """Who acts, when, and by which rules."""

    owner: str
    now: float
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Places:
    """What is being delivered now, and how much more may be."""

    running: Mapping[str, int]  # by destination
    free: int  # jobs
    probes: int  # of these, for destinations that could not be reached
    suspects: bool  # whether a suspect is being tried
    window: Callable[[str], int]  # jobs at a time to a destination


def lease(database: sqlite3.Connection, contents: Contents, turn: Turn, places: Places) -> list[Leased]:
    """Take as many jobs as there are places."""
    now = turn.now
    # Those that may be dead are asked for by themselves: thousands of them must not hide the others from view.
    most = places.free + len(places.running) + 1
    healthy = database.execute(
        "SELECT name, failures, ready FROM destination WHERE ready <= ? AND failures = 0 ORDER BY ready LIMIT ?",
        (now, most),
    ).fetchall()
    doubtful = database.execute(
        "SELECT name, failures, ready FROM destination WHERE ready <= ? AND failures > 0 ORDER BY ready LIMIT ?",
        (now, max(0, min(most, places.probes)) + len(places.running)),
    ).fetchall()
    by_age = sorted(healthy + doubtful, key=lambda row: (row[2], row[0]))
    candidates: list[tuple[str, int]] = [(name, failures) for name, failures, _ in by_age]
    running = Counter(places.running)
    probes, suspects = places.probes, places.suspects
    leased: list[Leased] = []
    while candidates and len(leased) < places.free:
        again = []
        for name, failures in candidates:
            if len(leased) >= places.free:
                break
            if running[name] >= (1 if failures else places.window(name)) or (failures and probes <= 0):
                continue
            taken = _take(database, contents, turn, name, suspects=suspects)
            if taken is None:
                rows.refresh(database, [name])
                continue
            leased.append(replace(taken, probe=bool(failures)))
            running[name] += 1
            probes -= bool(failures)
            suspects = suspects or taken.suspect
            again.append((name, failures))
        candidates = again
    names = dict.fromkeys(one.job.destination for one in leased)
    database.executemany("UPDATE destination SET turn = ? WHERE name = ?", [(now, name) for name in names])
    rows.refresh(database, names)
    return leased


def _take(
    database: sqlite3.Connection, contents: Contents, turn: Turn, destination: str, *, suspects: bool
) -> Leased | None:
    """The next job of a destination."""
    settings, now = turn.schedule.settings, turn.now
    while (first := _next(database, destination, now)) is not None:
        found = database.execute(
            "SELECT id, address, notify, orcpt, crashes, junk FROM recipient INDEXED BY recipient_message "
            "WHERE message = ? AND destination = ? AND due <= ? ORDER BY id LIMIT ?",
            (first, destination, now, settings.recipients_per_delivery),
        ).fetchall()
        suspect = any(row[4] >= settings.poison_after - 1 for row in found)
        ids = tuple(row[0] for row in found)
        if suspect and suspects:
            database.executemany("UPDATE recipient SET due = ? WHERE id = ?", [(now + SUSPECT_WAITS, i) for i in ids])
            continue
        database.executemany("UPDATE recipient SET lease = ?, due = NULL WHERE id = ?", [(turn.owner, i) for i in ids])
        sender, size, smtputf8, body, ret, envid, priority, require_tls, account = database.execute(
            "SELECT sender, size, smtputf8, body, ret, envid, priority, require_tls, account FROM message WHERE id = ?",
            (first,),
        ).fetchone()
        job = Job(
            message_id=first,
            sender=rows.address(sender) if sender else None,
            recipients=tuple(
                QueuedRecipient(rows.address(row[1]), rows.notify_value(row[2]), row[3], bool(row[5])) for row in found
            ),
            destination=destination,
            content=contents.path(first),
            size=size,
            smtputf8=bool(smtputf8),
            body=Body(body),
            ret=Ret(ret) if ret else None,
            envid=envid,
            priority=priority,
            require_tls=bool(require_tls),
            account=account,
        )
        return Leased(job, ids, probe=False, suspect=suspect)
    return None


def _next(database: sqlite3.Connection, destination: str, now: float) -> str | None:
    """The message whose turn it is: the highest priority that has anything due, then the longest due."""
    below = 99
    while True:
        priority = database.execute(
            "SELECT max(priority) FROM recipient WHERE destination = ? AND due IS NOT NULL AND priority < ?",
            (destination, below),
        ).fetchone()[0]
        if priority is None:
            return None
        row = database.execute(
            "SELECT message FROM recipient WHERE destination = ? AND priority = ? AND due <= ? "
            "ORDER BY due, id LIMIT 1",
            (destination, priority, now),
        ).fetchone()
        if row is not None:
            message: str = row[0]
            return message
        below = priority


def settle(database: sqlite3.Connection, turn: Turn, leased: Leased, results: Iterable[RecipientResult]) -> list[str]:
    """Write down what became of a job, and give up the lease. Gives the message when nothing is left to do for it."""
    job = leased.job
    by_address = {str(result.recipient): result for result in results}
    reached = False
    for identity, recipient in zip(leased.ids, job.recipients, strict=True):
        result = by_address.get(str(recipient.address)) or RecipientResult(
            recipient.address, State.DEFERRED, "4.3.0", "The attempt ended without an answer", unreachable=False
        )
        reached = reached or not result.unreachable
        _settle_one(database, turn, identity, result, has_sender=job.sender is not None)
    _settle_destination(database, turn, job.destination, reached=reached)
    rows.refresh(database, [job.destination])
    return rows.finish(database, [job.message_id], turn.now)


def _settle_one(
    database: sqlite3.Connection, turn: Turn, identity: int, result: RecipientResult, *, has_sender: bool
) -> None:
    row = database.execute(
        "SELECT notify, attempts FROM recipient WHERE id = ? AND lease = ?", (identity, turn.owner)
    ).fetchone()
    if row is None:
        return
    notify, attempts = row
    due = report = None
    if result.state is State.DEFERRED:
        due = turn.schedule.next_attempt(turn.now, attempts + 1)
    elif result.state is State.FAILED and has_sender and rows.wants(notify, Notify.FAILURE):
        report = "failed"
    elif result.state is State.DELIVERED and has_sender and not result.dsn and rows.wants(notify, Notify.SUCCESS):
        report = "relayed"  # RFC 3461 §5.2.2: the next server will not tell, so we do
    database.execute(
        "UPDATE recipient SET state = ?, lease = NULL, due = ?, attempts = attempts + 1, crashes = 0, status = ?, "
        "reply = ?, remote = ?, changed = ?, unreachable = ?, delay = CASE WHEN ? THEN delay END, "
        "report = coalesce(?, CASE WHEN ? THEN report END) WHERE id = ?",
        (result.state.value, due, result.status, result.reply[:1_000], result.remote[:255], turn.now,
         result.unreachable, due is not None, report, due is not None, identity),
    )  # fmt: skip


def _settle_destination(database: sqlite3.Connection, turn: Turn, destination: str, *, reached: bool) -> None:
    now = turn.now
    failures, rest = database.execute(
        "SELECT failures, rest FROM destination WHERE name = ?", (destination,)
    ).fetchone() or (0, 0.0)
    if not reached:
        if rest <= now:  # others that ran beside this one have said so already
            database.execute(
                "UPDATE destination SET failures = failures + 1, rest = ? WHERE name = ?",
                (turn.schedule.rest(now, failures + 1), destination),
            )
    elif failures:
        database.execute("UPDATE destination SET failures = 0, rest = 0 WHERE name = ?", (destination,))
        # It is back: who was deferred only because it was away goes now, not hours later.
        database.execute(
            "UPDATE recipient SET due = ? WHERE destination = ? AND due > ? AND unreachable = 1",
            (now, destination, now),
        )


def give_back(database: sqlite3.Connection, owner: str, now: float, leased: Leased) -> None:
    """Nothing was tried, or it was given up on our own account: it is due again, as if it had never been leased."""
    database.executemany(
        "UPDATE recipient SET lease = NULL, due = ? WHERE id = ? AND lease = ?",
        [(now, identity, owner) for identity in leased.ids],
    )
    rows.refresh(database, [leased.job.destination])


def owners(database: sqlite3.Connection) -> list[str]:
    """Who holds leases."""
    return [row[0] for row in database.execute("SELECT DISTINCT lease FROM recipient WHERE lease IS NOT NULL")]


def free(database: sqlite3.Connection, schedule: Schedule, now: float) -> tuple[int, list[str]]:
    """Free the leases of processes that died; gives how many, and the messages that are held now."""
    count = 0
    isolated: list[str] = []
    for owner in owners(database):
        if alive(owner):
            continue
        blame = int(crashed(owner))
        found = database.execute(
            "SELECT id, message, destination, crashes + ? FROM recipient WHERE lease = ?", (blame, owner)
        ).fetchall()
        for identity, message, _, crashes in found:
            poison = crashes >= schedule.settings.poison_after
            database.execute(
                "UPDATE recipient SET lease = NULL, crashes = ?, changed = ?, due = ?, "
                "state = CASE WHEN ? THEN 'held' ELSE state END, reply = CASE WHEN ? THEN ? ELSE reply END "
                "WHERE id = ?",
                (crashes, now, None if poison else now, poison, poison, ISOLATED, identity),
            )
            if poison:
                isolated.append(message)
        rows.refresh(database, (row[2] for row in found))
        count += len(found)
    return count, list(dict.fromkeys(isolated))
