"""HELO, EHLO, LHLO: what we offer; and STARTTLS."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from optimails.config import Protocol
from optimails.door import sasl
from smtp.session import neighbours
from smtp.session.envelope import MIN_BY, longest_hold
from smtp.session.states import State
from smtp.wire import replies
from smtp.wire.commands import Greeting, Hello, StartTls

if TYPE_CHECKING:
    from smtp.session.session import Session

_WRONG_HELLO = replies.reply(500, "5.5.1", "This listener speaks LMTP: say LHLO")  # RFC 2033 §4.1
_NOT_LMTP = replies.reply(500, "5.5.1", "This listener does not speak LMTP")
_NO_TLS = replies.reply(502, "5.5.1", "TLS is not offered here")
_HAS_TLS = replies.reply(503, "5.5.1", "TLS is active already")


async def hello(session: "Session", command: Hello) -> None:
    """The client names itself, and hears what we can do."""
    lmtp = session.door.lmtp
    if (command.greeting is Greeting.LHLO) != lmtp:
        session.refuse(_WRONG_HELLO if lmtp else _NOT_LMTP)
        return
    session.reset(State.READY)
    session.filtered = {}
    session.greeting = command.greeting
    session.hello = session.peer.hello or command.name
    if command.greeting is Greeting.HELO:
        session.answer(replies.plain(250, session.door.hostname))
        return
    session.answer(replies.plain(250, session.door.hostname, *_capabilities(session)))


def may_authenticate(session: "Session") -> bool:
    """Whether a password may be asked for now: on submission, once nobody can listen."""
    protected = session.tls or session.peer.loopback or session.door.settings.allow_plaintext
    return session.door.submission and protected


def _capabilities(session: "Session") -> list[str]:
    settings = session.door.settings
    lines = [
        "PIPELINING",  # RFC 2920
        f"SIZE {settings.max_message_size}",  # RFC 1870
        "8BITMIME",  # RFC 6152
        "SMTPUTF8",  # RFC 6531
        "CHUNKING",  # RFC 3030
        "BINARYMIME",  # the same
        "ENHANCEDSTATUSCODES",  # RFC 2034
    ]
    limits = f"RCPTMAX={settings.max_recipients}"
    if not session.door.lmtp:
        limits = f"MAILMAX={settings.max_messages_per_connection} {limits}"
    lines.append(f"LIMITS {limits}")  # RFC 9422
    if not session.door.lmtp:
        lines.append("DSN")  # RFC 3461
        if session.tls:
            lines.append("REQUIRETLS")  # RFC 8689 §2: only where TLS protects the connection
    if session.door.protocol is Protocol.SMTP and session.door.delivery.may_ask_for(session.peer.address):
        lines.append("ETRN")  # RFC 1985
    if session.door.submission:
        lines += [f"DELIVERBY {MIN_BY}", "MT-PRIORITY MIXER"]  # RFC 2852, RFC 6710
        longest = longest_hold(session)
        if longest:
            lines.append(f"FUTURERELEASE {longest} {_moment(time.time() + longest)}")  # RFC 4865 §4
    if session.door.starttls and not session.tls:
        lines.append("STARTTLS")
    if may_authenticate(session) and session.account is None:
        lines.append(f"AUTH {' '.join(sasl.offered(scram=session.door.login.scram))}")
    return lines + neighbours.offered(session)


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def start_tls(session: "Session", _: StartTls) -> None:
    """RFC 3207. The owner of the session does the rest, and then calls ``tls_started``."""
    if session.tls:
        session.refuse(_HAS_TLS)
    elif not session.door.starttls:
        session.refuse(_NO_TLS)
    else:
        session.answer(replies.READY_FOR_TLS)
        session.wants_tls = True
