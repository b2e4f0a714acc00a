"""IDLE (RFC 9051 §6.3.13): news at once, until DONE, and not for ever."""

import asyncio
from collections.abc import Callable

from imap.session.metadata import tell_metadata
from imap.session.session import Farewell, Session
from imap.session.state import Done
from imap.session.updates import tell_updates
from imap.wire import responses
from imap.wire.parser import Invalid, Line
from optimails.door.peer import TimedOut
from optimails.model.errors import BadSyntax


async def idle(session: Session, _command: object) -> Done:
    clock = asyncio.get_running_loop().time
    end = clock() + session.settings.idle_command_timeout
    session.parsed = None
    session.parser.expect_line()
    session.write(responses.continuation("idling"))
    _watch(session, session.peer.wake)
    try:
        while True:
            if session.selected is not None:
                await tell_updates(session, expunges=True)
            await tell_metadata(session)
            if (left := end - clock()) <= 0:
                raise TimedOut
            session.peer.slim()
            event = await session.event_or_wake(left)
            if event is not None:
                break
            if session.farewell is not None:
                raise Farewell.of(session.farewell)
    finally:
        _watch(session, None)
    if isinstance(event, Invalid):
        raise event.error
    if not isinstance(event, Line) or event.text.strip().upper() != b"DONE":
        raise BadSyntax("DONE was expected")
    return Done("IDLE completed")


def _watch(session: Session, wake: Callable[[], None] | None) -> None:
    """What the client wants to hear of at once; None: nothing any more."""
    if session.selected is not None:
        session.selected.watch(wake)
    if session.annotations_told is not None:
        session.mail.annotations.watch(wake)
