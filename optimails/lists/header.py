"""The header of a post as the list sends it on. Pure.

The same post gives the same bytes, so that a repeated delivery is recognised as one.

What the list writes: its List- fields (RFC 2369, RFC 2919), ``Precedence: list`` against answering machines of old, the
mark against loops; by its settings the subject tag, Reply-To, and itself in From. How to leave is each member's own
(``unsubscribe``). What it takes away: the List- fields
of whatever list was before it, and requests for receipts, which a thousand members would send.
"""

import re
from email.header import Header
from urllib.parse import quote

from optimails.dkim.canonical import fields
from optimails.lists.policy import LOOP_MARK, list_id
from optimails.mime import decode_header, parse_addresses
from optimails.mime.header import unfolded
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.model.errors import BadSyntax
from optimails.model.mailing_list import LEAVE, OWNER, MailingList, Posting, ReplyTo

_DROPPED = frozenset(
    b"list-id list-help list-subscribe list-unsubscribe list-unsubscribe-post list-post list-owner list-archive "
    b"precedence return-path errors-to disposition-notification-to disposition-notification-options "
    b"return-receipt-to x-confirm-reading-to return-receipt-requested".split()
)
_REPLY = re.compile(r"(?:(?:re|aw|sv|r[eé]f?|fwd?|tr|wg)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
MAX_REPLY_TO = 900


def rewritten(header: bytes, of: MailingList, *, replace_from: bool) -> bytes:
    """The new header without the empty line, for a ``header`` whose lines end with CR LF; ``replace_from``: the list
    stands in From."""
    kept = [(name, field) for name, field in fields(header) if name not in _DROPPED]
    values: dict[bytes, bytes] = {}
    for name, field in kept:
        values.setdefault(name, unfolded(field.partition(b":")[2]))
    answers = _answers(of, values, replace_from=replace_from)
    out = _own(of)
    for name, field in kept:
        if name == b"subject" and of.subject_tag:
            out.append(_subject(of.subject_tag, values[name]) or field)
        elif name == b"from" and replace_from:
            out += [_from(of, values[name]), b"X-Original-" + field.lstrip()]
        elif name != b"reply-to" or answers is None:
            out.append(field)
    if of.subject_tag and b"subject" not in values:
        out.append(_subject(of.subject_tag, b"") or b"")
    if answers is not None:
        out.append(b"Reply-To: %b\r\n" % answers)
    return b"".join(out)


def unsubscribe(of: MailingList, link: str = "") -> bytes:
    """How to leave, to stand above the header; ``link`` is the member's own (RFC 8058). Nothing where nobody may."""
    if not of.leave:
        return b""
    mail = b"<mailto:%b?subject=unsubscribe>" % _url(_ascii(of.tagged(LEAVE)))
    if not link:
        return b"List-Unsubscribe: %b\r\n" % mail
    one_click = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return b"List-Unsubscribe: <%b>,\r\n %b\r\n%b" % (link.encode(), mail, one_click)


def author(header: bytes) -> EmailAddress | None:
    """The one address in From, if there is one that is usable."""
    for name, field in fields(header):
        if name == b"from":
            for one in parse_addresses(unfolded(field.partition(b":")[2])):
                if one.mailbox and one.host:
                    try:
                        return EmailAddress.parse(f"{one.mailbox.decode()}@{one.host.decode()}")
                    except (BadSyntax, UnicodeDecodeError):
                        return None
    return None


def shown(header: bytes, name: bytes, limit: int = 200) -> str:
    """A field's text on one line, for people."""
    for found, field in fields(header):
        if found == name:
            text = decode_header(unfolded(field.partition(b":")[2]))
            return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit]
    return ""


def _own(of: MailingList) -> list[bytes]:
    address = _ascii(of.address)
    words = phrase(of.title)
    lines = [
        b"List-Id: %b <%b>" % (words, list_id(of)),
        b"List-Post: <mailto:%b>" % _url(address) if of.posting is not Posting.OWNERS else b"List-Post: NO",  # §3.4
        b"List-Owner: <mailto:%b>" % _url(_ascii(of.tagged(OWNER))),
        b"List-Help: <mailto:%b?subject=help>" % _url(_ascii(of.tagged(OWNER))),
    ]
    lines += [b"Precedence: list", b"%b: %b" % (LOOP_MARK, of.key.encode())]
    return [line + b"\r\n" for line in lines]


def _answers(of: MailingList, values: dict[bytes, bytes], *, replace_from: bool) -> bytes | None:
    """The new Reply-To; None leaves what is there."""
    if of.reply_to is ReplyTo.LIST:
        return b"%b <%b>" % (phrase(of.title), _ascii(of.address).encode())
    original = values.get(b"reply-to") or values.get(b"from", b"")
    if of.reply_to is ReplyTo.SENDER:
        return values.get(b"from", b"")[:MAX_REPLY_TO] or None
    return original[:MAX_REPLY_TO] or None if replace_from and b"reply-to" not in values else None


def _from(of: MailingList, original: bytes) -> bytes:
    """The list, with the author's name: ``Anna (Sales) <sales@…>``."""
    found = parse_addresses(original)
    name = ""
    if found:
        name = decode_header(found[0].name or found[0].mailbox or b"")
    return b"From: %b <%b>\r\n" % (phrase(f"{name} ({of.title})" if name else of.title), _ascii(of.address).encode())


def _subject(tag: str, original: bytes) -> bytes | None:
    """With the tag, behind "Re:" and its like; None: it has the tag already."""
    text = decode_header(original)
    mark = f"[{tag}]"
    if mark.lower() in text.lower():
        return None
    reply = _REPLY.match(text)
    start = reply.end() if reply else 0
    return b"Subject: %b\r\n" % words(f"{text[:start]}{mark} {text[start:]}".strip())


def words(text: str) -> bytes:
    """As it may stand in a header field (RFC 2047), folded."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if clean.isascii() and len(clean) < 900:
        return clean.encode()
    return Header(clean.encode("utf-8", "replace").decode(), "utf-8", maxlinelen=75).encode(linesep="\r\n").encode()


def phrase(text: str) -> bytes:
    """A name before an address (RFC 5322 §3.2.5)."""
    clean = "".join(c for c in text if c.isprintable() and c not in '"\\')
    return b'"%b"' % clean.encode() if clean.isascii() else words(clean)


def _ascii(address: EmailAddress) -> str:
    return f"{address.local}@{ascii_name(address.domain)}"


def _url(address: str) -> bytes:
    """In a mailto URL (RFC 6068 §2)."""
    return quote(address, safe="@").encode()
