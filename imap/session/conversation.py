"""One client's conversation from greeting to farewell: the only task that a connection has."""

import asyncio

from imap.session.capabilities import capabilities
from imap.session.session import Farewell, Session
from imap.session.table import handle
from imap.wire import codes, responses
from imap.wire.codes import Code
from imap.wire.responses import Condition
from optimails.door import incident
from optimails.door.peer import Disconnected, TimedOut


async def converse(session: Session) -> None:
    """Greet, carry out commands one after another, and let go of everything in the end."""
    deadline = asyncio.get_running_loop().time() + session.settings.login_timeout
    try:
        greeting = f"{session.settings.greeting} ready".strip()
        session.write(responses.untagged(Condition.OK, greeting, codes.capability(capabilities(session))))
        while not session.logged_out:
            await handle(session, await session.event(_patience(session, deadline), between_commands=True))
            await session.relieve()
        await session.flush()
    except TimedOut:
        await _bye(session, "Autologout; idle for too long")
    except Farewell as farewell:
        await _bye(session, str(farewell), farewell.code)
    except Disconnected:
        pass
    except Exception as error:  # noqa: BLE001 - noted with its trace
        reference = incident.note(error, session=session.id, protocol="imap")
        await _bye(session, f"Internal error, reference {reference}")
    finally:
        await session.end()


def _patience(session: Session, deadline: float) -> float:
    """Seconds to wait for the next command; before log-in the time is up once for all, whatever is said meanwhile."""
    if session.account is not None:
        return session.settings.idle_timeout
    return max(0.0, deadline - asyncio.get_running_loop().time())


async def _bye(session: Session, text: str, code: Code | None = None) -> None:
    session.write(responses.untagged(Condition.BYE, text, code))
    await session.flush_last()
