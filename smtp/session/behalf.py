"""Submitted mail in somebody else's name: who may, what its header must say, and the audit log.

``From`` names the author. A delegate who may *send as* the owner is not seen; one who may send *on behalf* of him is
named by ``Sender`` (RFC 5322 §3.6.2), which we add where his mail program does not. Either is noted with both names
before the message goes anywhere. Addresses in From that are nobody's here, or that the account has no right to, are not
decided on here.
"""

import asyncio
from typing import TYPE_CHECKING

from optimails.mime.addresses import parse_addresses
from optimails.mime.header import split_fields, unfolded
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import SendRight
from smtp.session.transaction import Transaction

if TYPE_CHECKING:
    from smtp.session.session import Session

MAX_AUTHORS = 20  # addresses in From that are looked at


async def sender_field(session: "Session", transaction: Transaction, block: bytes, identifier: str) -> bytes:
    """A Sender field for the message, where it needs one that it has not; ``block`` is all of its header.

    Raises:
        Refused: its Sender is somebody else.
        Unavailable: the directory is away, or the audit log cannot be written.
    """
    account = session.account
    if account is None:
        return b""
    authors = _addresses(block, b"from")[:MAX_AUTHORS]
    behalf, owners = await _owners(session, account, authors)
    sender = transaction.mail.sender
    if sender is not None:  # the envelope alone may be the owner's, too
        owners = (await _owners(session, account, [sender]))[1] | owners
    if not owners:
        return b""
    named = _addresses(block, b"sender")
    if behalf and not await _is_own(session, account, named):
        raise Refused(Reason.NO_PERMISSION, "You write on behalf of somebody else: Sender must be your own address")
    await _note(session, account, owners, transaction, identifier)
    return f"Sender: {account.address}\r\n".encode() if behalf and not named else b""


async def _owners(
    session: "Session", account: Account, addresses: list[EmailAddress]
) -> tuple[bool, dict[AccountId, tuple[Account, SendRight]]]:
    """Whether it is on behalf of any of them, and in whose name at all."""
    found: dict[AccountId, tuple[Account, SendRight]] = {}
    behalf = False
    for address in addresses:
        right, owner = await session.door.directory.send_right(account, address)
        if owner is not None and right is not SendRight.NO:
            found[owner.id] = (owner, right)
            behalf = behalf or right is SendRight.ON_BEHALF
    return behalf, found


async def _is_own(session: "Session", account: Account, senders: list[EmailAddress]) -> bool:
    rights = [await session.door.directory.send_right(account, sender) for sender in senders]
    return all(right is SendRight.OWN for right, _ in rights)


async def _note(
    session: "Session",
    account: Account,
    owners: dict[AccountId, tuple[Account, SendRight]],
    transaction: Transaction,
    identifier: str,
) -> None:
    audit = session.door.audit
    if audit is None:
        return
    for owner, right in owners.values():
        details = {"right": right.value, "message": identifier, "recipients": str(len(transaction.recipients))}
        line = (str(account.address), "submission", "mail send", str(owner.address), details)
        await asyncio.get_running_loop().run_in_executor(None, audit.record, *line)


def _addresses(block: bytes, field: bytes) -> list[EmailAddress]:
    """All addresses in fields of that name; what is none is passed over."""
    found = []
    for _, name, value in split_fields(block):
        if name.lower() == field:
            for address in parse_addresses(unfolded(value)):
                if address.mailbox and address.host:
                    try:
                        found.append(EmailAddress.parse(f"{_text(address.mailbox)}@{_text(address.host)}"))
                    except BadSyntax:
                        continue
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
