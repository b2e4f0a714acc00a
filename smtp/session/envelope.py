"""MAIL and RCPT: who sends, to whom, and whether we take it."""

import time
from typing import TYPE_CHECKING

from optimails.delivery.api import Failed, SmtpEnvelope
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from optimails.queue.api import Body, QueuedRecipient
from smtp.session import answers, filters, policy
from smtp.session.states import State
from smtp.session.transaction import Transaction
from smtp.wire import replies
from smtp.wire.commands import Mail, Rcpt
from smtp.wire.parse import address

if TYPE_CHECKING:
    from smtp.session.session import Session

_AUTHENTICATE = replies.reply(530, "5.7.0", "Authentication required")
_NOT_YOURS = replies.reply(553, "5.7.1", "You may not send with this address")
_TOO_BIG = replies.reply(552, "5.3.4", "The message is larger than this server takes")
_TOO_MANY_RECIPIENTS = replies.reply(452, "4.5.3", "Too many recipients, send the message again to the others")
_NEEDS_UTF8 = replies.reply(553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
_NOT_SUPPORTED = replies.reply(555, "5.5.4", "Parameter not supported")
_TOO_SOON = replies.reply(501, "5.5.4", "That time is too short")
_TOO_LATE = replies.reply(501, "5.5.4", "The message cannot be held for so long")
CLOCKS_DIFFER = 60  # seconds after the announced last moment that are still taken for it
MIN_BY = 60  # seconds: the shortest time after which a message is given back (RFC 2852 §4)
MAX_PRIORITY = 4  # what users may ask for at most; beyond it are the service's own needs (RFC 6710 §5)


async def mail(session: "Session", command: Mail) -> None:
    """A message begins."""
    door, account = session.door, session.account
    if door.submission:
        if account is None:
            session.refuse(_AUTHENTICATE)
            return
        # The null sender is for notifications that a mail program sends (RFC 8098 §3).
        if command.sender is not None and not await door.directory.may_send_as(account, command.sender):
            session.refuse(_NOT_YOURS)
            return
    # RFC 9422 §5: MAILMAX counts every MAIL, whatever becomes of it.
    if not door.lmtp and session.begun_messages >= door.settings.max_messages_per_connection:
        session.hang_up(replies.TOO_MANY_MESSAGES)
        return
    session.begun_messages += 1
    if command.size is not None and command.size > door.settings.max_message_size:
        session.answer(_TOO_BIG)  # RFC 1870 §6.1
        return
    if _beyond_offer(session, command):
        session.refuse(_NOT_SUPPORTED)
        return
    if command.by is not None and command.by.returned and command.by.seconds < MIN_BY:
        session.answer(_TOO_SOON)
        return
    if (_release(command, time.time()) or 0) > time.time() + longest_hold(session) + CLOCKS_DIFFER:
        session.answer(_TOO_LATE)
        return
    put_off = policy.message(session)
    if put_off is not None:
        session.answer(put_off)
        return
    await _begin(session, command)


async def _begin(session: "Session", command: Mail) -> None:
    """We would take it; filters may still refuse."""
    settings = session.door.settings
    repair = session.door.protocol.value not in settings.refuse_bare_line_ends
    transaction = Transaction(command, settings.max_message_size, repair=repair)
    if not await filters.mail(session, transaction):
        return
    session.transaction = transaction
    session.state = State.SENDER
    if command.priority is not None and abs(command.priority) > MAX_PRIORITY:
        session.answer(replies.reply(250, "2.3.6", f"The priority is {_bounded(command.priority)}"))  # RFC 6710 §4.1
        return
    session.answer(replies.SENDER_OK)


def _beyond_offer(session: "Session", command: Mail) -> bool:
    """Whether it uses an extension that this connection was not offered."""
    return (
        (not session.door.submission and (command.priority is not None or command.by is not None))
        or (_release(command, 0) is not None and not longest_hold(session))
        or (session.door.lmtp and (command.ret is not None or command.envid != ""))
        or (command.require_tls and (session.door.lmtp or not session.tls))
    )


def longest_hold(session: "Session") -> int:
    """Seconds for which a message may be held for its sender (RFC 4865); 0 where that is not offered."""
    return int(session.door.settings.max_hold_days * 86_400) if session.door.submission else 0


def _release(mail: Mail, now: float) -> float | None:
    """Until when the sender wants it held; Unix seconds."""
    return now + mail.hold_for if mail.hold_for is not None else mail.hold_until


def _bounded(priority: int) -> int:
    return max(-MAX_PRIORITY, min(MAX_PRIORITY, priority))


def of_transaction(session: "Session", transaction: Transaction) -> SmtpEnvelope:
    """All that was said of the message, for the delivery."""
    mail = transaction.mail
    now = time.time()
    release = _release(mail, now)
    # The time to deliver it in begins when there is something to deliver.
    client = session.forwarded or session.peer
    stranger = session.account is None  # where our own users sit is nobody's business
    by = None if mail.by is None else max(now, release or now) + mail.by.seconds
    return SmtpEnvelope(
        mail.sender,
        tuple(dict.fromkeys(transaction.recipients)) if transaction.destined is None else transaction.destined,
        mail.smtputf8,
        Body.EIGHT_BIT if transaction.binary else mail.body or Body.SEVEN_BIT,
        account=session.account,
        wishes=transaction.wishes,
        ret=mail.ret,
        envid=mail.envid,
        priority=_bounded(mail.priority or 0),
        require_tls=mail.require_tls,
        deliver_by=by if mail.by and mail.by.returned else None,
        tell_at=by if mail.by and not mail.by.returned else None,
        authentication=transaction.authentication,
        disowned=transaction.disowned,
        not_before=release if release is not None and release > now else None,
        junk=transaction.junk,
        hold=transaction.hold,
        fingerprint=transaction.fingerprint,
        client=client.address if stranger else "",
        client_name=client.name if stranger else "",
        helo=session.origin.hello if stranger else "",
    )


async def rcpt(session: "Session", command: Rcpt) -> None:
    """One recipient: it must exist here, and have room."""
    door, transaction = session.door, session.transaction
    assert transaction is not None
    recipient = command.recipient
    if recipient is None:
        recipient = _postmaster(session)
    elif not transaction.mail.smtputf8 and not recipient.local.isascii():
        session.refuse(_NEEDS_UTF8)  # RFC 6531 §3.4
        return
    if door.lmtp and (command.notify is not None or command.orcpt):
        session.refuse(_NOT_SUPPORTED)
        return
    if len(transaction.recipients) >= door.settings.max_recipients:
        session.answer(_TOO_MANY_RECIPIENTS)  # RFC 5321 §4.5.3.1.10
        return
    # LMTP answers for each recipient at the end, so its quota is asked once, there.
    size = None if door.lmtp else transaction.mail.size or 0
    if recipient not in transaction.known:
        sender = transaction.mail.sender
        checked = await door.delivery.check(recipient, size, session.account, reverse_path=sender)
        if isinstance(checked, Failed):
            await _refuse(session, checked)
            return
        transaction.known[recipient] = checked
    put_off = await policy.recipient(session, recipient)
    if put_off is not None:
        session.answer(put_off)
        return
    if not await filters.rcpt(session, transaction, command, recipient):
        return
    transaction.recipients.append(recipient)
    policy.taken(session, recipient)
    if command.notify is not None or command.orcpt:
        transaction.wishes[recipient] = QueuedRecipient(recipient, command.notify, command.orcpt)
    session.state = State.RECIPIENTS
    session.answer(replies.RECIPIENT_OK)


async def _refuse(session: "Session", failed: Failed) -> None:
    if failed.permanent:
        session.refused_recipients += 1
        await policy.tarpit(session)
        if session.refused_recipients >= session.door.settings.max_unknown_recipients:
            session.hang_up(replies.TOO_MANY_ERRORS)
            return
    session.answer(answers.of_failure(failed))


def _postmaster(session: "Session") -> EmailAddress:
    """Whom ``<Postmaster>`` means (RFC 5321 §4.5.1)."""
    door = session.door
    try:
        return address(door.settings.postmaster or f"postmaster@{door.hostname}")
    except BadSyntax:
        return address("postmaster@localhost")
