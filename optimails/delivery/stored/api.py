"""What a door tells when a user's command has put messages into a mailbox, or changed their flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from optimails.model.account import Account
from optimails.model.mailbox_name import MailboxName


class Cause(StrEnum):
    """``imap.cause`` (RFC 6785 §4); a move is a copy to who receives it."""

    APPEND = "APPEND"
    COPY = "COPY"
    FLAG = "FLAG"


@dataclass(frozen=True, slots=True)
class Happened:
    cause: Cause
    mailbox: MailboxName
    uids: Sequence[int]  # of the messages there
    source: MailboxName | None = None  # where they were copied from
    user: str = ""  # the address of who did it; empty: the account's own
    changed: Mapping[int, int] = field(default_factory=dict)  # by UID, the mask of flags that were set or removed


class MailEvents(Protocol):
    url: str
    """Where users store their scripts (a ``sieve:`` URI, RFC 5804 §3); empty: nowhere."""

    async def happened(self, account: Account, event: Happened) -> Sequence[str]:
        """Run the scripts that wait for this. Never raises: the user's command is done, whatever a script does.

        Returns soon, also where scripts take long: they then go on by themselves. What went wrong until then is
        told, in words for the owner of ``account``, whose mailbox it is.
        """
