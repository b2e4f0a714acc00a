"""The values of the commands of RFC 4314: access lists.

An identifier that began with ``-`` is ``negative``: what stands there is taken away from who has it otherwise (§2).
"""

from dataclasses import dataclass
from enum import Enum

from optimails.model.mailbox_name import MailboxName
from optimails.model.rights import Right


class AclAction(Enum):
    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class GetAcl:
    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class SetAcl:
    mailbox: MailboxName
    identifier: str
    negative: bool
    action: AclAction
    rights: Right  # none, with REPLACE: the identifier goes


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    mailbox: MailboxName
    identifier: str
    negative: bool


@dataclass(frozen=True, slots=True)
class ListRights:
    mailbox: MailboxName
    identifier: str
    negative: bool


@dataclass(frozen=True, slots=True)
class MyRights:
    mailbox: MailboxName
