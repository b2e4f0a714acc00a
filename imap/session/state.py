"""The states of a session (RFC 9051 §3) and what a handler gives back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, Any

from imap.wire.codes import Code
from imap.wire.responses import Condition

if TYPE_CHECKING:
    from imap.session.session import Session


class State(Flag):
    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    LOGOUT = auto()


ANY = State.NOT_AUTHENTICATED | State.AUTHENTICATED | State.SELECTED
LOGGED_IN = State.AUTHENTICATED | State.SELECTED


class Tell(Enum):
    """Which news of the selected mailbox may go before the tagged answer."""

    NOTHING = "nothing"  # the command changed what is selected, or told by itself
    ALL = "all"
    BY_UID = "by uid"  # expunges only in the UID form of the command (RFC 9051 §7.5.1)


@dataclass(frozen=True, slots=True)
class Done:
    """The tagged answer."""

    text: str
    code: Code | None = None
    condition: Condition = Condition.OK


# Session and command (of the type that the table binds the handler to) to the answer; None when it is given already.
Handler = Callable[["Session", Any], Awaitable[Done | None]]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str  # for texts, logs and metrics
    states: State
    handler: Handler
    tell: Tell = Tell.ALL
