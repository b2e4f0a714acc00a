"""FETCH and UID FETCH (RFC 9051 §6.4.5, §6.4.9).

Three speeds. Flags alone come from the memory of the view. What the index has prepared (ENVELOPE, BODYSTRUCTURE, sizes,
dates, the usual header fields) is joined row by row by ``fetch_plan``. Only sections open the message's file, one
message after another, and a large one leaves in slices. Memory stays flat in all three.
"""

from collections.abc import Sequence
from itertools import islice

from imap.session import sections
from imap.session.fetch_plan import Plan, compile_fetch
from imap.session.session import Session
from imap.session.state import Done
from imap.session.updates import tell_keywords, with_recent
from imap.wire import codes, responses
from imap.wire.commands import Attribute, Fetch
from imap.wire.responses import Condition
from optimails.mailbox.api import MessageSet, Row, StoreMode, Want
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.flags import SEEN, SEEN_BIT
from optimails.model.ids import ModSeq
from optimails.model.number_set import NumberSet
from optimails.model.rights import Right

LINES_AT_ONCE = 2_000  # FLAGS lines in one block
SEEN_AT_ONCE = 20  # messages marked as seen ahead of being sent: few, should the connection break

_FLAGS_ONLY = ({Attribute.FLAGS}, {Attribute.FLAGS, Attribute.UID})


async def fetch(session: Session, command: Fetch) -> Done:
    if command.vanished:
        raise BadSyntax("VANISHED needs QRESYNC")
    if command.changed_since is not None or Attribute.MODSEQ in command.items:
        session.condstore = True  # RFC 7162 §3.1: a CONDSTORE enabling command
    messages = session.message_set(command.messages, by_uid=command.by_uid)
    if set(command.items) in _FLAGS_ONLY and not session.condstore:
        told = await _flags(session, messages, with_uid=command.by_uid or Attribute.UID in command.items)
    else:
        told = await _rows(session, command, messages)
    expected = 0
    if not messages.by_uid and command.changed_since is None:
        expected = messages.numbers.resolved(session.mailbox.exists).count()
    if told < expected:
        # RFC 2180 §4.1.2: what is left was sent; the client learns at its next NOOP what went.
        return Done("Some messages are gone", codes.EXPUNGE_ISSUED, Condition.NO)
    return Done("FETCH completed")


async def _flags(session: Session, messages: MessageSet, *, with_uid: bool) -> int:
    """How many messages there were."""
    rows = iter(await session.mailbox.flags(messages))
    tell_keywords(session)
    render = session.mailbox.keywords.render
    told = 0
    blocks = []  # all made before the first is sent: the rows are a look at what other sessions change
    while some := list(islice(rows, LINES_AT_ONCE)):
        if session.recents:
            lines = [
                b"* %d FETCH (%bFLAGS (%b))\r\n"
                % (seq, b"UID %d " % uid if with_uid else b"", with_recent(session, uid, render(mask)))
                for seq, uid, mask in some
            ]
        elif with_uid:
            lines = [b"* %d FETCH (UID %d FLAGS (%b))\r\n" % (seq, uid, render(mask)) for seq, uid, mask in some]
        else:
            lines = [b"* %d FETCH (FLAGS (%b))\r\n" % (seq, render(mask)) for seq, _, mask in some]
        blocks.append(b"".join(lines))
        told += len(lines)
    for block in blocks:
        session.write(block)
        await session.relieve()
    return told


async def _rows(session: Session, command: Fetch, messages: MessageSet) -> int:
    """How many messages there were."""
    plan = compile_fetch(session, command)
    if Want.FLAGS in plan.want:
        tell_keywords(session)
    since = None if command.changed_since is None else ModSeq(command.changed_since)
    told = 0
    async for rows in session.mailbox.fetch(messages, plan.want, since):
        if not plan.marks_seen and not plan.from_file and _complete(plan, rows):
            session.write(plan.lines(rows))
            told += len(rows)
        else:
            for at in range(0, len(rows), SEEN_AT_ONCE):
                told += await _careful(session, command, plan, rows[at : at + SEEN_AT_ONCE])
        await session.relieve()
    return told


def _complete(plan: Plan, rows: Sequence[Row]) -> bool:
    """Whether the index has what the plan wants; it keeps no header fields where they would be too long."""
    return not plan.from_headers or all(row.headers is not None for row in rows)


async def _careful(session: Session, command: Fetch, plan: Plan, rows: Sequence[Row]) -> int:
    """Rows that set flags, come from files, or may lack their prepared headers; how many were still there."""
    changed: set[int] = set()
    if plan.marks_seen and session.mailbox.may(Right.SEEN):  # which somebody may have taken away a moment ago
        rows, changed = await _mark_seen(session, rows)
    if not changed and not plan.from_file and _complete(plan, rows):
        session.write(plan.lines(rows))
        return len(rows)
    told = 0
    for row in rows:
        chosen = plan
        if row.uid in changed or (plan.from_headers and row.headers is None):
            chosen = compile_fetch(
                session, command, headers_from_file=plan.from_headers and row.headers is None,
                tell_flags=row.uid in changed,
            )  # fmt: skip
        told += await _one(session, chosen, row)
    return told


async def _mark_seen(session: Session, rows: Sequence[Row]) -> tuple[Sequence[Row], set[int]]:
    """Set ``\\Seen`` where it is missing; the rows as they are now, and which changed."""
    unseen = [row.uid for row in rows if not (row.flags or 0) & SEEN_BIT]
    if not unseen:
        return rows, set()
    messages = MessageSet(NumberSet.of(unseen), by_uid=True)
    stored = await session.mailbox.store(messages, StoreMode.ADD, frozenset({SEEN}))
    now = {change.uid: change for change in stored.changed}
    fresh = [
        row._replace(flags=now[row.uid].flags, modseq=now[row.uid].modseq) if row.uid in now else row for row in rows
    ]
    return fresh, set(now)


async def _one(session: Session, plan: Plan, row: Row) -> bool:
    """One response; False when the message is gone."""
    if not plan.from_file:
        session.write(plan.lines((row,)))
        return True
    try:
        file = await session.mailbox.open_message(row.uid)
    except Refused as refused:
        if refused.reason is Reason.EXPUNGE_ISSUED:
            return False
        raise
    try:
        found = await sections.pieces(session, row.uid, file, plan.from_file)
        head = plan.head(row)
        session.write(head if head.endswith(b"(") else head + b" ")
        await sections.send(session, found)
        session.write(responses.FETCH_TAIL)
    finally:
        file.close()
    await session.relieve()
    return True
