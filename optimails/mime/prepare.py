"""What is kept of each message beside it, rendered once at delivery, so that listing a mailbox opens no file."""

from dataclasses import dataclass
from datetime import date

from optimails.mime.buffer import Buffer
from optimails.mime.dates import parse_date
from optimails.mime.envelope import render_envelope
from optimails.mime.header import body_start, collect, split_fields, with_crlf
from optimails.mime.limits import HEADER_LIMIT, PREPARED_LIMIT
from optimails.mime.scan import Scanner
from optimails.mime.structure import full_structure

PREPARED_FIELDS = frozenset(
    b"""
    from to cc bcc subject date message-id in-reply-to references reply-to sender
    priority x-priority importance x-msmail-priority newsgroups lines
    content-type content-transfer-encoding content-disposition content-id content-description content-language
    content-location content-md5 content-class mime-version
    list-id list-post list-unsubscribe list-unsubscribe-post list-help list-subscribe list-archive list-owner
    mailing-list x-mailing-list precedence auto-submitted
    delivered-to x-original-to envelope-to return-path
    resent-from resent-to resent-cc resent-bcc resent-date resent-sender resent-message-id resent-reply-to
    x-spam-flag x-spam-status x-spam-score x-spam-level x-spam
    disposition-notification-to return-receipt-to mail-followup-to mail-reply-to
    user-agent x-mailer organization x-label keywords comments x-status status x-evolution x-evolution-source
    x-tuid x-offlineimap x-k9mail-identity x-identity-key x-account-key x-draft-info x-mozilla-status
    x-mozilla-draft-info x-forwarded-message-id x-uniform-type-identifier x-universally-unique-identifier
    bimi-indicator bimi-location x-bimi-indicator-hash authentication-results dkim-signature received-spf
    chat-version chat-group-id chat-disposition-notification-to autocrypt-setup-message secure-join
    x-microsoft-original-message-id thread-topic thread-index x-ms-has-attach x-auto-response-suppress
    """.split()
)
"""Lower-case names of the fields in ``Prepared.headers``: what Thunderbird, Apple Mail (which asks for signatures),
Outlook, mutt, Evolution, K-9, Delta Chat, Roundcube, mbsync and offlineimap ask for in lists of messages."""


@dataclass(frozen=True, slots=True)
class Prepared:
    envelope: bytes  # ENVELOPE, with its parentheses
    structure: bytes  # BODYSTRUCTURE with extension data, with its parentheses
    headers: bytes  # fields of PREPARED_FIELDS as in the message, in order, each with CRLF; no empty line
    headers_complete: bool  # False: some did not fit, the message itself must be read for any header
    sent: int | None  # the Date field in Unix seconds
    sent_day: date | None  # the day written there, whatever the zone
    header_size: int  # bytes of the header, the empty line included: where the body begins


def prepare(message: Buffer) -> Prepared:
    """All of it in one pass. Takes bytes or a memory map; never fails."""
    size = len(message)
    body = body_start(message, 0, size)
    complete = body <= HEADER_LIMIT
    kept: list[bytes] = []
    pairs: list[tuple[bytes, bytes]] = []
    for line, written, value in split_fields(message[0 : min(body, HEADER_LIMIT)]):
        name = written.lower()
        if name in PREPARED_FIELDS:
            kept.append(line)
            pairs.append((name, value))
    fields = collect(pairs)
    headers = with_crlf(b"\n".join(kept))
    if len(headers) > PREPARED_LIMIT:
        headers, complete = headers[: headers.rfind(b"\n", 0, PREPARED_LIMIT) + 1], False
    sent = parse_date(fields[b"date"]) if b"date" in fields else None
    part = Scanner(message).described(fields, (0, body, size), 0)
    return Prepared(
        render_envelope(fields),
        full_structure(part, message),
        headers,
        complete,
        sent.seconds if sent else None,
        sent.day if sent else None,
        body,
    )
