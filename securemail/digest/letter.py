"""The digest as a mail: one line for each message that is kept, plain and as HTML, in its reader's language."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape

from optimails.model.address import EmailAddress
from optimails.texts import text

MAX_LINES = 200  # messages that one digest names


@dataclass(frozen=True, slots=True)
class Line:
    """One message."""

    sender: str
    subject: str
    arrived: float  # Unix seconds
    zone: str
    link: str


def digest(reader: EmailAddress, lines: Sequence[Line], count: int, days: int, language: str) -> bytes:
    """``count`` messages are kept in all, each for ``days``; ``lines`` are the new ones."""

    def say(key: str, **values: object) -> str:
        return text(f"filter.digest.{key}", language, **values)

    mail = EmailMessage()
    mail["From"] = f'"{text("filter.notice.name", language)}" <postmaster@{reader.domain}>'
    mail["To"] = str(reader)
    mail["Subject"] = say("subject", count=len(lines))
    mail["Date"] = formatdate(time.time(), localtime=True)
    mail["Message-ID"] = make_msgid(domain=reader.domain)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
    intro, rest = say("intro", address=str(reader), count=count, days=days), len(lines) - MAX_LINES
    shown = lines[:MAX_LINES]
    plain = [intro, ""]
    for one in shown:
        plain += [
            f"{formatdate(one.arrived, localtime=True)}  {_plain(one.sender)}",
            f"  {_plain(one.subject) or say('no_subject')}  [{_plain(one.zone)}]",
            f"  {one.link}",
            "",
        ]
    more = [say("more", count=rest)] if rest > 0 else []
    mail.set_content("\n".join([*plain, *more, say("how")]) + "\n")
    rows = "".join(_row(one, say("decide"), say("no_subject")) for one in shown)
    mail.add_alternative(
        f'<!doctype html><html lang="{language}"><body style="font-family:sans-serif">'
        f"<p>{escape(intro)}</p><table cellpadding='6' style='border-collapse:collapse'>{rows}</table>"
        f"<p>{escape(' '.join([*more, say('how')]))}</p></body></html>",
        subtype="html",
    )
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _row(line: Line, decide: str, none: str) -> str:
    cells = (
        escape(formatdate(line.arrived, localtime=True)),
        escape(_plain(line.sender)),
        escape(_plain(line.subject) or none),
        escape(_plain(line.zone)),
        f'<a href="{escape(line.link)}">{escape(decide)}</a>',
    )
    return "<tr style='border-top:1px solid #ccc'>" + "".join(f"<td>{one}</td>" for one in cells) + "</tr>"


def _plain(value: str) -> str:
    """One line, whatever a stranger wrote; marks that turn a line around are left out."""
    turned = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return "".join(one if one.isprintable() and one not in turned else " " for one in value)[:120].strip()
