"""Errors into answers: the one place where they meet ManageSieve's response codes (RFC 5804 §1.3)."""

from optimails.door import incident
from optimails.door.peer import Disconnected, TimedOut
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from sieve.language import SieveError
from sieve.session.session import Session
from sieve.wire import responses
from sieve.wire.responses import Code

_REFUSED: dict[Reason, tuple[str, Code | None]] = {
    Reason.ALREADY_EXISTS: ("exists", Code.ALREADYEXISTS),
    Reason.AUTHENTICATION_FAILED: ("login_failed", None),
    Reason.AUTHORIZATION_FAILED: ("login_failed", None),
    Reason.CANNOT: ("bad_name", None),
    Reason.IN_USE: ("is_active", Code.ACTIVE),
    Reason.LIMIT: ("login_locked", Code.TRYLATER),
    Reason.NON_EXISTENT: ("no_script", Code.NONEXISTENT),
    Reason.OVER_QUOTA: ("too_many_scripts", Code.QUOTA_MAXSCRIPTS),
    Reason.PRIVACY_REQUIRED: ("privacy_required", Code.ENCRYPT_NEEDED),
    Reason.TOO_BIG: ("script_too_big", Code.QUOTA_MAXSIZE),
}
_LOGIN = (Reason.AUTHENTICATION_FAILED, Reason.AUTHORIZATION_FAILED, Reason.LIMIT)


def answer(session: Session, error: Exception) -> None:
    """Say it to the client. ``Disconnected`` and ``TimedOut`` go on: there is nobody to answer."""
    match error:
        case Disconnected() | TimedOut():
            raise error
        case SieveError():
            session.write(responses.line(responses.NO, str(error)))
        case BadSyntax():
            session.bad_commands += 1
            session.no("bad_command")
        case Refused():
            if error.reason in _LOGIN:
                session.bad_commands += 1
            session.no(*_REFUSED.get(error.reason, ("bad_name", None)))
        case Unavailable():
            session.no("unavailable", Code.TRYLATER)
        case _:
            identifier = incident.note(error, session=session.id, protocol="managesieve")
            session.no("internal", Code.TRYLATER, id=identifier)
