"""What is said to a recipient that exists and has room, all the same: limits of traffic, the greylist, the tarpit."""

import asyncio
from typing import TYPE_CHECKING

from prometheus_client import Counter

from optimails.model.address import EmailAddress
from smtp.wire import replies

if TYPE_CHECKING:
    from smtp.session.session import Session

_PUT_OFF = Counter("optimails_smtp_put_off_total", "Messages and recipients put off, by reason.", ["reason"])
_TOO_MANY = replies.reply(451, "4.7.1", "Too many messages for now, try again later")
_TOO_MANY_RECIPIENTS = replies.reply(451, "4.7.1", "Too many recipients for now, try again later")
_TOO_BIG_FOR_DOMAIN = replies.reply(552, "5.3.4", "The message is larger than this domain takes")


def message(session: "Session") -> bytes | None:
    """Why the client may not begin another message now."""
    traffic = session.door.traffic
    if traffic is None or session.door.lmtp or traffic.message(session.peer.address, session.account):
        return None
    _PUT_OFF.labels("messages").inc()
    return _TOO_MANY


async def recipient(session: "Session", who: EmailAddress) -> bytes | None:
    """Why the client may not write to this recipient, or not now."""
    door, transaction = session.door, session.transaction
    assert transaction is not None
    traffic = door.traffic
    if traffic is None or door.lmtp:
        return None
    limit = traffic.domain(who.domain)
    if limit.max_message_size and session.account is None and (transaction.mail.size or 0) > limit.max_message_size:
        return _TOO_BIG_FOR_DOMAIN
    greylist = door.greylist if session.forwarded is None else None  # the server in front has taken it from its client
    if greylist is not None and (greylist.enabled if limit.greylist is None else limit.greylist):
        seconds = await greylist.wait(session.peer.address, transaction.mail.sender, who)
        if seconds:
            _PUT_OFF.labels("greylist").inc()
            return replies.reply(451, "4.7.1", f"Greylisted, try again in {seconds} seconds")
    if not traffic.recipient(session.peer.address, session.account, who.domain):
        _PUT_OFF.labels("recipients").inc()
        return _TOO_MANY_RECIPIENTS
    return None


def taken(session: "Session", who: EmailAddress) -> None:
    """The recipient is one of the message's: what is too large for its domain is too large.

    Who did not say how large it is hears of it at the end, for all recipients: SMTP has one answer for them.
    """
    traffic, transaction = session.door.traffic, session.transaction
    assert transaction is not None
    if traffic is not None and not session.door.lmtp and session.account is None:
        most = traffic.domain(who.domain).max_message_size
        transaction.limit = min(transaction.limit, most or transaction.limit)


async def tarpit(session: "Session") -> None:
    """Take time before the next refusal is said, when there were too many: guessing addresses shall not be cheap."""
    traffic = session.door.traffic
    if traffic is None or session.door.lmtp or session.account is not None:
        return
    settings = traffic.settings
    late = session.refused_recipients > settings.tarpit_after and settings.tarpit_seconds
    if late and not traffic.exempt(session.peer.address):
        await asyncio.sleep(settings.tarpit_seconds)
