"""STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2)."""

import logging

from imap.session.capabilities import capabilities, plaintext_allowed
from imap.session.session import Session
from imap.session.state import Done
from imap.wire import codes, responses
from imap.wire.commands import Authenticate, Login
from imap.wire.parser import Invalid, Line
from imap.wire.responses import Condition
from optimails.door import sasl
from optimails.model.account import Account, Service
from optimails.model.errors import BadSyntax, Reason, Refused

log = logging.getLogger(__name__)


async def start_tls(session: Session, _command: object) -> Done | None:
    """RFC 9051 §6.2.1. Whatever was sent in the clear behind the command is dropped, never obeyed."""
    if session.peer.encrypted or not session.peer.can_start_tls:
        raise BadSyntax("STARTTLS is not possible here")
    session.write(responses.tagged(session.tag, Condition.OK, "Begin TLS negotiation now"))
    await session.flush()
    session.parser.discard()
    await session.peer.start_tls()
    session.parser.discard()
    return None


async def login(session: Session, command: Login) -> Done:
    _check_privacy(session)
    account = await session.surroundings.login.password(
        command.user, command.password, Service.IMAP, session.peer.address, session=session.id
    )
    return await _enter(session, account)


async def authenticate(session: Session, command: Authenticate) -> Done:
    """RFC 9051 §6.2.2, initial response by RFC 4959."""
    if sasl.shows_password(command.mechanism):
        _check_privacy(session)
    exchange = sasl.mechanism(
        command.mechanism, session.surroundings.login, Service.IMAP, session.peer.address, session=session.id
    )
    outcome = await exchange.step(command.initial)
    while isinstance(outcome, sasl.Challenge):
        session.parser.expect_line()
        session.write(responses.challenge(outcome.data))
        outcome = await exchange.step(sasl.decode(await _line(session)))
    return await _enter(session, outcome.account)


async def _line(session: Session) -> bytes:
    event = await session.event(session.settings.login_timeout)
    if isinstance(event, Line):
        return event.text
    raise event.error if isinstance(event, Invalid) else BadSyntax("A response was expected")


def _check_privacy(session: Session) -> None:
    if not plaintext_allowed(session):
        raise Refused(Reason.PRIVACY_REQUIRED, "Passwords are only taken over TLS: use STARTTLS first")


async def _enter(session: Session, account: Account) -> Done:
    around = session.surroundings
    session.entry = await around.sessions.enter(account, session)
    try:
        session.account = await around.mail.enter(account, "imap", session.id)
    except BaseException:
        session.leave()
        raise
    session.logged_in()
    # The list spares every client a round trip (RFC 9051 §7.1, CAPABILITY).
    return Done("Logged in", codes.capability(capabilities(session)))
