"""What a service knows of an account once the directory has resolved it."""

from dataclasses import dataclass, field
from enum import StrEnum

from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.model.resource import Resource


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"  # cannot log in, still receives
    CLOSED = "closed"  # removed: neither, kept for a stated time


class Service(StrEnum):
    """What a credential may be used for."""

    IMAP = "imap"
    POP3 = "pop3"
    SUBMISSION = "submission"
    SIEVE = "sieve"
    DAV = "dav"
    LDAP = "ldap"
    WEB = "web"


class OverQuota(StrEnum):
    """How delivery answers when the account is full."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan, or an override of the account, allows. ``None`` is unlimited."""

    storage: int | None  # bytes
    messages: int | None
    retention: int  # days that expunged messages are kept


class Feature(StrEnum):
    """What a plan allows beyond a mailbox of one's own."""

    SHARED_FOLDERS = "shared-folders"  # those of the domain
    DELEGATION = "delegation"
    FREE_BUSY = "free-busy"
    SHARING = "sharing"  # of one's mailboxes, calendars, address books and tasks with other accounts


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What the plan allows. Accounts share with others whose plan is of the same family."""

    features: frozenset[Feature] = frozenset()
    family: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the directory, as the services see it."""

    id: AccountId
    address: EmailAddress  # the primary address
    plan: str
    state: AccountState
    limits: Limits
    name: str = ""  # display name
    language: str = "en"  # en or fr
    over_quota: OverQuota = OverQuota.TEMPORARY
    forward: tuple[EmailAddress, ...] = ()  # where its mail is sent on
    forward_copy: bool = True  # whether it then keeps a copy
    entitlements: Entitlements = Entitlements()
    shows_busy: bool = True  # colleagues see when it is busy, whatever else they may
    domain_folders: bool = False  # nobody's: it holds the shared folders of its domain
    resource: Resource | None = None  # it is a room or equipment
    stamp: int = field(default=0, compare=False)  # another one: whatever was believed of its credentials is over
