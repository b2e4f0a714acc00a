"""What the server writes on top of a message: the Received line, and for submission what the client left out."""

import re
import secrets
import time
from email.utils import formatdate

from smtp.session.door import Door, Peer
from smtp.session.transaction import Transaction
from smtp.wire.commands import Greeting

_RECEIVED = b"\r\nreceived:"
_HAS_DATE = re.compile(rb"(?:\A|\n)date[ \t]*:", re.IGNORECASE)
_HAS_MESSAGE_ID = re.compile(rb"(?:\A|\n)message-id[ \t]*:", re.IGNORECASE)

_date_now = (0, "")


def now() -> str:
    """The date as header fields write it (RFC 5322 §3.3); made once a second."""
    global _date_now  # noqa: PLW0603  (a memo)
    second = int(time.time())
    if _date_now[0] != second:
        _date_now = (second, formatdate(second, localtime=True))
    return _date_now[1]


def with_protocol(greeting: Greeting | None, *, tls: bool, authenticated: bool, smtputf8: bool) -> str:
    """The registered name of what was spoken (RFC 3848, RFC 6531 §4.3)."""
    if greeting is Greeting.HELO or greeting is None:
        return "SMTP"
    base = "LMTP" if greeting is Greeting.LHLO else "SMTP" if smtputf8 else "ESMTP"
    return f"{'UTF8' if smtputf8 else ''}{base}{'S' if tls else ''}{'A' if authenticated else ''}"


def received(  # noqa: PLR0913  (each is a plain fact)
    door: Door, peer: Peer, transaction: Transaction, *, hello: str, protocol: str, identifier: str
) -> bytes:
    """The trace line (RFC 5321 §4.4). ``for`` only with one recipient: others are not to learn of each other."""
    if door.submission and not door.settings.show_client_address:
        origin = "localhost (authenticated user)"
    else:
        origin = f"{hello or 'unknown'} ({peer.literal})"
    recipients = transaction.recipients
    named = f"\r\n\tfor <{recipients[0]}>" if len(recipients) == 1 else ""
    return (
        f"Received: from {origin}\r\n\tby {door.hostname} with {protocol} id {identifier}{named};\r\n\t{now()}\r\n"
    ).encode()


def hops(head: bytes) -> int:
    """How many Received lines the header has (RFC 5321 §6.3)."""
    end = head.find(b"\r\n\r\n")
    header = (head if end < 0 else head[:end]).lower()
    return header.count(_RECEIVED) + header.startswith(_RECEIVED[2:])


def completed(header: bytes, hostname: str) -> bytes:
    """Date and Message-ID, when the message has none (RFC 6409 §8.1, §8.2)."""
    added = ""
    if not _HAS_MESSAGE_ID.search(header):
        added += f"Message-ID: <{secrets.token_hex(12)}@{hostname}>\r\n"
    if not _HAS_DATE.search(header):
        added += f"Date: {now()}\r\n"
    return added.encode()
