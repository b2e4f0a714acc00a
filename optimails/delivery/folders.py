"""Mailboxes that delivery finds by what they are for."""

from optimails.mailbox.api import AccountMail
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import MailboxName, mailbox_name
from optimails.model.special_use import SpecialUse

_JUNK = "Junk"  # as new accounts have it


async def junk(mail: AccountMail) -> MailboxName:
    """The account's \\Junk; made when its user has removed it. Raises ``Refused``, ``Unavailable``."""
    for one in await mail.mailboxes():
        if one.special_use is SpecialUse.JUNK and one.selectable:
            return one.name
    try:
        return (await mail.create(_JUNK, SpecialUse.JUNK)).name
    except Refused as refused:
        if refused.reason is not Reason.ALREADY_EXISTS:
            raise
        return mailbox_name(_JUNK)  # it has the name, and not the use
