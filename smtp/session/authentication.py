"""AUTH (RFC 4954): the door's face of ``optimails.door.sasl``."""

from typing import TYPE_CHECKING

from optimails.door import sasl
from optimails.model.account import Service
from optimails.model.errors import MailError
from smtp.session import answers
from smtp.session.hello import may_authenticate
from smtp.wire import replies
from smtp.wire.commands import Auth

if TYPE_CHECKING:
    from smtp.session.session import Session

_NOT_OFFERED = replies.reply(502, "5.5.1", "Authentication is not offered here")
_NEEDS_TLS = replies.reply(538, "5.7.11", "Start TLS first")
_TWICE = replies.reply(503, "5.5.1", "You are authenticated already")
_WELCOME = replies.reply(235, "2.7.0", "Authentication successful")
_CANCELLED = replies.reply(501, "5.0.0", "Authentication cancelled")


async def begin(session: "Session", command: Auth) -> None:
    """The client chooses a mechanism, and perhaps sends the first response with it."""
    if not session.door.submission:
        session.refuse(_NOT_OFFERED)
    elif session.account is not None:
        session.refuse(_TWICE)
    elif not may_authenticate(session):
        session.refuse(_NEEDS_TLS)
    else:
        session.mechanism = command.mechanism
        await _step(session, command.initial, command.mechanism)


async def response(session: "Session", line: bytes) -> None:
    """The client's answer to a challenge."""
    if line == b"*":  # RFC 4954 §4
        session.exchange = None
        session.refuse(_CANCELLED)
        return
    await _step(session, line)


async def _step(session: "Session", line: bytes | None, mechanism: str = "") -> None:
    exchange, session.exchange = session.exchange, None
    try:
        if exchange is None:
            exchange = sasl.mechanism(
                mechanism, session.door.login, Service.SUBMISSION, session.peer.address, session=session.id
            )
        decoded = None if line is None else sasl.decode(line, initial=bool(mechanism))
        outcome = await exchange.step(decoded)
        if isinstance(outcome, sasl.Challenge):
            session.exchange = exchange
            session.answer(b"334 " + sasl.encode(outcome.data) + b"\r\n")
            return
        session.entry = await session.door.sessions.enter(outcome.account, session)
    except MailError as error:
        session.refuse(answers.of_login_error(error))
        return
    session.account = outcome.account
    session.answer(_WELCOME)
