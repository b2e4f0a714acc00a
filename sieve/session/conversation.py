"""One client's conversation from greeting to farewell: the only task that a connection has."""

import logging

from optimails.door.peer import Disconnected, TimedOut
from optimails.door.sessions import Ending
from optimails.model.errors import BadSyntax, Reason, Refused
from sieve.session.commands import capabilities, handle
from sieve.session.errors import answer
from sieve.session.session import Session
from sieve.wire.commands import Command, parse
from sieve.wire.reader import Broken, Line
from sieve.wire.responses import Code

log = logging.getLogger(__name__)

_FAREWELLS = {
    Ending.GOING_DOWN: ("going_down", Code.TRYLATER),
    Ending.NOT_ACTIVE: ("not_active", None),
    Ending.CREDENTIALS: ("password_changed", None),
}


async def converse(session: Session) -> None:
    """Greet, carry out commands one after another, and let go of everything in the end."""
    try:
        capabilities(session)
        session.ok("ready")
        while not session.over:
            line = await session.line()
            if line is None:
                session.bye(*_FAREWELLS[session.farewell or Ending.GOING_DOWN])
                break
            if line is Broken.HOPELESS:
                session.bye("hopeless")
                break
            try:
                await handle(session, _command(line))
            except Exception as error:  # noqa: BLE001 - answered and, if it is our bug, logged there
                answer(session, error)
            if session.bad_commands >= session.settings.max_bad_commands:
                session.bye("too_many_errors")
                break
            await session.relieve()
        await session.flush_last()
    except TimedOut:
        log.info("managesieve_timeout", extra={"fields": {"session": session.id, "peer": session.peer.address}})
        session.bye("timeout")
        await session.flush_last()
    except Disconnected:
        pass
    finally:
        session.over = True
        session.leave()


def _command(line: Line | Broken) -> Command:
    if line is Broken.LITERAL_TOO_LARGE:
        raise Refused(Reason.TOO_BIG)
    if isinstance(line, Broken):
        raise BadSyntax("This is no command")
    return parse(line)
