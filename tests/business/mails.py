"""Business mail of many kinds, as plain text, as a designed HTML page, and with a file: see texts.toml.

None of it is spam, and none of it was learnt from: the filter must let all of it pass.
"""

import html
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

FORMS = ("plain", "designed", "with file")
_START = datetime(2026, 11, 16, 8, 2, 11, tzinfo=UTC)
_SENDERS = {
    "fr": (
        ("Hélène Lenoir", "h.lenoir@menuiserie-lenoir.example"),
        ("Service client", "service-client@telecom-durance.example"),
        ("Bureau Facile", "bonjour@bureau-facile.example"),
        ("Nadia Ferrand", "nadia.ferrand@orange.example"),
        ("Cabinet Astier", "lettre@cabinet-astier.example"),
        ("SARL Vial & Fils", "contact@garage-vial.example"),
    ),
    "en": (
        ("Accounts, Harbour Print", "accounts@harbour-print.example"),
        ("Westbridge Hosting", "no-reply@westbridge-hosting.example"),
        ("Sophie Grant", "sgrant@alderson.example"),
        ("Northfell", "hello@mail.northfell.example"),
        ("Tom Becker", "tom.becker@northgate.example"),
        ("Dr. R. Ellison", "ruth.ellison@ellison-claims.example"),
    ),
}
_RECIPIENTS = {"fr": ("Claire Martin", "claire.martin@demo.test"), "en": ("James Walker", "james.walker@demo.test")}
_PROGRAMS = (
    "Microsoft Outlook 16.0", "Mozilla Thunderbird", "Apple Mail (2.3774.600.62)", "",
    "PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)", "",
)  # fmt: skip
_LINK = re.compile(r"https://\S+")
_PDF = b"%PDF-1.7\n" + bytes(range(32, 127)) * 30 + b"\n%%EOF\n"


@dataclass(frozen=True, slots=True)
class Mail:
    name: str  # for the test's id
    kind: str
    language: str
    raw: bytes


def mails() -> Iterator[Mail]:
    """All of them, the same every time."""
    texts = tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))["mail"]
    for number, text in enumerate(texts):
        for form in FORMS:
            raw = _built(number, text, form).as_bytes()
            yield Mail(f"{number:02}-{text['kind']}-{text['lang']}-{form}", text["kind"], text["lang"], raw)


def _built(number: int, text: dict, form: str) -> EmailMessage:
    language, bulk = text["lang"], text.get("bulk", False)
    name, address = _SENDERS[language][(number + FORMS.index(form)) % 6]
    domain = address.partition("@")[2]
    mail = EmailMessage()
    when = _START + timedelta(hours=5 * number, minutes=7 * FORMS.index(form))
    mail["Received"] = (
        f"from smtp.{domain} (smtp.{domain} [198.51.100.{number + 1}]) by mx.demo.test with ESMTPS id Q{number:04}; "
        f"{format_datetime(when)}"
    )
    mail["From"] = f'"{name}" <{address}>'
    to_name, to_address = _RECIPIENTS[language]
    mail["To"] = to_address if bulk else f"{to_name} <{to_address}>"
    mail["Subject"] = text["subject"]
    mail["Date"] = format_datetime(when)
    mail["Message-ID"] = f"<{number:02}{FORMS.index(form)}.{when:%Y%m%d%H%M%S}@{domain}>"
    if text.get("reply"):
        mail["In-Reply-To"] = f"<{number}.20261115@demo.test>"
        mail["References"] = mail["In-Reply-To"]
    if bulk:
        mail["List-Unsubscribe"] = f"<https://{domain}/u/{number}>, <mailto:leave-{number}@{domain}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    elif program := _PROGRAMS[number % 6]:
        mail["X-Mailer"] = program
    body = text["body"].strip() + "\n"
    mail.set_content(body, cte="quoted-printable" if number % 2 else "8bit")
    if form == "designed":
        mail.add_alternative(_page(body, domain, number), subtype="html")
    elif form == "with file":
        _add_file(mail, text, number)
    return mail


def _page(body: str, domain: str, number: int) -> str:
    """What the designers of such mail make of it: tables, a logo, a button, a pixel, a line in small print."""
    paragraphs = []
    for paragraph in body.strip().split("\n\n"):
        shown = html.escape(paragraph, quote=False).replace("\n", "<br>\n")
        linked = _LINK.sub(
            lambda found: (
                f'<a href="https://click.{domain}/c?u={number}&amp;t=9f2" style="background:#1a6;color:#fff;'
                'padding:10px 18px;border-radius:4px;text-decoration:none">&rarr;&nbsp;Web</a>'
            ),
            shown,
        )
        paragraphs.append(f'<p style="margin:0 0 14px;font-family:Arial,sans-serif;font-size:15px">{linked}</p>')
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><style>td{padding:0}</style></head>'
        '<body bgcolor="#f4f4f4"><div style="display:none;max-height:0">&nbsp;</div>'
        '<table width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">'
        '<table width="600" bgcolor="#ffffff" cellpadding="20"><tr><td>'
        f'<img src="https://cdn.{domain}/logo.png" width="140" alt="Logo"><br>\n{"".join(paragraphs)}'
        f'</td></tr><tr><td align="center"><font color="#888888" size="1">&copy; 2026 {domain}</font>'
        f'<img src="https://click.{domain}/o/{number}.gif" width="1" height="1" alt=""></td></tr></table>'
        "</td></tr></table></body></html>\n"
    )


def _add_file(mail: EmailMessage, text: dict, number: int) -> None:
    """A PDF, a calendar entry or a table, as the kind of mail wants."""
    if text["kind"] == "invitation":
        event = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
            f"UID:{number}@demo.test\r\nDTSTAMP:20261116T080000Z\r\nDTSTART:20261210T090000Z\r\n"
            f"SUMMARY:{text['subject']}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        mail.add_attachment(event.encode(), "text", "calendar", filename="invite.ics")
    elif text["kind"] in ("notice", "reply"):
        mail.add_attachment(b"jour;montant\r\n16;120\r\n17;98\r\n" * 20, "text", "csv", filename="tableau.csv")
    else:
        mail.add_attachment(_PDF, "application", "pdf", filename=f"{text['kind']}-{number:03}.pdf")
