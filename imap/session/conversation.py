"""One client's conversation from greeting to farewell: the only task that a connection has."""

import asyncio

from imap.session.capabilities import capabilities
from imap.session.peer import Disconnected, TimedOut
from imap.session.session import Farewell, Session
from imap.session.table import handle
from imap.wire import codes, responses
from imap.wire.responses import Condition

FAREWELL_PATIENCE = 5.0  # seconds to hand BYE to a client that does not read


async def converse(session: Session) -> None:
    """Greet, carry out commands one after another, and let go of everything in the end."""
    try:
        greeting = f"{session.settings.greeting} ready".strip()
        session.write(responses.untagged(Condition.OK, greeting, codes.capability(capabilities(session))))
        while not session.logged_out:
            await handle(session, await session.event(_patience(session), between_commands=True))
            await session.relieve()
        await session.flush()
    except TimedOut:
        await _bye(session, "Autologout; idle for too long")
    except Farewell as farewell:
        await _bye(session, str(farewell))
    except Disconnected:
        pass
    finally:
        await session.end()


def _patience(session: Session) -> float:
    return session.settings.login_timeout if session.account is None else session.settings.idle_timeout


async def _bye(session: Session, text: str) -> None:
    session.write(responses.untagged(Condition.BYE, text))
    try:
        async with asyncio.timeout(FAREWELL_PATIENCE):
            await session.flush()
    except (Disconnected, TimeoutError):
        pass
