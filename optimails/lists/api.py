"""What was sent to a list's addresses, as values. Times are Unix seconds."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.model.address import EmailAddress


class State(StrEnum):
    HELD = "held"  # a moderator is to decide
    REJECTED = "rejected"  # one has, and the poster is to be told
    WAITING = "waiting"  # nobody has it yet
    SENDING = "sending"  # its recipients are known, and some may have it


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail to a list, or to one of its sub-addresses, to be stored."""

    mailing_list: str  # key
    tag: str  # of the sub-address that has a meaning; empty: a post
    sender: EmailAddress | None
    account: str = ""  # id of who logged in
    author: str = ""  # From, to show
    subject: str = ""
    held: bool = False
    hold_seconds: float = 0.0  # for which a moderator has time
    not_before: float = 0.0  # the sender's wish (RFC 4865)


@dataclass(frozen=True, slots=True)
class Post:
    """One that is stored."""

    id: str
    mailing_list: str
    tag: str
    state: State
    sender: str  # empty: the null sender
    account: str
    author: str
    subject: str
    size: int  # bytes
    arrived: float
    expires: float | None  # a held one: when it is given up
    attempts: int
    told: bool  # of a held one the moderators know
    reason: str  # why it was rejected


@dataclass(frozen=True, slots=True)
class Target:
    """Who is still to get a post."""

    address: EmailAddress
    member: int
    attempts: int
