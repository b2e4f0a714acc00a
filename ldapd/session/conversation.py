"""One client's conversation from the first request to the farewell: the only task that a connection has."""

import logging

from ldapd.session.errors import answer
from ldapd.session.requests import handle
from ldapd.session.session import Session
from ldapd.wire.frames import Broken
from ldapd.wire.requests import Unfit, parse
from ldapd.wire.responses import Code
from optimails.door.peer import Disconnected, TimedOut
from optimails.door.sessions import Ending
from optimails.model.errors import BadSyntax

log = logging.getLogger(__name__)

_FAREWELLS = {
    Ending.GOING_DOWN: ("going_down", Code.UNAVAILABLE),
    Ending.NOT_ACTIVE: ("not_active", Code.UNAVAILABLE),
    Ending.CREDENTIALS: ("password_changed", Code.UNAVAILABLE),
}


async def converse(session: Session) -> None:
    """Carry out requests one after another, and let go of everything in the end."""
    try:
        while not session.over:
            content = await session.message()
            if content is None:
                key, code = _FAREWELLS[session.farewell or Ending.GOING_DOWN]
                session.notice(code, key)
                break
            await _one(session, content)
            if session.bad_commands >= session.settings.max_bad_requests and not session.over:
                session.notice(Code.BUSY, "too_many_errors")
            await session.relieve()
        await session.flush_last()
    except TimedOut:
        log.info("ldap_timeout", extra={"fields": {"session": session.id, "peer": session.peer.address}})
        session.notice(Code.BUSY, "timeout")
        await session.flush_last()
    except Disconnected:
        pass
    finally:
        session.over = True
        session.leave()


async def _one(session: Session, content: bytes | Broken) -> None:
    if isinstance(content, Broken):
        session.notice(Code.PROTOCOL_ERROR, "bad_request")
        return
    try:
        message = parse(content)
    except BadSyntax:  # RFC 4511 §4.1.1: nothing can be answered
        session.notice(Code.PROTOCOL_ERROR, "bad_request")
        return
    except Unfit as unfit:
        answer(session, unfit.message, unfit.answer, unfit.why)
        return
    try:
        await handle(session, message)
    except Exception as error:  # noqa: BLE001 - answered and, if it is our bug, logged there
        answer(session, message.id, message.answer, error)
