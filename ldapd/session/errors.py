"""Errors into results: the one place where they meet LDAP's codes (RFC 4511 §4.1.9, Appendix A)."""

from ldapd.session.session import Session
from ldapd.wire.responses import Code
from optimails.door import incident
from optimails.door.peer import Disconnected, TimedOut
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable

_REFUSED: dict[Reason, tuple[str, Code]] = {
    Reason.AUTHENTICATION_FAILED: ("login_failed", Code.INVALID_CREDENTIALS),
    Reason.AUTHORIZATION_FAILED: ("login_failed", Code.INVALID_CREDENTIALS),
    Reason.IN_USE: ("too_many_sessions", Code.BUSY),
    Reason.LIMIT: ("login_locked", Code.BUSY),
    Reason.NO_PERMISSION: ("bind_first", Code.NO_ACCESS),
    Reason.NON_EXISTENT: ("no_such_object", Code.NO_SUCH_OBJECT),
    Reason.PRIVACY_REQUIRED: ("privacy_required", Code.CONFIDENTIALITY_REQUIRED),
    Reason.TOO_BIG: ("filter_too_large", Code.ADMIN_LIMIT),
    Reason.USE_ATTR: ("no_such_control", Code.NO_SUCH_CONTROL),
}
_COUNTED = (Reason.AUTHENTICATION_FAILED, Reason.AUTHORIZATION_FAILED, Reason.LIMIT)


def answer(session: Session, message: int, tag: int, error: Exception) -> None:
    """Say it to the client. ``Disconnected`` and ``TimedOut`` go on: there is nobody to answer."""
    match error:
        case Disconnected() | TimedOut():
            raise error
        case BadSyntax():
            session.bad_commands += 1
            session.done(message, tag, Code.PROTOCOL_ERROR, "bad_request")
        case Refused():
            if error.reason in _COUNTED:
                session.bad_commands += 1
            key, code = _REFUSED.get(error.reason, ("unwilling", Code.UNWILLING))
            session.done(message, tag, code, key)
        case Unavailable():
            session.done(message, tag, Code.UNAVAILABLE, "unavailable")
        case _:
            identifier = incident.note(error, session=session.id, protocol="ldap")
            session.done(message, tag, Code.OTHER, "internal", id=identifier)
