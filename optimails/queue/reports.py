"""Delivery status notifications: what the service writes to a sender (RFC 3464 in the frame of RFC 6522). Pure."""

import re
import secrets
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate

from optimails.queue.api import Report, Reported
from optimails.texts import text

_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_SUBJECTS = {"failed": "failed", "delayed": "delayed", "relayed": "relayed", "delivered": "delivered"}


def build(  # noqa: PLR0913  (each is a plain fact)
    report: Report, content: bytes, *, whole: bool, hostname: str, language: str, now: float
) -> bytes:
    """The notification as a message, lines ending with CR LF.

    ``content`` is the message it is about, or only its header (with ``whole`` False).
    """
    boundary = f"=_{secrets.token_hex(16)}"
    actions = {one.action for one in report.recipients}
    main = next(action for action in _SUBJECTS if action in actions)
    sender = f"{Header(text('smtp.notice.sender', language), 'utf-8').encode()} <postmaster@{_ascii(hostname)}>"
    before = [
        f"From: {sender}",
        f"To: <{report.sender}>",
        f"Subject: {Header(text(f'queue.report.subject.{main}', language), 'utf-8').encode()}",
        f"Date: {formatdate(now, localtime=True)}",
        f"Message-ID: <{secrets.token_hex(12)}@{_ascii(hostname)}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §5: nobody's vacation answers this
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        f"Content-Language: {language}",
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *_human(report, language),
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *_machine(report, hostname),
        f"--{boundary}",
        f"Content-Type: {'message/rfc822' if whole else 'text/rfc822-headers'}{_charset(content, whole=whole)}",
        f"Content-Transfer-Encoding: {'7bit' if content.isascii() else '8bit'}",
        "",
    ]
    end = b"" if content.endswith(b"\r\n") else b"\r\n"
    return _lines(before) + content + end + _lines([f"--{boundary}--"])


def _charset(content: bytes, *, whole: bool) -> str:
    return "" if whole or content.isascii() else "; charset=utf-8"


def _human(report: Report, language: str) -> list[str]:
    lines: list[str] = []
    for action in _SUBJECTS:
        concerned = [one for one in report.recipients if one.action == action]
        if not concerned:
            continue
        lines += ["", text(f"queue.report.intro.{action}", language, count=len(concerned)), ""]
        for one in concerned:
            lines.append(f"    {one.address}")
            lines += [f"        {line}" for line in _reason(one, language)]
    if any(one.action == "delayed" for one in report.recipients):
        until = max(one.expires for one in report.recipients if one.action == "delayed")
        lines += ["", text("queue.report.patience", language, date=formatdate(until, localtime=True))]
    return lines[1:]


def _reason(one: Reported, language: str) -> list[str]:
    lines = []
    if one.status == "4.4.7":
        lines.append(text("queue.report.expired", language))
    if one.reply:
        key = "queue.report.answer" if one.remote else "queue.report.reason"
        lines.append(text(key, language, remote=_line(one.remote), reply=_line(one.reply)))
    return lines


def _machine(report: Report, hostname: str) -> list[str]:
    lines = [f"Reporting-MTA: dns; {_ascii(hostname)}"]
    if report.envid:
        lines.append(f"Original-Envelope-Id: {_decoded(report.envid)}")  # RFC 3464 §2.2.1: without its xtext
    lines += [f"Arrival-Date: {formatdate(report.arrived, localtime=True)}", ""]
    for one in report.recipients:
        if one.orcpt:
            kind, _, address = one.orcpt.partition(";")
            lines.append(f"Original-Recipient: {_line(kind)}; {_decoded(address)}")
        lines += [f"Final-Recipient: {_typed(str(one.address))}", f"Action: {one.action}", f"Status: {one.status}"]
        if one.remote:
            lines.append(f"Remote-MTA: dns; {_ascii(one.remote)}")
        if one.reply:
            # RFC 3464 §2.3.6: only what a server said is "smtp"; X- types are free.
            lines.append(f"Diagnostic-Code: {'smtp' if one.remote else 'x-optimails'}; {_ascii(one.reply)}")
        lines.append(f"Last-Attempt-Date: {formatdate(one.attempted, localtime=True)}")
        if one.action == "delayed":
            lines.append(f"Will-Retry-Until: {formatdate(one.expires, localtime=True)}")
        lines.append("")
    return lines


def _typed(address: str) -> str:
    """RFC 6533 §3: an address beyond ASCII is of type utf-8 and written in ASCII."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in address)


def _decoded(xtext: str) -> str:
    """RFC 3461 §4: ``+2B`` is a plus. What is not printable then stays out."""
    return _ascii(_XTEXT.sub(lambda match: chr(int(match[1], 16)), xtext))


def _line(value: str) -> str:
    return _CONTROL.sub(" ", value)


def _ascii(value: str) -> str:
    return _line(value).encode("ascii", "replace").decode()


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
