"""One client's conversation from greeting to farewell: the only task that a connection has."""

import logging

from optimails.door.peer import Disconnected, TimedOut
from optimails.door.sessions import Ending
from optimails.model.errors import BadSyntax
from pop3.session.errors import answer
from pop3.session.session import Session
from pop3.session.table import handle
from pop3.wire.commands import Command, parse
from pop3.wire.lines import TooLong
from pop3.wire.replies import Code

log = logging.getLogger(__name__)

_FAREWELLS = {
    Ending.GOING_DOWN: ("going_down", None),
    Ending.NOT_ACTIVE: ("not_active", Code.AUTH),
    Ending.CREDENTIALS: ("password_changed", Code.AUTH),
}


async def converse(session: Session) -> None:
    """Greet, carry out commands one after another, and let go of everything in the end."""
    try:
        session.ok("greeting", name=session.settings.greeting)
        while not session.over:
            line = await session.line()
            if line is None:
                await _farewell(session, *_FAREWELLS[session.farewell or Ending.GOING_DOWN])
                return
            try:
                await handle(session, _command(line))
            except Exception as error:  # noqa: BLE001 - answered and, if it is our bug, logged there
                answer(session, error)
            if session.bad_commands >= session.settings.max_bad_commands:
                await _farewell(session, "too_many_errors")
                return
            await session.relieve()
        await session.flush()
    except TimedOut:
        # RFC 1939 §3: without a word; whoever went away mid-answer must not take it for one.
        log.info("pop3_timeout", extra={"fields": {"session": session.id, "peer": session.peer.address}})
    except Disconnected:
        pass
    finally:
        await session.end()


def _command(line: bytes | TooLong) -> Command:
    if isinstance(line, TooLong):
        raise BadSyntax("Line is too long")
    return parse(line)


async def _farewell(session: Session, key: str, code: Code | None = None) -> None:
    session.error(key, code)
    await session.flush_last()
