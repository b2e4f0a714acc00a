"""One message over an open session: MAIL, RCPT, content, and what it means for each recipient (RFC 5321 §3.3)."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.queue.api import Body, Notify, QueuedRecipient, RecipientResult, Ret, State
from smtp.outbound.dialogue import Action, Capabilities, Lost, Phase, Read, Send, SendContent
from smtp.outbound.replies import Reply

_TOO_MANY = 452  # RFC 5321 §4.5.3.1.10


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a transaction says of its message."""

    sender: EmailAddress | None
    recipients: tuple[QueuedRecipient, ...]
    size: int
    body: Body = Body.SEVEN_BIT
    eight_bit: bool = False  # bytes above 127 are really in it
    utf8_header: bool = False  # and in its header
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str = ""
    priority: int = 0
    require_tls: bool = False
    lmtp: bool = False
    probe: bool = False  # end before the content


@dataclass(slots=True)
class Outcome:
    """``results`` has every recipient that is settled; ``again`` those for another transaction of this session."""

    results: list[RecipientResult]
    again: tuple[QueuedRecipient, ...] = ()
    lost: bool = False  # the connection is of no more use
    elsewhere: bool = False  # what was deferred may be tried at another host at once


class CannotSend(Exception):
    """The server lacks what this message needs; RFC 3463 status and text."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


def commands(envelope: Envelope, capabilities: Capabilities) -> tuple[bytes, list[bytes]]:
    """The MAIL line and the RCPT lines.

    Raises:
        CannotSend: the message cannot go there as it is.
    """
    limit = capabilities.size
    if limit and envelope.size > limit:  # RFC 1870 §6.1: not even tried
        raise CannotSend("5.3.4", f"The message has {envelope.size} bytes, the server takes {limit}")
    utf8 = _needs_utf8(envelope)
    if utf8 and "SMTPUTF8" not in capabilities:
        raise CannotSend("5.6.7", "The message needs SMTPUTF8, which the server does not offer")  # RFC 6531 §3.5
    if envelope.require_tls and "REQUIRETLS" not in capabilities:
        raise CannotSend("5.7.30", "The sender requires TLS on the whole way, the server does not offer it")
    mail = f"MAIL FROM:<{_written(envelope.sender, utf8=utf8) if envelope.sender else ''}>"
    if "SIZE" in capabilities:
        mail += f" SIZE={envelope.size}"
    mail += _body(envelope, capabilities)
    if utf8:
        mail += " SMTPUTF8"
    if envelope.require_tls:
        mail += " REQUIRETLS"  # RFC 8689 §2
    if envelope.priority and "MT-PRIORITY" in capabilities:
        mail += f" MT-PRIORITY={envelope.priority}"  # RFC 6710
    dsn = "DSN" in capabilities
    if dsn:
        mail += f" RET={envelope.ret.value}" if envelope.ret else ""
        mail += f" ENVID={envelope.envid}" if envelope.envid else ""
    lines = [_recipient(one, utf8=utf8, dsn=dsn) for one in envelope.recipients]
    return f"{mail}\r\n".encode(), lines


def _body(envelope: Envelope, capabilities: Capabilities) -> str:
    if envelope.body is Body.BINARY:
        if "BINARYMIME" not in capabilities or "CHUNKING" not in capabilities:
            raise CannotSend("5.6.3", "The message is BINARYMIME, which the server does not take")  # RFC 3030 §3
        return " BODY=BINARYMIME"
    if not envelope.eight_bit:
        return ""
    if "8BITMIME" not in capabilities:
        # RFC 6152 §3: convert or return; to convert would break its signatures.
        raise CannotSend("5.6.3", "The message has 8-bit content, which the server does not take")
    return " BODY=8BITMIME"


def _needs_utf8(envelope: Envelope) -> bool:
    """Not what the sender's program announced, but whether something in it cannot be said otherwise."""
    locals_ = [one.address.local for one in envelope.recipients]
    if envelope.sender:
        locals_.append(envelope.sender.local)
    return not all(map(str.isascii, locals_)) or (envelope.smtputf8 and envelope.utf8_header)


def _written(address: EmailAddress, *, utf8: bool) -> str:
    if utf8 or address.domain.startswith("["):
        return str(address)
    try:
        return f"{address.local}@{ascii_name(address.domain)}"
    except ValueError:
        raise CannotSend("5.1.2", f"{address.domain} is not a domain name") from None


def _recipient(one: QueuedRecipient, *, utf8: bool, dsn: bool) -> bytes:
    line = f"RCPT TO:<{_written(one.address, utf8=utf8)}>"
    if dsn:
        if one.notify is not None:
            order = [wish.value for wish in Notify if wish in one.notify]
            line += f" NOTIFY={','.join(order)}" if order else ""
        line += f" ORCPT={one.orcpt}" if one.orcpt else ""
    return f"{line}\r\n".encode()


def transact(envelope: Envelope, capabilities: Capabilities, remote: str) -> Generator[Action, Reply, Outcome]:
    """One transaction. Never raises ``Lost``: what it means stands in the outcome.

    ``remote`` names the server in results.
    """
    told = _Told(remote, dsn="DSN" in capabilities)
    try:
        mail, lines = commands(envelope, capabilities)
    except CannotSend as wrong:
        return Outcome([told.ours(one, State.FAILED, wrong.status, str(wrong)) for one in envelope.recipients])
    try:
        return (yield from _exchange(envelope, told, mail, lines, pipelining="PIPELINING" in capabilities))
    except Lost as lost:
        settled = {result.recipient for result in told.results}
        for one in envelope.recipients:
            if one.address not in settled:
                told.results.append(told.ours(one, State.DEFERRED, "4.4.2", f"Connection lost: {lost}"))
        # Once the content is out the server may have taken it: another host would make a second copy likely.
        return Outcome(told.results, lost=True, elsewhere=not told.content_sent)


def _exchange(
    envelope: Envelope, told: "_Told", mail: bytes, lines: list[bytes], *, pipelining: bool
) -> Generator[Action, Reply, Outcome]:
    chunked = envelope.body is Body.BINARY
    if envelope.probe:
        return (yield from _probe(envelope, told, mail, lines))
    last = f"BDAT {envelope.size} LAST\r\n".encode() if chunked else b"DATA\r\n"
    together = pipelining and not chunked  # RFC 2920 §3.1: DATA may be the last of a group
    yield Send(b"".join([mail, *lines, last if together else b""]) if pipelining else mail)
    answer = yield Read(Phase.MAIL)
    if not answer.positive:
        told.all_refused(envelope.recipients, answer)
        if not pipelining:
            return told.outcome_of(answer)
    accepted, again = yield from _recipients(envelope, told, lines, refused=not answer.positive, ask=not pipelining)
    if not accepted and not together:
        return told.outcome_of(answer)
    outcome = yield from _content(envelope, told, accepted, last, sent=together, chunked=chunked)
    if not answer.positive:
        return replace(told.outcome_of(answer), lost=outcome.lost or answer.code == 421)
    return replace(outcome, again=again)


def _probe(envelope: Envelope, told: "_Told", mail: bytes, lines: list[bytes]) -> Generator[Action, Reply, Outcome]:
    """Only MAIL and RCPT. Whoever uses the connection next says RSET first. A refused sender says nothing of others."""
    yield Send(mail)
    answer = yield Read(Phase.MAIL)
    if not answer.positive:
        told.results = [told.ours(one, State.DEFERRED, "4.5.0", f"No answer: {answer}") for one in envelope.recipients]
        return told.outcome_of(answer)
    for one, line in zip(envelope.recipients, lines, strict=True):
        yield Send(line)
        told.results.append(told.theirs(one, (yield Read(Phase.RCPT))))
    return Outcome(told.results)


def _recipients(
    envelope: Envelope, told: "_Told", lines: list[bytes], *, refused: bool, ask: bool
) -> Generator[Action, Reply, tuple[list[QueuedRecipient], tuple[QueuedRecipient, ...]]]:
    """Those accepted, and those that were one too many. ``refused``: the sender was, so nothing is meant by replies."""
    accepted: list[QueuedRecipient] = []
    again: list[QueuedRecipient] = []
    for one, line in zip(envelope.recipients, lines, strict=True):
        if ask:
            yield Send(line)
        reply = yield Read(Phase.RCPT)
        if refused:
            continue
        if reply.positive:
            accepted.append(one)
        elif reply.code == _TOO_MANY and accepted:
            again.append(one)
        else:
            told.results.append(told.theirs(one, reply))
            if reply.code == 421 and ask:
                raise Lost(str(reply))
    return accepted, tuple(again)


def _content(  # noqa: PLR0913  (each is a plain fact)
    envelope: Envelope, told: "_Told", accepted: list[QueuedRecipient], last: bytes, *, sent: bool, chunked: bool
) -> Generator[Action, Reply, Outcome]:
    if not sent:
        yield Send(last)
    if not chunked:
        reply = yield Read(Phase.DATA)
        if reply.code != 354:
            told.results += [
                told.theirs(one, reply) if not reply.positive else told.senseless(one, reply) for one in accepted
            ]
            # 2yz to DATA is nonsense: nobody knows what the server waits for.
            return Outcome(told.results, lost=reply.code == 421 or reply.code < 400, elsewhere=reply.code == 421)
        if not accepted:  # RFC 2920 §3.1: it takes DATA although it took nobody
            yield Send(b".\r\n")
            yield Read(Phase.END)
            return Outcome(told.results)
    told.content_sent = True
    yield SendContent(dots=not chunked)
    closing = False
    if envelope.lmtp:
        for one in accepted:  # RFC 2033 §4.2: a reply for each
            reply = yield Read(Phase.END)
            told.results.append(told.theirs(one, reply))
            closing = closing or reply.code == 421
    else:
        reply = yield Read(Phase.END)
        told.results += [told.theirs(one, reply) for one in accepted]
        closing = reply.code == 421
    return Outcome(told.results, lost=closing)


@dataclass(slots=True)
class _Told:
    """Makes results."""

    remote: str
    dsn: bool
    results: list[RecipientResult]
    content_sent: bool = False

    def __init__(self, remote: str, *, dsn: bool) -> None:
        self.remote, self.dsn, self.results, self.content_sent = remote, dsn, [], False

    def theirs(self, one: QueuedRecipient, reply: Reply) -> RecipientResult:
        """What a reply means; one that makes no sense here defers."""
        if reply.positive:
            state, status = State.DELIVERED, reply.status or "2.0.0"
        elif reply.permanent:
            state, status = State.FAILED, reply.status or "5.0.0"
        else:
            state, status = State.DEFERRED, reply.status or ("4.0.0" if reply.code >= 400 else "4.5.0")
        return RecipientResult(one.address, state, status, str(reply), self.remote, dsn=self.dsn)

    def senseless(self, one: QueuedRecipient, reply: Reply) -> RecipientResult:
        """Whatever it meant to say, it is not this."""
        return self.ours(one, State.DEFERRED, "4.5.0", f"Senseless answer: {reply}")

    def ours(self, one: QueuedRecipient, state: State, status: str, text: str) -> RecipientResult:
        return RecipientResult(one.address, state, status, text, self.remote, dsn=self.dsn)

    def all_refused(self, recipients: tuple[QueuedRecipient, ...], reply: Reply) -> None:
        """The sender is refused, and with it everybody."""
        self.results = [self.theirs(one, reply) for one in recipients]

    def outcome_of(self, mail: Reply) -> Outcome:
        """When no content was wanted; ``mail`` is the reply to the sender."""
        deferred = not mail.positive and not mail.permanent
        return Outcome(self.results, lost=mail.code == 421, elsewhere=deferred)
