"""Forwarding: an account's mail goes on to other addresses, here or on other servers, with a copy here or without.

**When.** Where the mail would be kept in the INBOX: without scripts always, with scripts when they keep it. What they
file, refuse or throw away is theirs. People here get it by delivery, others by the queue; ``Onward`` takes care of SPF.

**Each part for itself.** The copy here and each address succeed or fail alone, and what succeeded is noted with the
attempt (``optimails.delivery.pending``), as the accounts of an alias are: a full mailbox does not delay what goes on,
and when the sender tries again for its sake, nobody gets the message twice.

**Nothing is lost.** An address that refuses is logged, and the mail stays here, whatever the account said of a copy.

**No circles.** What goes on is marked ``Delivered-To`` with the account's own address; a message that has this mark
already, or too many of others, or has passed too many servers, stays here. An address that leads to the account itself
means its copy.
"""

import logging
import re

from prometheus_client import Counter

from optimails.delivery import failures
from optimails.delivery.api import Failed, Outgoing
from optimails.delivery.arrival import Arrival, shown
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError, Refused
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

_FORWARDED = Counter("optimails_forwards_total", "Addresses that accounts forward mail to, by result.", ["result"])
_MARK = re.compile(rb"^delivered-to:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_HOP = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)
MAX_MARKS = 20


def copy_of(account: Account) -> AccountId:
    """What stands for the copy in the account's own mailbox where accounts are noted."""
    return AccountId(f"@>{account.id}")


def parts_of(account: Account) -> tuple[AccountId, ...]:
    """Everything that can succeed or fail by itself."""
    return (copy_of(account), *(_part(account, target) for target in account.forward)) if account.forward else ()


def _part(account: Account, target: EmailAddress) -> AccountId:
    return AccountId(f"@>{account.id}>{target.key}")


class Forwards:
    """One per worker."""

    def __init__(self, outgoing: Outgoing, directory: Directory, max_hops: int) -> None:
        self._outgoing = outgoing
        self._directory = directory
        self._max_hops = max_hops

    async def send(
        self, arrival: Arrival, edited: Spool | None = None, *, final: bool = False
    ) -> tuple[bool, Failed | None]:
        """Send the message on, with its header as a script edited it, to everybody who has not got it.

        Gives whether the account keeps a copy, and who failed only for now: then the sender is to try again. With
        ``final`` nobody will, so that who fails for now counts as refused.
        """
        account = arrival.account
        marks, hops = self._trace(arrival)
        if _own(account, marks) or len(marks) > MAX_MARKS or hops > self._max_hops:
            self._complain(account, "", "it went round in a circle")
            return True, None
        received = _mark(account)
        if edited is None:
            received += _without_own(arrival.header)
        else:
            received += b"".join(b"Delivered-To: %b\r\n" % mark for mark in marks)
        keep, later = account.forward_copy, None
        for target in account.forward:
            part = _part(account, target)
            if part in arrival.served or part in arrival.stored:
                continue
            failed = await self._one(arrival, target, edited or arrival.content, received)
            if failed is None:
                arrival.stored.add(part)
                _FORWARDED.labels("sent").inc()
            elif failed is _HERE:
                keep = True
            elif failed.permanent or final:
                self._complain(account, str(target), failed.text)
                keep = True
            else:
                _FORWARDED.labels("deferred").inc()
                later = failed
        return keep, later

    async def _one(self, arrival: Arrival, target: EmailAddress, content: Spool, received: bytes) -> Failed | None:
        account = arrival.account
        try:
            if await self._is_itself(account, target):
                return _HERE
            via = account.address.domain
            outcomes = await self._outgoing.submit(arrival.sender, (target,), content, received, via=via)
        except MailError:
            return failures.AWAY
        outcome = outcomes[target]
        return outcome if isinstance(outcome, Failed) else None

    async def _is_itself(self, account: Account, target: EmailAddress) -> bool:
        """Whether the address leads to the account again."""
        try:
            resolution = await self._directory.resolve(target)
        except Refused:
            return False
        return not (resolution.remote or resolution.lists) and [one.id for one in resolution.accounts] == [account.id]

    @staticmethod
    def _trace(arrival: Arrival) -> tuple[list[bytes], int]:
        """Who sent it on or got it before, and how many servers it has passed."""
        head = arrival.content.head()
        end = head.find(b"\r\n\r\n")
        header = _without_own(arrival.header) + (head if end < 0 else head[: end + 2])
        return [mark.strip() for mark in _MARK.findall(header)], len(_HOP.findall(header))

    @staticmethod
    def _complain(account: Account, target: str, why: str) -> None:
        _FORWARDED.labels("refused").inc()
        log.warning("forward_failed", extra={"fields": {"account": account.id, "target": target, "why": why[:300]}})


_HERE = Failed(permanent=True, status="5.4.6", text="The address is the account itself")


def _mark(account: Account) -> bytes:
    address = account.address
    if not address.local.isascii():  # a header in ASCII stays so
        address = EmailAddress(account.id, address.domain)
    return b"Delivered-To: %b\r\n" % shown(address, smtputf8=False)


def _own(account: Account, marks: list[bytes]) -> bool:
    mine = {account.address.key, f"{account.id}@{account.address.domain}"}
    for mark in marks:
        try:
            if EmailAddress.parse(mark.decode()).key in mine:
                return True
        except (BadSyntax, UnicodeDecodeError):
            continue
    return False


def _without_own(header: bytes) -> bytes:
    """Without the Return-Path and Delivered-To that this delivery put before it: what goes on is not delivered."""
    return header.split(b"\r\n", 2)[2]
