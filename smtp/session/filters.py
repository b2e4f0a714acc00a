"""Filters in line (milter): asked at MAIL, RCPT and the content; what they want is done before anything is answered.

They first hear of a client at its MAIL: who connects and leaves, or only wants TLS, costs them nothing, and by then TLS
and log-in are known. What they say to the client's address or name is therefore answered at MAIL.

Each function gives whether to go on; when not, it has answered. ``content`` gives the answer instead, for it may be
wanted once for each recipient.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from optimails.delivery.api import Failed
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from smtp.milter import changes, wire
from smtp.milter.chain import Filters, Verdict
from smtp.milter.changes import Message
from smtp.milter.macros import Client
from smtp.session import trace
from smtp.session.door import Peer
from smtp.session.transaction import Transaction
from smtp.wire import replies
from smtp.wire.commands import Mail, Rcpt
from smtp.wire.parse import address

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)

T = TypeVar("T")

_REJECTED = replies.reply(550, "5.7.1", "Refused by a filter")
_DEFERRED = replies.reply(451, "4.7.1", "Put off by a filter, try again later")
_HANG_UP = replies.reply(421, "4.7.0", "Put off by a filter, closing connection")
_UNREACHABLE = replies.reply(451, "4.3.0", "A filter sends this message where it cannot be stored now, try again later")
_HEADER_TOO_LARGE = replies.reply(552, "5.3.4", "The header of the message is too large to be looked at")
_LINE = re.compile(r"(?P<code>[45][0-9]{2})(?:[ -](?P<status>[45]\.[0-9]{1,3}\.[0-9]{1,3})(?=\s|$))?[ -]?(?P<text>.*)")
_MAX_LINES = 20


async def mail(session: "Session", transaction: Transaction) -> bool:
    """A message begins."""
    filters = session.door.filters
    if filters is None:
        return True
    origin = session.origin
    if not origin.name:
        origin = replace(origin, name=await filters.name_of(origin.address))
    filtering = filters.begin(_client(session, filters, origin), transaction.identifier, session.filtered)
    transaction.filtering = filtering
    word = await filtering.mail(transaction.mail.sender, _parameters(transaction.mail))
    if _goes_on(session, word):
        return True
    transaction.close()
    return False


async def rcpt(session: "Session", transaction: Transaction, command: Rcpt, recipient: EmailAddress) -> bool:
    """A recipient that we would take."""
    filtering = transaction.filtering
    if filtering is None:
        return True
    parameters = [f"ORCPT={command.orcpt}"] if command.orcpt else []
    if command.notify is not None:
        parameters.append(f"NOTIFY={','.join(sorted(command.notify))}")
    local = not transaction.known[recipient].remote
    return _goes_on(session, await filtering.rcpt(recipient, parameters, local=local))


async def data(session: "Session", transaction: Transaction) -> bool:
    """The content is announced."""
    filtering = transaction.filtering
    return filtering is None or _goes_on(session, await filtering.data())


async def content(session: "Session", transaction: Transaction) -> bytes | None:
    """The content is there: what the filters want is done to it. Gives the reply when they refuse it."""
    filtering, spool = transaction.filtering, transaction.spool
    if filtering is None or spool is None:
        return None
    door = session.door
    # What we add to submitted mail belongs to it: a filter may want to sign it.
    top = await spool.header_beside() if door.submission else (b"", 0)
    if top is None:
        return _HEADER_TOO_LARGE
    before = trace.completed(top[0], door.hostname) if door.submission else b""
    message = await _in_thread(spool, changes.read, spool, before)
    if message is None:
        return _HEADER_TOO_LARGE
    verdict = await filtering.content(message, door.delivery.spool, transaction.limit)
    if isinstance(verdict.word, wire.Discard):
        log.info("milter_discarded", extra={"fields": {"session": session.id, "message": transaction.identifier}})
        transaction.discarded = True
        return None
    if not isinstance(verdict.word, wire.Continue):
        reply, session.closing = _reply(verdict.word)
        return reply
    if verdict.message.changed or verdict.sender is not None:
        transaction.fingerprint = await spool.fingerprint(transaction.mail.sender)
    if verdict.message.changed:
        await _rewrite(session, transaction, verdict.message)
    transaction.junk, transaction.hold = verdict.junk, verdict.hold
    return await _readdress(session, transaction, verdict)


async def _rewrite(session: "Session", transaction: Transaction, message: Message) -> None:
    """The message as the filters made it takes the place of what came. Raises ``Unavailable``."""
    rewritten = session.door.delivery.spool()
    try:
        await _in_thread(message.body, changes.write, message, rewritten)
    except BaseException:
        rewritten.close()
        raise
    transaction.forget()
    transaction.spool = rewritten


async def _readdress(session: "Session", transaction: Transaction, verdict: Verdict) -> bytes | None:
    """The envelope as the filters want it. An address that makes no sense, or that nobody has, is left alone.

    Gives the reply where the message would be lost: whom a filter adds cannot get it now, or it takes all recipients
    off and none that it puts in their place exists. Only a filter that adds nobody throws a message away.
    """
    if verdict.sender is not None:
        _send_as(transaction, verdict.sender)
    if not verdict.added and not verdict.deleted:
        return None
    gone = {one.key for text in verdict.deleted if (one := _recipient(transaction, text)) is not None}
    recipients = dict.fromkeys(one for one in transaction.recipients if one.key not in gone)
    for new in (_recipient(transaction, text) for text in verdict.added):
        failed = await _why_not(session, transaction, new) if new is not None else None
        if failed is not None and not failed.permanent:
            return _UNREACHABLE
        if failed is not None:
            _ignored(transaction, "recipient", str(new))
        elif new is not None:
            recipients[new] = None
    if verdict.added and not recipients:
        return _UNREACHABLE
    transaction.destined = tuple(recipients)
    transaction.discarded = not recipients
    return None


def _send_as(transaction: Transaction, sender: str) -> None:
    try:
        transaction.mail = replace(transaction.mail, sender=_address(sender))
    except BadSyntax:
        _ignored(transaction, "sender", sender)


async def _why_not(session: "Session", transaction: Transaction, recipient: EmailAddress) -> Failed | None:
    """Why a recipient that a filter adds gets no mail: filters are the operator's own, and may write anywhere."""
    if recipient in transaction.known:
        return None
    checked = await session.door.delivery.check(recipient, None, session.account)
    if isinstance(checked, Failed):
        directory = session.door.directory
        if not checked.permanent or "." not in recipient.domain or await directory.is_local(recipient.domain):
            return checked
        checked = Resolution((), (recipient,))
    transaction.known[recipient] = checked
    return None


def _recipient(transaction: Transaction, text: str) -> EmailAddress | None:
    try:
        found = _address(text)
    except BadSyntax:
        found = None
    if found is None:
        _ignored(transaction, "recipient", text)
    return found


def _address(text: str) -> EmailAddress | None:
    """With or without angle brackets; None is the null sender. Raises ``BadSyntax``."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    return address(bare) if bare else None


def _ignored(transaction: Transaction, what: str, value: str) -> None:
    fields = {"message": transaction.identifier, "what": what, "value": value[:320]}
    log.warning("milter_change_ignored", extra={"fields": fields})


def _goes_on(session: "Session", word: wire.Final) -> bool:
    """A refusal is answered; what is accepted or thrown away goes on, as far as the client can see."""
    if isinstance(word, wire.Continue | wire.Accept | wire.Discard):
        return True
    reply, hang_up = _reply(word)
    if hang_up:
        session.hang_up(reply)
    else:
        session.answer(reply)
    return False


def _reply(word: wire.Final) -> tuple[bytes, bool]:
    """What the client hears, and whether the connection ends."""
    match word:
        case wire.Tempfail():
            return _DEFERRED, False
        case wire.HangUp():
            return _HANG_UP, True
        case wire.Reply(text):
            reply = _in_its_words(text)
            return reply, reply.startswith(b"421")
        case _:
            return _REJECTED, False


def _in_its_words(text: str) -> bytes:
    """The filter's own reply, of one line or several; a plain refusal when it makes none."""
    lines = [_LINE.fullmatch(line) for line in text.splitlines()[:_MAX_LINES] if line]
    first = lines[0] if lines else None
    if first is None or any(line is None or line["code"] != first["code"] for line in lines):
        return _REJECTED
    status = first["status"] or f"{first['code'][0]}.7.1"
    if status[0] != first["code"][0]:
        status = f"{first['code'][0]}.7.1"
    # libmilter doubles every per cent sign: the text is a format to Sendmail.
    texts = [line["text"].replace("%%", "%") for line in lines if line is not None]
    return b"".join(
        replies.reply(int(first["code"]), status, one, more=number < len(texts)) for number, one in enumerate(texts, 1)
    )


def _client(session: "Session", filters: Filters, origin: Peer) -> Client:
    door, account = session.door, session.account
    return Client(
        origin.address,
        origin.port,
        origin.name,
        origin.hello,
        door.hostname,
        filters.listener,
        origin.server,
        origin.server_port or filters.port,
        session.secured() if session.tls else None,
        session.mechanism,
        str(account.address) if account is not None else origin.login,
    )


def _parameters(command: Mail) -> list[str]:
    """Of MAIL, as a server would pass them on."""
    found = []
    if command.size is not None:
        found.append(f"SIZE={command.size}")
    if command.body is not None:
        found.append(f"BODY={command.body.value}")
    if command.smtputf8:
        found.append("SMTPUTF8")
    if command.ret is not None:
        found.append(f"RET={command.ret.value}")
    if command.envid:
        found.append(f"ENVID={command.envid}")
    return found


async def _in_thread(spool: Spool, work: Callable[..., T], *arguments: object) -> T:
    """Work that reads a spool: where it lies on disk, beside the event loop."""
    if spool.whole() is not None:
        return work(*arguments)
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)
