"""Errors into answers: the one place where they meet POP3's response codes (RFC 2449 §8.1.1, RFC 3206 §4)."""

from optimails.door import incident
from optimails.door.peer import Disconnected, TimedOut
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from pop3.session.maildrop import NoSuchMessage
from pop3.session.session import Session
from pop3.wire.replies import Code

_REFUSED: dict[Reason, tuple[str, Code | None]] = {
    Reason.AUTHENTICATION_FAILED: ("login_failed", Code.AUTH),
    Reason.AUTHORIZATION_FAILED: ("login_failed", Code.AUTH),
    Reason.CANNOT: ("cannot", None),
    Reason.EXPUNGE_ISSUED: ("gone", None),
    Reason.IN_USE: ("too_many_sessions", Code.IN_USE),
    Reason.LIMIT: ("login_locked", Code.SYS_TEMP),  # not AUTH: the client would ask its user for another password
    Reason.PRIVACY_REQUIRED: ("privacy_required", None),
}


def answer(session: Session, error: Exception) -> None:
    """Say it to the client. ``Disconnected`` and ``TimedOut`` go on: there is nobody to answer."""
    match error:
        case Disconnected() | TimedOut():
            raise error
        case NoSuchMessage():
            session.error("no_such_message")
        case BadSyntax():
            session.bad_commands += 1
            session.error("bad_command")
        case Refused():
            if error.reason in (Reason.AUTHENTICATION_FAILED, Reason.LIMIT):
                session.bad_commands += 1
            key, code = _REFUSED.get(error.reason, ("cannot", Code.SYS_PERM))
            session.error(key, code)
        case Unavailable():
            session.error("unavailable", Code.SYS_TEMP)
        case _:
            identifier = incident.note(error, session=session.id, protocol="pop3")
            session.error("internal", Code.SYS_TEMP, id=identifier)
