"""Values of scheduling: a message from one calendar user to another, and what became of it."""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from optimails.model.account import Account

if TYPE_CHECKING:
    from optimails.groupware.account import AccountGroupware


class Method(StrEnum):
    """RFC 5546 §1.4, but PUBLISH, which is for nobody in particular."""

    REQUEST = "REQUEST"
    REPLY = "REPLY"
    ADD = "ADD"
    CANCEL = "CANCEL"
    REFRESH = "REFRESH"
    COUNTER = "COUNTER"
    DECLINE_COUNTER = "DECLINECOUNTER"

    @property
    def of_organizer(self) -> bool:
        """Whether organizers send it; the others are sent by attendees."""
        return self in (Method.REQUEST, Method.ADD, Method.CANCEL, Method.DECLINE_COUNTER)


@dataclass(frozen=True, slots=True)
class ItipMessage:
    """From one calendar user to one other. Addresses are those of mail, without ``mailto:``, as they were written."""

    id: str  # never given twice; a recipient that knows it does nothing again
    method: Method
    sender: str  # in whose name
    recipient: str
    uid: str
    component: str  # VEVENT or VTODO
    text: bytes  # a VCALENDAR with METHOD
    summary: str = ""
    sequence: int = 0
    sent_by: str = ""  # the delegate who acted for the sender, where that is to be seen
    created: int = 0  # Unix seconds
    quiet: bool = False  # a change that nobody need be told of, such as another's answer; not for mail


def new_id() -> str:
    """For ``ItipMessage.id``."""
    return uuid.uuid4().hex


class Result(StrEnum):
    APPLIED = "applied"  # the calendar shows it
    KEPT = "kept"  # in the scheduling inbox: somebody has to decide (COUNTER, DECLINECOUNTER)
    STALE = "stale"  # the calendar knows better
    KNOWN = "known"  # it came before, and nothing was done again
    REFUSED = "refused"  # not for this account, or not from somebody who may send it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message that came; which item it is about, if there is one."""

    result: Result
    collection: str = ""
    item: str = ""
    why: str = ""


class Incoming(Protocol):
    """Takes messages for accounts of this machine, from wherever they come."""

    def apply(self, account: Account, message: ItipMessage) -> Outcome:
        """Bring the account's calendar to what the message says, once for each ``message.id``, in one transaction.

        Blocking; call it from a thread. Who calls vouches for the sender. Raises ``Unavailable``: try again later.
        """


class Automatic(Protocol):
    """Answers invitations in the place of accounts that are no people, such as rooms."""

    def answer(
        self, account: Account, groupware: "AccountGroupware", message: ItipMessage, text: bytes
    ) -> bytes | None:
        """The object ``text``, which a REQUEST is about to store, with the account's answers (PARTSTAT) in it.

        None: nothing is answered. It is asked before the transaction, and again when anything in the account was
        changed meanwhile, so that two who ask at the same moment do not both get the room. The organizer hears of it
        as of any answer. Raises ``Unavailable``.
        """


class OutgoingInvitations(Protocol):
    """Carries messages to people whose calendars are not here."""

    def send(self, account: Account, message: ItipMessage) -> None:
        """Take a message over for good; ``account`` is the sender's.

        Blocking, called from a thread after the change of the calendar is on disk, and again for the same
        ``message.id`` when the process died before it was noted. Raises ``Unavailable``: it is tried again;
        ``Refused``: it never will be.
        """
