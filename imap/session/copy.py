"""COPY, MOVE, EXPUNGE and their UID forms (RFC 9051 §6.4.3, §6.4.7, §6.4.8, §6.4.9)."""

from imap.session.scripts import run_scripts
from imap.session.session import Session
from imap.session.state import Done
from imap.session.updates import tell_updates
from imap.wire import codes
from imap.wire.codes import Code
from imap.wire.commands import SAVED_RESULT, Copy, Expunge, Move
from imap.wire.responses import Condition
from optimails.delivery.stored.api import Cause, Happened
from optimails.mailbox.api import Copied
from optimails.model.errors import Reason, Refused
from optimails.model.number_set import NumberSet


async def copy(session: Session, command: Copy) -> Done:
    messages = session.message_set(command.messages, by_uid=command.by_uid)
    try:
        copied = await session.mailbox.copy(messages, command.mailbox)
    except Refused as refused:
        return try_create(refused)
    await _copied(session, command, copied)
    return Done("COPY completed", _copy_uid(copied))


async def move(session: Session, command: Move) -> Done:
    if session.mailbox.read_only:
        raise Refused(Reason.NO_PERMISSION, "Mailbox is read-only")
    messages = session.message_set(command.messages, by_uid=command.by_uid)
    try:
        moved = await session.mailbox.move(messages, command.mailbox)
    except Refused as refused:
        return try_create(refused)
    code = _copy_uid(moved)
    if code is not None:
        session.ok("Moved", code)  # RFC 6851 §4.3: before the EXPUNGEs, which the table lets go next
    await _copied(session, command, moved)
    return Done("MOVE completed")


async def expunge(session: Session, command: Expunge) -> Done:
    mailbox = session.mailbox
    if mailbox.read_only:
        raise Refused(Reason.NO_PERMISSION, "Mailbox is read-only")
    uids = session.saved if command.uids == SAVED_RESULT else command.uids
    await mailbox.expunge(uids)
    await tell_updates(session, expunges=True)
    if session.condstore:
        # RFC 7162 §3.1.2: a client that keeps up needs the number that follows its own expunges.
        return Done("EXPUNGE completed", codes.highest_modseq(mailbox.highest_modseq))
    return Done("EXPUNGE completed")


def try_create(refused: Refused) -> Done:
    """The answer to a refusal by the target of COPY, MOVE, APPEND (RFC 9051 §7.1, TRYCREATE)."""
    if refused.reason is Reason.NON_EXISTENT:
        return Done(str(refused), codes.TRY_CREATE, Condition.NO)
    raise refused


async def _copied(session: Session, command: Copy | Move, copied: Copied) -> None:
    source = session.mailbox.name
    await run_scripts(session, Happened(Cause.COPY, command.mailbox, copied.targets, source))


def _copy_uid(copied: Copied) -> Code | None:
    if not copied.sources:
        return None
    # RFC 4315 §3: the two sets correspond position by position; both ascend, so sorting them keeps that.
    return codes.copy_uid(copied.uid_validity, NumberSet.of(copied.sources), NumberSet.of(copied.targets))
