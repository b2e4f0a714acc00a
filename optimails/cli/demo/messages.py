"""Turns ``messages.toml`` into messages as they would have come over the network."""

import html
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any

from optimails.cli.demo.files import attachment
from optimails.model.flags import Flag, flag

_POLICY = policy.SMTP  # CRLF, header lines folded at 78


@dataclass(frozen=True, slots=True)
class Copy:
    """One message in one mailbox; ``account`` is the short name of ``[people]``."""

    account: str
    mailbox: str
    flags: frozenset[Flag]
    date: datetime
    content: bytes


def copies(now: datetime) -> Iterator[Copy]:
    """Every message in every mailbox it lies in, oldest first. ``now`` is aware."""
    book = tomllib.loads((Path(__file__).parent / "messages.toml").read_text("utf-8"))
    threads: dict[str, list[tuple[str, str]]] = {}
    entries = sorted(enumerate(book["message"]), key=lambda item: (-item[1]["days"], item[1]["at"]))
    for number, entry in entries:
        date = _date(entry, now)
        content = _message(number, entry, book["people"], date, threads)
        for box in entry["boxes"]:
            account, mailbox, names = box.split(":")
            flags = frozenset(flag("\\" + name.capitalize()) for name in names.split())
            yield Copy(account, mailbox, flags, date, content)


def _date(entry: dict[str, Any], now: datetime) -> datetime:
    hour, minute = map(int, entry["at"].split(":"))
    date = (now - timedelta(days=entry["days"])).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return min(date, now)


def _message(
    number: int,
    entry: dict[str, Any],
    people: dict[str, str],
    date: datetime,
    threads: dict[str, list[tuple[str, str]]],
) -> bytes:
    message = EmailMessage(_POLICY)
    identity = f"<{date:%Y%m%d}.{number}@{parseaddr(people[entry['from']])[1].rpartition('@')[2]}>"
    earlier = threads.setdefault(entry["thread"], []) if "thread" in entry else []
    subject = entry["subject"] if "subject" in entry else f"Re: {earlier[0][1]}"
    message["Message-ID"] = identity
    message["Date"] = format_datetime(date)
    message["From"] = _address(people[entry["from"]])
    message["To"] = [_address(people[name]) for name in entry["to"]]
    if "cc" in entry:
        message["Cc"] = [_address(people[name]) for name in entry["cc"]]
    message["Subject"] = subject
    if earlier:
        message["In-Reply-To"] = earlier[-1][0]
        message["References"] = " ".join(known for known, _ in earlier)
    earlier.append((identity, subject))
    _body(message, entry, subject)
    for name in entry.get("files", ()):
        data, maintype, subtype = attachment(name, date)
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def _body(message: EmailMessage, entry: dict[str, Any], subject: str) -> None:
    text = entry["text"].strip() + "\n"
    if entry.get("html") != "only":
        message.set_content(text)
    if "html" in entry:
        paragraphs = "\n".join(
            f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in text.strip().split("\n\n")
        )
        page = f"<html><head><title>{html.escape(subject)}</title></head>\n<body>\n{paragraphs}\n</body></html>\n"
        if entry["html"] == "only":
            message.set_content(page, subtype="html")
        else:
            message.add_alternative(page, subtype="html")


def _address(written: str) -> Address:
    name, address = parseaddr(written)
    return Address(name, addr_spec=address)
