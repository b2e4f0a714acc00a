"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2)."""

from functools import partial

from imap.session.listing import selected_line
from imap.session.session import Session
from imap.session.state import Done
from imap.session.updates import tell_keywords
from imap.wire import codes, responses
from imap.wire.commands import Select
from optimails.door.sessions import Ending
from optimails.model.errors import BadSyntax
from optimails.model.rights import Right


async def select(session: Session, command: Select) -> Done:
    if command.qresync is not None:
        raise BadSyntax("QRESYNC is not enabled")  # RFC 7162 §3.2.5
    if session.selected is not None:
        await session.unselect()
        session.ok("Previous mailbox closed", codes.CLOSED)  # RFC 9051 §7.1: before any news of the next one
    if command.condstore:
        session.condstore = True
    selected = await session.mail.select(command.mailbox, read_only=command.read_only)
    session.selected = selected
    selected.when_revoked(partial(session.kick, Ending.NOT_SHARED))
    session.keywords_told = None
    status = selected.status
    tell_keywords(session)
    session.write(responses.exists(selected.exists))
    if not session.rev2:
        session.write(responses.recent(status.recent))
        session.recents = status.recent > 0
        if selected.first_unseen is not None:
            session.ok("First unseen", codes.unseen(selected.first_unseen))
    session.ok("UIDs are valid", codes.uid_validity(status.uid_validity))
    session.ok("Predicted next UID", codes.uid_next(status.uid_next))
    session.ok("Highest change", codes.highest_modseq(status.highest_modseq))
    session.ok("Mailbox id", codes.mailbox_id(status.object_id))
    if session.rev2:
        session.write(selected_line(session, selected.name))  # RFC 9051 §6.3.2: LIST is required
    if selected.read_only:
        return Done("EXAMINE completed" if command.read_only else "Selected read-only", codes.READ_ONLY)
    return Done("SELECT completed", codes.READ_WRITE)


async def close(session: Session, _command: object) -> Done:
    """Expunge without telling, then leave."""
    if not session.mailbox.read_only and session.mailbox.may(Right.EXPUNGE):
        await session.mailbox.expunge()
    await session.unselect()
    return Done("CLOSE completed")


async def unselect(session: Session, _command: object) -> Done:
    await session.unselect()
    return Done("UNSELECT completed")
