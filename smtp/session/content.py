"""DATA and BDAT: the content, and the answer once it is complete."""

import logging
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from optimails.config import Protocol
from optimails.delivery.api import Attempt, Delivered, SmtpEnvelope
from optimails.delivery.spool import Spool
from optimails.door import incident
from optimails.model.address import EmailAddress
from optimails.model.errors import MailError, Reason, Refused
from optimails.queue.api import Notify
from smtp.session import answers, authenticity, binary, filters, trace
from smtp.session.behalf import sender_field
from smtp.session.envelope import of_transaction
from smtp.session.signing import signature
from smtp.session.states import State
from smtp.session.transaction import Transaction
from smtp.wire import replies
from smtp.wire.commands import Bdat, Data
from smtp.wire.content import ChunkReader, DotReader

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)

TOO_BIG = replies.reply(552, "5.3.4", "The message is larger than this server takes")
NO_RECIPIENTS = replies.reply(503, "5.5.1", "No valid recipients")
_BARE_LINE_END = replies.reply(550, "5.6.0", "A line of the message ends with CR or LF alone")
_LOOP = replies.reply(554, "5.4.6", "The message has been handed on too often: a loop")
_NO_ROOM = replies.reply(452, "4.3.1", "No room for the message now, try again later")

_MESSAGES = Counter("optimails_smtp_messages_total", "Messages received, by listener protocol and answer.",
                    ["protocol", "answer"])  # fmt: skip
_SIZES = Histogram("optimails_smtp_message_bytes", "Sizes of the messages received.",
                   buckets=[4**power * 1024 for power in range(9)])  # fmt: skip
_ACCEPTED, _DEFERRED, _REFUSED = (
    {protocol: _MESSAGES.labels(protocol.value, answer) for protocol in Protocol}
    for answer in ("accepted", "deferred", "refused")
)


async def data(session: "Session", _: Data) -> None:
    """RFC 5321 §4.1.1.4."""
    transaction = session.transaction
    assert transaction is not None
    if transaction.binary:
        session.refuse(replies.BAD_SEQUENCE)  # RFC 3030 §3: only BDAT can carry it
        return
    if not await filters.data(session, transaction):
        return
    transaction.begin(DotReader(), session.door.delivery)
    session.answer(replies.SEND_DATA)


async def bdat(session: "Session", command: Bdat) -> None:
    """One chunk (RFC 3030 §2)."""
    transaction = session.transaction
    assert transaction is not None
    if command.size + transaction.size > transaction.limit:
        reply = b"".join(_for_each(session, transaction, TOO_BIG)) if command.last else TOO_BIG
        session.reset()
        skip(session, command.size, reply)
        return
    session.state = State.CHUNKS
    if transaction.chunks is None:
        transaction.chunks = ChunkReader()
        transaction.begin(transaction.chunks, session.door.delivery)
    transaction.reader = transaction.chunks
    transaction.chunks.expect(command.size, last=command.last)
    if command.size == 0:
        await complete(session, transaction)


def skip(session: "Session", size: int, reply: bytes) -> None:
    """Swallow a chunk that is not wanted, and then say so: its bytes come all the same, and are not commands."""
    if size > 2 * session.door.settings.max_message_size:
        session.hang_up(reply)  # that would take too long
    elif size:
        session.skip, session.skip_reply = size, reply
    else:
        session.refuse(reply)


async def complete(session: "Session", transaction: Transaction) -> None:
    """The last byte of DATA or of a chunk has come."""
    reader = transaction.reader
    transaction.reader = None
    if isinstance(reader, ChunkReader):
        if not reader.last:
            await _answer_chunk(session, transaction)
            return
        transaction.write(reader.finish())
    try:
        session.answer(await _finish(session, transaction))
    except MailError as error:
        session.answer(b"".join(_for_each(session, transaction, answers.of_error(error))))
    except Exception as error:  # noqa: BLE001 - noted with its trace
        _DEFERRED[session.door.protocol].inc()
        identifier = incident.note(error, session=session.id, protocol=session.door.protocol.value)
        session.answer(b"".join(_for_each(session, transaction, answers.of_bug(identifier))))
    finally:
        session.reset()


async def _answer_chunk(session: "Session", transaction: Transaction) -> None:
    problem = _problem(session, transaction)
    if problem is None:
        session.answer(replies.OK)
    else:
        session.answer(problem)
        session.reset()


def _problem(session: "Session", transaction: Transaction) -> bytes | None:
    """Why the content cannot be taken, for whomever it is."""
    if transaction.too_big:
        return TOO_BIG
    if transaction.bare:
        return _BARE_LINE_END
    if transaction.full_disk:
        return _NO_ROOM
    assert transaction.spool is not None
    if trace.hops(transaction.spool.head()) > session.door.settings.max_hops:
        return _LOOP
    return None


async def _finish(session: "Session", transaction: Transaction) -> bytes:
    """Deliver, and give the answer: one for the message, or with LMTP one for each recipient (RFC 2033 §4.2)."""
    problem = _problem(session, transaction)
    if problem is not None:
        (_DEFERRED if problem is _NO_ROOM else _REFUSED)[session.door.protocol].inc()
        return b"".join(_for_each(session, transaction, problem))
    identifier = transaction.identifier
    look = await authenticity.look(session, transaction)
    refused = look.refusal or await binary.convert(session, transaction) or await filters.content(session, transaction)
    if refused is not None:
        (_DEFERRED if refused.startswith(b"4") else _REFUSED)[session.door.protocol].inc()
        return b"".join(_for_each(session, transaction, refused))
    if transaction.discarded:
        _ACCEPTED[session.door.protocol].inc()
        accepted = replies.reply(250, "2.0.0", f"Accepted as {identifier}")
        return b"".join(_for_each(session, transaction, accepted))
    await _sign_off(session, transaction)
    spool = transaction.spool
    assert spool is not None
    mail = transaction.mail
    header = look.header + await _header(session, transaction, spool, identifier)
    envelope = of_transaction(session, transaction)
    attempt = await session.door.delivery.deliver(envelope, header, spool, transaction.known)
    _SIZES.observe(spool.size)
    if session.door.lmtp:
        reply = await _answer_each(session, transaction, attempt, identifier)
    else:
        reply = await _answer_once(session, envelope, attempt, spool, identifier)
    if log.isEnabledFor(logging.INFO):
        outcomes = attempt.outcomes.values()
        fields = {
            "session": session.id,
            "message": identifier,
            "protocol": session.door.protocol.value,
            "client": (session.forwarded or session.peer).address,
            "sender": str(mail.sender or ""),
            "size": spool.size,
            "delivered": sum(isinstance(outcome, Delivered) for outcome in outcomes),
            "recipients": len(outcomes),
        }
        log.info("message", extra={"fields": fields})
    return reply


async def _sign_off(session: "Session", transaction: Transaction) -> None:
    """What the sender's policies put under his mail, before it is signed. Raises ``Unavailable``."""
    footers, account, spool = session.door.footers, session.account, transaction.spool
    if footers is None or account is None or spool is None:
        return
    made = await footers.under(account, list(transaction.known.values()), spool)
    if made is not None:
        transaction.fingerprint = transaction.fingerprint or await spool.fingerprint(transaction.mail.sender)
        transaction.forget()
        transaction.spool = made


async def _header(session: "Session", transaction: Transaction, spool: Spool, identifier: str) -> bytes:
    door = session.door
    protocol = trace.with_protocol(
        session.greeting,
        tls=session.tls,
        authenticated=session.account is not None,
        smtputf8=transaction.mail.smtputf8,
    )
    header = trace.received(
        door, session.peer, transaction, hello=session.hello, protocol=protocol, identifier=identifier
    )
    if not door.submission:
        return header
    top = await spool.header_beside()
    if top is None:
        raise Refused(Reason.TOO_BIG, "The header of the message is larger than this server takes")
    # All of the header: what stands far down in it is as good a From to whom it is shown.
    completed = trace.completed(top[0], door.hostname)
    completed += await sender_field(session, transaction, top[0], identifier)
    return await signature(session, transaction.mail.sender, completed, spool) + header + completed


async def _answer_each(session: "Session", transaction: Transaction, attempt: Attempt, identifier: str) -> bytes:
    outcomes = answers.for_each(transaction.recipients, attempt.outcomes)
    again = answers.deferred(outcomes)
    if again:  # then the filter adds those again who were not named by the client
        again += [who for who in attempt.outcomes if who not in outcomes]
    await session.door.delivery.settle(attempt, again)
    stored = replies.reply(250, "2.0.0", f"Delivered as {identifier}")
    lines = []
    for recipient in transaction.recipients:
        outcome = outcomes[recipient]
        if isinstance(outcome, Delivered):
            _ACCEPTED[Protocol.LMTP].inc()
            lines.append(stored)
        else:
            (_REFUSED if outcome.permanent else _DEFERRED)[Protocol.LMTP].inc()
            lines.append(answers.of_failure(outcome))
    return b"".join(lines)


async def _answer_once(
    session: "Session", envelope: SmtpEnvelope, attempt: Attempt, spool: Spool, identifier: str
) -> bytes:
    door, account = session.door, session.account
    can_bounce = account is not None and envelope.sender is not None
    verdict = answers.verdict(envelope.recipients, attempt.outcomes, can_bounce=can_bounce)
    if verdict.bounce and account is not None:
        told = {who: why for who, why in verdict.bounce.items() if _wants_failure(envelope, who)}
        if told:
            await door.delivery.bounce(account, envelope, told, spool)
    failed = verdict.failed
    await door.delivery.settle(attempt, envelope.recipients if failed and not failed.permanent else ())
    if failed is None:
        _ACCEPTED[door.protocol].inc()
        return replies.reply(250, "2.0.0", f"Accepted as {identifier}")
    (_REFUSED if failed.permanent else _DEFERRED)[door.protocol].inc()
    return answers.of_failure(failed)


def _wants_failure(envelope: SmtpEnvelope, recipient: EmailAddress) -> bool:
    wish = envelope.wishes.get(recipient)
    return wish is None or wish.notify is None or Notify.FAILURE in wish.notify


def _for_each(session: "Session", transaction: Transaction, reply: bytes) -> list[bytes]:
    """The same answer as often as the protocol wants one."""
    return [reply] * (len(transaction.recipients) if session.door.lmtp else 1)
