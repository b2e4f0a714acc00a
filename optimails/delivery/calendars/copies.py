"""Copies of what comes for somebody's calendar, for the delegates who are to have them: invitations, answers,
cancellations.

A copy is the mail as it came, marked with whom it is for. It goes to the delegate's mailbox like any mail, and touches
no calendar there; nobody's delegate gets a copy of a copy. What is private stays away from delegates who do not see
what is private. Each copy stands in the audit log, with both names, before it leaves.
"""

import asyncio
import logging
import time

from optimails.acl.decision import copied_to
from optimails.audit import AuditLog
from optimails.delivery.api import Delivered, Outgoing
from optimails.delivery.arrival import Arrival
from optimails.delivery.filters import without_trace
from optimails.directory.api import Directory
from optimails.groupware.text import parse
from optimails.mime.header import split_fields
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError

log = logging.getLogger(__name__)

MARK = b"X-Optimails-Invitation-For"
_PRIVATE = ("PRIVATE", "CONFIDENTIAL")


class Copies:
    """One per worker."""

    def __init__(self, outgoing: Outgoing, directory: Directory, audit: AuditLog) -> None:
        self._outgoing = outgoing
        self._directory = directory
        self._audit = audit

    async def forward(self, arrival: Arrival, itip: bytes) -> None:
        """Give those their copies who are to have them. Raises ``Unavailable`` of the directory alone."""
        delegates = await self.delegates(arrival.account, itip)
        if not delegates:
            return
        header = await arrival.content.header_beside()
        if header is None or any(name.lower() == MARK.lower() for _, name, _ in split_fields(header[0])):
            return
        owner = arrival.account.address
        mark = b"%b: %b\r\n" % (MARK, str(owner).encode())
        for one in delegates:
            await self._send(owner, one, mark + without_trace(arrival.header), arrival)

    async def delegates(self, owner: Account, itip: bytes) -> list[Account]:
        """Who gets copies of the owner's invitations now, of this one. Raises ``Unavailable``."""
        found = []
        known = (await self._directory.rights.sharing(owner.id)).delegations
        for given in known:
            if not given.invitations or (given.hide_private and _private(itip)):
                continue
            delegate = await self._directory.account(given.delegate)
            if delegate is not None and copied_to(delegate, owner, known, time.time()) is not None:
                found.append(delegate)
        return found

    async def _send(self, owner: EmailAddress, delegate: Account, header: bytes, arrival: Arrival) -> None:
        to = delegate.address
        try:
            await asyncio.to_thread(self._audit.record, str(to), "mail", "invitation copy", str(owner))
            outcome = (await self._outgoing.submit(None, (to,), arrival.content, header, via=owner.domain))[to]
            why = "" if isinstance(outcome, Delivered) else outcome.text
        except MailError as wrong:
            why = str(wrong)
        fields = {"account": arrival.account.id, "delegate": delegate.id}
        if why:
            log.warning("invitation_copy_lost", extra={"fields": fields | {"why": why[:300]}})
        else:
            log.info("invitation_copied", extra={"fields": fields})


def _private(itip: bytes) -> bool:
    """Whether it says so of itself; what cannot be read is."""
    try:
        top = parse(itip.decode("utf-8", "replace"))
    except BadSyntax:
        return True
    return any(part.value("CLASS").upper() in _PRIVATE for root in top for part in root.children)
