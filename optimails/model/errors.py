"""The three errors a door may show to a client; anything else is our bug and is shown as an id only."""

from enum import StrEnum


class Reason(StrEnum):
    """Why we refuse, in words of RFC 5530 where it has one. Each door maps these to its own protocol in one place."""

    ALREADY_EXISTS = "ALREADYEXISTS"
    AUTHENTICATION_FAILED = "AUTHENTICATIONFAILED"
    AUTHORIZATION_FAILED = "AUTHORIZATIONFAILED"
    BAD_CHARSET = "BADCHARSET"
    CANNOT = "CANNOT"
    EXPUNGE_ISSUED = "EXPUNGEISSUED"
    HAS_CHILDREN = "HASCHILDREN"
    IN_USE = "INUSE"
    LIMIT = "LIMIT"
    NO_PERMISSION = "NOPERM"
    NON_EXISTENT = "NONEXISTENT"
    OVER_QUOTA = "OVERQUOTA"
    PRIVACY_REQUIRED = "PRIVACYREQUIRED"
    TOO_BIG = "TOOBIG"
    UNKNOWN_CTE = "UNKNOWN-CTE"
    USE_ATTR = "USEATTR"


class MailError(Exception):
    """Base of the errors that are part of the conversation with a client."""


class BadSyntax(MailError):
    """The client's mistake: what it sent does not follow the protocol. The text may be shown to it."""


class Refused(MailError):
    """A well-formed wish that we do not grant, now or ever; ``reason`` says why, the text may be shown."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.value)
        self.reason = reason


class Unavailable(MailError):
    """Something needed is away (directory, disk, lock); the client should try later. The text may be shown."""
