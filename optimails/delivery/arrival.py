"""One message on its way into one account."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import idna

from optimails.delivery.spool import Spool
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.model.mailbox_name import MailboxName


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message for one account, just before it would be stored."""

    account: Account
    sender: EmailAddress | None
    recipient: EmailAddress  # as the envelope has it
    header: bytes  # what stands before the content in the mailbox: Return-Path, Delivered-To, and the door's trace
    content: Spool
    served: AbstractSet[AccountId] = frozenset()  # noted in an earlier attempt
    stored: set[AccountId] = field(default_factory=set)  # to be noted when this attempt fails in part
    client: str = ""  # the IP address of a stranger who handed it over
    client_name: str = ""
    places: set[MailboxName] = field(default_factory=set)  # mailboxes that have it now


def shown(address: EmailAddress, *, smtputf8: bool) -> bytes:
    """The address in a header field: in ASCII, unless the message is internationalised or nothing else is possible."""
    if smtputf8 or address.domain.isascii() or not address.local.isascii():
        return str(address).encode()
    return f"{address.local}@".encode() + idna.encode(address.domain, uts46=True)
