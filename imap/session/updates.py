"""News of the selected mailbox: what other sessions, deliveries, our own commands did (RFC 9051 §5.2, §7.4, §7.5)."""

from collections.abc import Iterable

from imap.session.session import Farewell, Session
from imap.wire import codes, responses
from optimails.door.sessions import Ending
from optimails.mailbox.api import Change, SelectedMailbox
from optimails.model.flags import SYSTEM_FLAGS
from optimails.model.rights import Right

_SYSTEM = " ".join(SYSTEM_FLAGS).encode("ascii")


async def tell_updates(session: Session, *, expunges: bool) -> None:
    """Bring the view up to date and tell it. ``expunges`` only where the RFC lets sequence numbers move."""
    mailbox = session.mailbox
    news = await mailbox.sync(expunges=expunges)
    if not news:
        return
    if news.revoked:
        raise Farewell.of(Ending.NOT_SHARED)
    if news.gone:
        # RFC 2180 §3.1 leaves it to us; a session whose mailbox is deleted has nothing to say any more.
        raise Farewell("The selected mailbox was deleted")
    if news.expunged:
        session.write_lines([responses.expunge(number) for number in news.expunged])
    if news.exists is not None:
        session.write(responses.exists(news.exists))
        if not session.rev2 and news.recent is not None:
            session.write(responses.recent(news.recent))
            session.recents = session.recents or news.recent > 0
    if news.changes:
        tell_flags(session, news.changes)
        await session.relieve()


def tell_flags(session: Session, changes: Iterable[Change], *, uid: bool = True) -> None:
    """A FETCH response with the flags of each; the UID helps clients that lost count."""
    tell_keywords(session)
    render = session.mailbox.keywords.render
    lines = []
    for change in changes:
        pieces = [responses.uid_piece(change.uid)] if uid else []
        pieces.append(responses.flags_piece(with_recent(session, change.uid, render(change.flags))))
        if session.condstore:
            pieces.append(responses.modseq_piece(change.modseq))
        lines.append(responses.fetch(change.seq, pieces))
    session.write_lines(lines)


def with_recent(session: Session, uid: int, rendered: bytes) -> bytes:
    """The flags, with ``\\Recent`` where a client of RFC 3501 should see it."""
    if session.recents and session.mailbox.is_recent(uid):
        return rendered + b" \\Recent" if rendered else b"\\Recent"
    return rendered


def tell_keywords(session: Session) -> None:
    """FLAGS and PERMANENTFLAGS again when the account got new keywords since they were told (RFC 9051 §7.3.5)."""
    mailbox = session.mailbox
    known = mailbox.keywords.known()
    if known == session.keywords_told:
        return
    session.keywords_told = known
    names = _SYSTEM
    if known:
        names += b" " + " ".join(known).encode("ascii", "replace")
    session.write(responses.flags(names))
    if mailbox.read_only:
        session.ok("No permanent flags here", codes.permanent_flags(b"", new_keywords=False))
    else:
        kept = _permanent(mailbox, names)
        session.ok("Flags are kept", codes.permanent_flags(kept, new_keywords=mailbox.keywords_left()))


def _permanent(mailbox: SelectedMailbox, names: bytes) -> bytes:
    """Those that the user may change (RFC 4314 §5.1.1)."""
    if all(map(mailbox.may, (Right.SEEN, Right.REMOVE, Right.WRITE))):
        return names
    own = {b"\\Seen": Right.SEEN, b"\\Deleted": Right.REMOVE}
    return b" ".join(name for name in names.split() if mailbox.may(own.get(name, Right.WRITE)))
