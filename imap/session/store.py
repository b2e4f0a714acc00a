"""STORE and UID STORE (RFC 9051 §6.4.6, conditional by RFC 7162 §3.1.3)."""

from imap.session.scripts import run_scripts
from imap.session.session import Session
from imap.session.state import Done
from imap.session.updates import tell_flags, tell_keywords
from imap.wire import codes, responses
from imap.wire.commands import Store
from optimails.delivery.stored.api import Cause, Happened
from optimails.mailbox.api import StoreMode
from optimails.model.errors import Reason, Refused
from optimails.model.ids import ModSeq
from optimails.model.number_set import NumberSet


async def store(session: Session, command: Store) -> Done:
    mailbox = session.mailbox
    if mailbox.read_only:
        raise Refused(Reason.NO_PERMISSION, "Mailbox is read-only")
    if command.unchanged_since is not None:
        session.condstore = True
    stored = await mailbox.store(
        session.message_set(command.messages, by_uid=command.by_uid),
        StoreMode(command.action.value),
        command.flags,
        None if command.unchanged_since is None else ModSeq(command.unchanged_since),
    )
    if not command.silent:
        tell_flags(session, stored.changed, uid=command.by_uid)
    elif session.condstore:
        # RFC 7162 §3.1.3: the new MODSEQ is told even then, or the client could not go on conditionally.
        tell_keywords(session)
        session.write_lines(
            [
                responses.fetch(change.seq, [responses.uid_piece(change.uid), responses.modseq_piece(change.modseq)])
                for change in stored.changed
            ]
        )
    await session.relieve()
    changed = stored.differences
    await run_scripts(session, Happened(Cause.FLAG, mailbox.name, sorted(changed), changed=changed))
    if not stored.modified:
        return Done("STORE completed")
    numbers = stored.modified if command.by_uid else await mailbox.sequence_numbers(stored.modified)
    return Done("Conditional STORE failed for some", codes.modified(NumberSet.of(numbers)))
