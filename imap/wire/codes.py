"""Response codes (RFC 9051 §7.1, RFC 5530, RFC 4315, RFC 7162 …): what stands in brackets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimails.model.errors import Reason
from optimails.model.number_set import NumberSet


@dataclass(frozen=True, slots=True)
class Code:
    """A complete code without its brackets; made by the functions and constants of this module only."""

    data: bytes


ALERT = Code(b"ALERT")
ALREADY_EXISTS = Code(b"ALREADYEXISTS")
AUTHENTICATION_FAILED = Code(b"AUTHENTICATIONFAILED")
AUTHORIZATION_FAILED = Code(b"AUTHORIZATIONFAILED")
CANNOT = Code(b"CANNOT")
CLIENT_BUG = Code(b"CLIENTBUG")
CLOSED = Code(b"CLOSED")
COMPRESSION_ACTIVE = Code(b"COMPRESSIONACTIVE")
CONTACT_ADMIN = Code(b"CONTACTADMIN")
CORRUPTION = Code(b"CORRUPTION")
EXPIRED = Code(b"EXPIRED")
EXPUNGE_ISSUED = Code(b"EXPUNGEISSUED")
HAS_CHILDREN = Code(b"HASCHILDREN")
IN_USE = Code(b"INUSE")
LIMIT = Code(b"LIMIT")
METADATA_TOO_MANY = Code(b"METADATA TOOMANY")
NON_EXISTENT = Code(b"NONEXISTENT")
NO_MODSEQ = Code(b"NOMODSEQ")
NO_PERM = Code(b"NOPERM")
NOT_SAVED = Code(b"NOTSAVED")
OVER_QUOTA = Code(b"OVERQUOTA")
PARSE = Code(b"PARSE")
PRIVACY_REQUIRED = Code(b"PRIVACYREQUIRED")
READ_ONLY = Code(b"READ-ONLY")
READ_WRITE = Code(b"READ-WRITE")
SERVER_BUG = Code(b"SERVERBUG")
TOO_BIG = Code(b"TOOBIG")
TRY_CREATE = Code(b"TRYCREATE")
UID_NOT_STICKY = Code(b"UIDNOTSTICKY")
UNAVAILABLE = Code(b"UNAVAILABLE")
UNKNOWN_CTE = Code(b"UNKNOWN-CTE")
USE_ATTR = Code(b"USEATTR")


def of_reason(reason: Reason) -> Code:
    """The code of a ``Refused``."""
    return Code(reason.value.encode("ascii"))


def capability(names: Iterable[str]) -> Code:
    return Code(b"CAPABILITY " + " ".join(names).encode("ascii"))


def bad_charset(names: Sequence[str]) -> Code:
    return Code(b"BADCHARSET (" + " ".join(names).encode("ascii") + b")")


def permanent_flags(rendered: bytes, *, new_keywords: bool) -> Code:
    """``rendered`` are flags joined by spaces; ``\\*`` is added when keywords can be created."""
    if new_keywords:
        rendered = rendered + b" \\*" if rendered else b"\\*"
    return Code(b"PERMANENTFLAGS (" + rendered + b")")


def uid_next(uid: int) -> Code:
    return Code(b"UIDNEXT %d" % uid)


def uid_validity(value: int) -> Code:
    return Code(b"UIDVALIDITY %d" % value)


def unseen(number: int) -> Code:
    return Code(b"UNSEEN %d" % number)


def highest_modseq(value: int) -> Code:
    return Code(b"HIGHESTMODSEQ %d" % value)


def modified(numbers: NumberSet) -> Code:
    return Code(b"MODIFIED " + str(numbers).encode("ascii"))


def append_uid(validity: int, uids: NumberSet) -> Code:
    return Code(b"APPENDUID %d %s" % (validity, str(uids).encode("ascii")))


def copy_uid(validity: int, sources: NumberSet, targets: NumberSet) -> Code:
    return Code(b"COPYUID %d %s %s" % (validity, str(sources).encode("ascii"), str(targets).encode("ascii")))


def metadata_long_entries(size: int) -> Code:
    return Code(b"METADATA LONGENTRIES %d" % size)


def metadata_max_size(size: int) -> Code:
    return Code(b"METADATA MAXSIZE %d" % size)


def mailbox_id(object_id: str) -> Code:
    return Code(b"MAILBOXID (" + object_id.encode("ascii") + b")")
