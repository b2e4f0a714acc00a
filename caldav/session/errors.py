"""How we say no over WebDAV: a status and, where an RFC names one, the precondition that failed (RFC 4918 §16)."""

from urllib.parse import quote

from caldav.session.exchange import Answer
from caldav.wire.filters import Unsupported
from caldav.wire.names import DECLARATIONS, href
from optimails.groupware.api import Kind, Rule, Unfit
from optimails.model.errors import BadSyntax, MailError, Reason, Refused, Unavailable

_CALENDAR = {
    Rule.VALID_DATA: (403, "C:valid-calendar-data"),
    Rule.VALID_OBJECT: (403, "C:valid-calendar-object-resource"),
    Rule.SUPPORTED_COMPONENT: (403, "C:supported-calendar-component"),
    Rule.NO_UID_CONFLICT: (403, "C:no-uid-conflict"),
    Rule.MAX_SIZE: (413, "C:max-resource-size"),
    Rule.MAX_ATTENDEES: (403, "C:max-attendees-per-instance"),
    Rule.UNIQUE_SCHEDULING: (403, "C:unique-scheduling-object-resource"),
    Rule.SAME_ORGANIZER: (403, "C:same-organizer-in-all-components"),
    Rule.ORGANIZER_CHANGE: (403, "C:allowed-organizer-scheduling-object-change"),
    Rule.ATTENDEE_CHANGE: (403, "C:allowed-attendee-scheduling-object-change"),
}
_BOOK = {
    Rule.VALID_DATA: (403, "CR:valid-address-data"),
    Rule.VALID_OBJECT: (403, "CR:valid-address-data"),
    Rule.NO_UID_CONFLICT: (403, "CR:no-uid-conflict"),
    Rule.MAX_SIZE: (413, "CR:max-resource-size"),
}
_EVERYWHERE = {
    Rule.MATCH: (412, ""),
    Rule.QUOTA: (507, "D:quota-not-exceeded"),
    Rule.TOKEN: (403, "D:valid-sync-token"),
}
_REASONS = {
    Reason.NON_EXISTENT: 404,
    Reason.NO_PERMISSION: 403,
    Reason.AUTHENTICATION_FAILED: 401,
    Reason.OVER_QUOTA: 507,
    Reason.LIMIT: 507,
    Reason.TOO_BIG: 413,
    Reason.IN_USE: 409,
}


class Precondition(MailError):
    """A request that breaks a rule; ``name`` with its prefix, ``inside`` more XML of its element."""

    def __init__(self, status: int, name: str, inside: str = "") -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.inside = inside


def error(status: int, name: str, inside: str = "") -> Answer:
    """An answer with a D:error."""
    if not name:
        return Answer(status)
    inner = f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<D:error{DECLARATIONS}>{inner}</D:error>'
    return Answer.xml(status, body)


def answer_for(wrong: MailError, kind: Kind | None, base: str) -> Answer:
    """What a client hears; ``base`` is the address of the collection."""
    if isinstance(wrong, Precondition):
        return error(wrong.status, wrong.name, wrong.inside)
    if isinstance(wrong, Unfit):
        rules = _EVERYWHERE | (_BOOK if kind is Kind.BOOK else _CALENDAR)
        status, name = rules.get(wrong.rule, (403, ""))
        if wrong.within:  # in another collection of the same home
            base = base.rstrip("/").rpartition("/")[0] + f"/{quote(wrong.within)}/"
        return error(status, name, href(base + quote(wrong.other)) if wrong.other else "")
    if isinstance(wrong, Unsupported):
        prefix = "CR" if kind is Kind.BOOK else "C"
        return error(403, f"{prefix}:{wrong.rule}")
    if isinstance(wrong, Refused):
        if wrong.reason is Reason.ALREADY_EXISTS:  # RFC 4791 §5.3.1.1, RFC 4918 §9.3.1
            return error(405, "D:resource-must-be-null")
        return Answer(_REASONS.get(wrong.reason, 403))
    if isinstance(wrong, Unavailable):
        return Answer(503, headers={"Retry-After": "30"})
    assert isinstance(wrong, BadSyntax)
    return Answer(400)
