"""Copies of what comes for somebody's calendar, for the delegates who are to have them: invitations, answers,
cancellations.

A copy is the mail as it came, marked with whom it is for; what colleagues send comes without a mail, and becomes one
(``inboxes``). It goes to the delegate's mailbox like any mail, and touches no calendar there; nobody's delegate gets a
copy of a copy. What is private stays away from delegates who do not see
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
        delegates = await delegates_of(self._directory, arrival.account, itip)
        if not delegates:
            return
        header = await arrival.content.header_beside()
        if header is None or any(name.lower() == MARK.lower() for _, name, _ in split_fields(header[0])):
            return
        owner = arrival.account.address
        for one in delegates:
            await self._send(owner, one, mark(owner) + b"\r\n" + without_trace(arrival.header), arrival)

    async def _send(self, owner: EmailAddress, delegate: Account, header: bytes, arrival: Arrival) -> None:
        to = delegate.address
        try:
            await asyncio.to_thread(note, self._audit, delegate, owner)
            outcome = (await self._outgoing.submit(None, (to,), arrival.content, header, via=owner.domain))[to]
            why = "" if isinstance(outcome, Delivered) else outcome.text
        except MailError as wrong:
            why = str(wrong)
        fields = {"account": arrival.account.id, "delegate": delegate.id}
        if why:
            log.warning("invitation_copy_lost", extra={"fields": fields | {"why": why[:300]}})
        else:
            log.info("invitation_copied", extra={"fields": fields})


async def delegates_of(directory: Directory, owner: Account, itip: bytes) -> list[Account]:
    """Who gets copies of the owner's invitations now, of this one. Raises ``Unavailable``."""
    found = []
    known = (await directory.rights.sharing(owner.id)).delegations
    for given in known:
        if not given.invitations or (given.hide_private and _private(itip)):
            continue
        delegate = await directory.account(given.delegate)
        if delegate is not None and copied_to(delegate, owner, known, time.time()) is not None:
            found.append(delegate)
    return found


def mark(owner: EmailAddress) -> bytes:
    """The field that says for whom it came."""
    return b"%b: %b" % (MARK, str(owner).encode())


def note(audit: AuditLog, delegate: Account, owner: EmailAddress) -> None:
    """Into the audit log, before it leaves. Raises ``Unavailable``."""
    audit.record(str(delegate.address), "mail", "invitation copy", str(owner))


def _private(itip: bytes) -> bool:
    """Whether it says so of itself; what cannot be read is."""
    try:
        top = parse(itip.decode("utf-8", "replace"))
    except BadSyntax:
        return True
    return any(part.value("CLASS").upper() in _PRIVATE for root in top for part in root.children)
