"""Why a recipient does not get a message, in the words of RFC 3463."""

from optimails.delivery.api import Failed
from optimails.model.account import Account, OverQuota
from optimails.model.errors import Reason, Refused

UNKNOWN = Failed(permanent=True, status="5.1.1", text="No such user here")
NOT_LOCAL = Failed(permanent=True, status="5.7.1", text="Relaying denied")
FORWARDS = Failed(permanent=True, status="5.7.1", text="This address forwards to another server, which is not offered")
ONLY_BOUNCES = Failed(permanent=True, status="5.7.1", text="This address takes delivery reports only")
CLOSED = Failed(permanent=True, status="5.2.1", text="This mailbox is closed")
TOO_BIG = Failed(permanent=True, status="5.2.3", text="The message is larger than this mailbox takes")
FULL_FOR_NOW = Failed(permanent=False, status="4.2.2", text="The mailbox is full, try again later")
FULL = Failed(permanent=True, status="5.2.2", text="The mailbox is full")
AWAY = Failed(permanent=False, status="4.3.0", text="The mailbox cannot be reached now, try again later")
DIRECTORY_AWAY = Failed(permanent=False, status="4.3.0", text="The recipient cannot be looked up now, try again later")
NOT_VERIFIED = Failed(permanent=False, status="4.3.0", text="The recipient cannot be verified now, try again later")
TOO_MANY_UNKNOWN = Failed(permanent=False, status="4.7.1", text="Too many unknown recipients for now, try again later")

QUEUE_AWAY = Failed(permanent=False, status="4.3.0", text="Mail to other servers cannot be queued now, try again later")
ENOUGH = Failed(permanent=False, status="4.7.1", text="You have written to enough recipients for now, try again later")
NO_SUCH_DOMAIN = Failed(permanent=True, status="5.1.2", text="There is no mail for such a domain")

NOT_YOUR_LIST = Failed(permanent=True, status="5.7.2", text="You may not write to this list")
TOO_BIG_FOR_LIST = Failed(permanent=True, status="5.2.3", text="The message is larger than this list takes")
LISTS_AWAY = Failed(permanent=False, status="4.3.0", text="The list cannot be reached now, try again later")
NO_LISTS = Failed(permanent=True, status="5.2.4", text="Lists are not served here")
HEADER_TOO_LARGE = Failed(permanent=True, status="5.6.0", text="The header of the message is too large for a list")


def full(account: Account) -> Failed:
    """Over quota, by the account's own policy."""
    return FULL_FOR_NOW if account.over_quota is OverQuota.TEMPORARY else FULL


def not_resolved(refused: Refused) -> Failed:
    """The directory says no."""
    return NOT_LOCAL if refused.reason is Reason.CANNOT else UNKNOWN


def not_stored(refused: Refused, account: Account) -> Failed:
    """The mailbox says no."""
    match refused.reason:
        case Reason.OVER_QUOTA:
            return full(account)
        case Reason.TOO_BIG:
            return TOO_BIG
        case _:
            return AWAY
