"""The TRANSACTION state, and UPDATE behind it (RFC 1939 §5, §6)."""

import logging
from itertools import islice

from optimails.door.peer import Disconnected
from optimails.door.session import FLUSH_AT
from optimails.model.errors import Refused, Unavailable
from pop3.session.session import Session
from pop3.wire import replies
from pop3.wire.commands import Dele, List, Noop, Quit, Retr, Rset, Stat, Top, Uidl
from pop3.wire.replies import Code

log = logging.getLogger(__name__)

LINES_AT_ONCE = 2000  # of a listing, before others get their turn


async def stat(session: Session, _command: Stat) -> None:
    count, size = session.maildrop.stat()
    session.write(b"+OK %d %d\r\n" % (count, size))  # RFC 1939 §5: programs read this


async def list_(session: Session, command: List) -> None:
    maildrop = session.maildrop
    if command.number is not None:
        session.write(b"+OK %d %d\r\n" % (command.number, maildrop.size(command.number)))
        return
    count, size = maildrop.stat()
    session.ok("listing", count=count, size=size)
    numbers = iter(maildrop.numbers)
    while part := list(islice(numbers, LINES_AT_ONCE)):
        session.write(b"".join(b"%d %d\r\n" % (number, maildrop.size(number)) for number in part))
        await session.relieve()
    session.write(replies.END)


async def uidl(session: Session, command: Uidl) -> None:
    maildrop = session.maildrop
    if command.number is not None:
        session.write(replies.ok(f"{command.number} {maildrop.unique_id(command.number)}"))
        return
    session.ok("unique_ids")
    numbers = iter(maildrop.numbers)
    while part := list(islice(numbers, LINES_AT_ONCE)):
        session.write(replies.lines(f"{number} {maildrop.unique_id(number)}" for number in part))
        await session.relieve()
    session.write(replies.END)


async def retr(session: Session, command: Retr) -> None:
    await _message(session, command.number, None)
    session.maildrop.retrieved(command.number)


async def top(session: Session, command: Top) -> None:
    await _message(session, command.number, command.lines)


async def _message(session: Session, number: int, lines: int | None) -> None:
    """The message in slices; a client that reads slowly holds one of them in memory, not the message."""
    maildrop = session.maildrop
    uid = maildrop.uid(number)
    file = await maildrop.mailbox.open_message(uid)
    try:
        data = file.view()
        size = len(data) if lines is None else replies.top_size(data, lines)
        session.ok("octets", count=size)
        await _stream(session, data, size)
    finally:
        file.close()
    await session.relieve()


async def _stream(session: Session, data: bytes, size: int) -> None:
    stuffer = replies.DotStuffer()
    try:
        for start in range(0, size, FLUSH_AT):
            session.write(stuffer.feed(data[start : min(start + FLUSH_AT, size)]))
            await session.relieve()
    except OSError as error:
        # Half of the message is on its way: an answer now would be taken for the rest of it.
        log.exception("pop3_message_unreadable", extra={"fields": {"session": session.id}})
        raise Disconnected from error
    session.write(stuffer.finish())


async def dele(session: Session, command: Dele) -> None:
    session.maildrop.delete(command.number)
    session.ok("marked", number=command.number)


async def rset(session: Session, _command: Rset) -> None:
    session.maildrop.reset()
    session.ok()


async def noop(session: Session, _command: Noop) -> None:
    session.ok()


async def quit_(session: Session, _command: Quit) -> None:
    """The only way to UPDATE: a connection that is merely lost deletes nothing."""
    session.over = True
    maildrop = session.maildrop
    try:
        await maildrop.update(mark_seen=session.settings.mark_seen)
    except (Refused, Unavailable):
        log.warning("pop3_update_failed", extra={"fields": {"session": session.id}})
        session.error("not_removed", Code.SYS_TEMP)  # RFC 1939 §6
        return
    session.ok("goodbye")
