"""An iTIP message as a mail (RFC 6047). Pure.

**The form** is the one that mail programs agree on: the calendar text is one of the alternatives, with its method, so
that Outlook and Gmail show buttons; and it is attached once more, as a file, for programs that know only files. As an
attachment it has a type of its own, else Outlook would see two invitations. Base64 keeps its lines as they are on the
way through servers that fold and wrap.

**The sender** is the organizer or attendee in whose name the message speaks: calendars compare From with that (RFC 6047
§3). Who did it for somebody else stands in Sender, as in any mail.

**No Auto-Submitted** for what a person has done: an invitation, or an answer to one, is no automatic message, though a
program wrote its words, and whoever is away may say so (RFC 3834 §2 is about messages without a person behind them).
Answers of rooms and reminders carry it.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from html import escape

from optimails.delivery.arrival import shown
from optimails.delivery.calendars.summary import Summary
from optimails.lists.header import phrase, words
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.texts import text

ATTACHED = "invite.ics"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in a header field."""

    address: EmailAddress
    name: str = ""

    def field(self) -> bytes:
        address = shown(self.address, smtputf8=False)
        return b"%b <%b>" % (phrase(self.name), address) if self.name else b"<%b>" % address


@dataclass(frozen=True, slots=True)
class Letter:
    """Who writes to whom; ``key`` makes its Message-ID, so that the same letter is the same whenever it is written."""

    key: str
    sender: Party
    recipients: tuple[Party, ...]
    language: str
    behalf: Party | None = None  # who wrote it in the sender's name
    automatic: str = ""  # the value of Auto-Submitted
    extra: tuple[bytes, ...] = ()  # further fields


def message_id(key: str, domain: str) -> str:
    """With its angle brackets."""
    return f"<{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}@{_domain(domain)}>"


def invitation(letter: Letter, said: Summary, method: str, itip: bytes, now: float) -> tuple[bytes, bytes]:
    """Header (without the empty line) and body of the whole mail."""
    outer, inner = (f"=_{hashlib.blake2b(f'{letter.key} {n}'.encode(), digest_size=12).hexdigest()}" for n in (1, 2))
    header = [*head(letter, said.subject, now), f'Content-Type: multipart/mixed; boundary="{outer}"'.encode()]
    body = [
        f"--{outer}",
        f'Content-Type: multipart/alternative; boundary="{inner}"',
        "",
        *_words(inner, said, letter.language),
        f"--{inner}",
        *_encoded(f"text/calendar; charset=utf-8; method={method}", itip),  # RFC 6047 §2.4
        f"--{inner}--",
        f"--{outer}",
        *_encoded(f'application/ics; name="{ATTACHED}"', itip, f'attachment; filename="{ATTACHED}"'),
        f"--{outer}--",
    ]
    return _joined(header), "".join(f"{line}\r\n" for line in body).encode()


def notice(letter: Letter, said: Summary, now: float) -> tuple[bytes, bytes]:
    """The same for a mail in words alone."""
    boundary = f"=_{hashlib.blake2b(letter.key.encode(), digest_size=12).hexdigest()}"
    content_type = f'Content-Type: multipart/alternative; boundary="{boundary}"'.encode()
    body = [*_words(boundary, said, letter.language), f"--{boundary}--"]
    return _joined([*head(letter, said.subject, now), content_type]), "".join(f"{line}\r\n" for line in body).encode()


def _words(boundary: str, said: Summary, language: str) -> Sequence[str]:
    """As plain text and as a page."""
    return [
        f"--{boundary}",
        *_encoded("text/plain; charset=utf-8", plain(said, language).encode("utf-8", "replace")),
        f"--{boundary}",
        *_encoded("text/html; charset=utf-8", html(said, language).encode("utf-8", "replace")),
    ]


def _joined(fields: Sequence[bytes]) -> bytes:
    return b"".join(field + b"\r\n" for field in fields)


def head(letter: Letter, subject: str, now: float) -> list[bytes]:
    """The fields of any mail of ours about calendars, apart from its content's type."""
    fields = [
        b"From: " + letter.sender.field(),
        b"To: " + b",\r\n ".join(party.field() for party in letter.recipients),
        b"Subject: " + words(subject),
        b"Date: " + formatdate(now, localtime=True).encode(),
        b"Message-ID: " + message_id(letter.key, letter.sender.address.domain).encode(),
        b"MIME-Version: 1.0",
        b"Content-Language: " + letter.language.encode(),
    ]
    if letter.behalf is not None:
        fields.insert(1, b"Sender: " + letter.behalf.field())
    if letter.automatic:
        fields.append(b"Auto-Submitted: " + letter.automatic.encode())
    return fields + list(letter.extra)


def plain(said: Summary, language: str) -> str:
    """As text."""
    lines = [said.headline, ""]
    for one in said.lines:
        lines.append(text("invitation.line", language, label=one.label, value=one.value))
        if one.before:
            lines.append("    " + text("invitation.before", language, value=one.before))
    for more in (said.note, said.description):
        if more:
            lines += ["", *more.splitlines()]
    return "\r\n".join(lines) + "\r\n"


def html(said: Summary, language: str) -> str:
    """As a page without anything that would have to be fetched."""
    rows = "".join(
        f'<tr><td style="padding:4px 16px 4px 0;color:#555;vertical-align:top">{escape(one.label)}</td>'
        f'<td style="padding:4px 0">{_changed(one.value, one.before, language)}</td></tr>\r\n'
        for one in said.lines
    )
    more = "".join(
        f'<p style="white-space:pre-wrap">{escape(part)}</p>\r\n' for part in (said.note, said.description) if part
    )
    return (
        f'<!DOCTYPE html>\r\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{escape(said.subject)}</title></head>\r\n"
        '<body style="font-family:sans-serif;font-size:15px;color:#111">\r\n'
        f"<p>{escape(said.headline)}</p>\r\n<table>\r\n{rows}</table>\r\n{more}</body></html>\r\n"
    )


def _changed(value: str, before: str, language: str) -> str:
    if not before:
        return escape(value)
    was = escape(text("invitation.before", language, value=before))
    return f'<strong>{escape(value)}</strong><br><span style="color:#777">{was}</span>'


def _encoded(content_type: str, content: bytes, disposition: str = "") -> Sequence[str]:
    """A part in base64."""
    more = [f"Content-Disposition: {disposition}"] if disposition else []
    encoded = base64.encodebytes(content).decode().split()
    return [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", *more, "", *encoded]


def _domain(domain: str) -> str:
    try:
        return ascii_name(domain).strip("[]")
    except ValueError:
        return "localhost"
