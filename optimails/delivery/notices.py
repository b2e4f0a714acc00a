"""Mails the service itself writes: "your mailbox is getting full", and "your mail did not reach …" (RFC 3464)."""

import secrets
from collections.abc import Mapping
from email.header import Header
from email.utils import formatdate

from optimails.delivery.api import Failed
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.texts import text
from quota.usage import Usage

_TEXT = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
_REASONS = {
    "5.1.1": "unknown",
    "5.2.1": "closed",
    "5.2.2": "full",
    "5.2.3": "too_big",
    "5.7.1": "not_local",
    "5.7.2": "no_post",
}
_UNITS = ("bytes", "kilobytes", "megabytes", "gigabytes", "terabytes")


def quota_warning(account: Account, usage: Usage, threshold: int, hostname: str) -> bytes:
    """The mail to a user whose mailbox has just become ``threshold`` percent full, in the account's language."""
    language = account.language
    storage, messages = usage.limits.storage, usage.limits.messages
    lines = [text("smtp.warning.full" if threshold >= 100 else "smtp.warning.filling", language, percent=threshold), ""]
    if storage is not None:
        used, limit = amount(usage.storage, language), amount(storage, language)
        lines.append(text("smtp.warning.storage", language, used=used, limit=limit))
    if messages is not None:
        lines.append(text("smtp.warning.messages", language, used=usage.messages, limit=messages))
    lines += ["", text("smtp.warning.advice", language)]
    subject = text("smtp.warning.subject", language, percent=threshold)
    importance = "high" if threshold >= 90 else "normal"
    header = [*_header(account.address, language, hostname, subject), f"Importance: {importance}", *_TEXT]
    return _lines([*header, "", *lines])


def bounce(
    account: Account, sender: EmailAddress, failed: Mapping[EmailAddress, Failed], header: bytes, hostname: str
) -> bytes:
    """The delivery status notification to a local sender; ``header`` is that of the message it is about."""
    language = account.language
    boundary = f"=_{secrets.token_hex(16)}"
    before = [
        *_header(sender, language, hostname, text("smtp.bounce.subject", language)),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',  # RFC 6522
        "",
        f"--{boundary}",
        *_TEXT[1:],
        "",
        *_explanation(failed, language),
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *_status(failed, hostname),
        f"--{boundary}",
        f"Content-Type: text/rfc822-headers{'' if header.isascii() else '; charset=utf-8'}",
        f"Content-Transfer-Encoding: {'7bit' if header.isascii() else '8bit'}",
        "",
    ]
    return _lines(before) + header + _lines([f"--{boundary}--"])


def amount(size: int, language: str) -> str:
    """Bytes for people: ``1.5 GB``, ``1,5 Go``. Powers of 1000, as plans are sold."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    number = f"{value:.1f}".removesuffix(".0").replace(".", text("smtp.unit.point", language))
    return f"{number} {text(f'smtp.unit.{_UNITS[unit]}', language)}"


def _header(to: EmailAddress, language: str, hostname: str, subject: str) -> list[str]:
    return [
        "Return-Path: <>",
        f"Date: {formatdate(localtime=True)}",
        f"From: {_word(text('smtp.notice.sender', language))} <MAILER-DAEMON@{_ascii(hostname)}>",
        f"To: <{to}>",  # an address beyond ASCII stands there as it is (RFC 6532)
        f"Subject: {_word(subject)}",
        f"Message-ID: <{secrets.token_hex(12)}@{_ascii(hostname)}>",
        "Auto-Submitted: auto-generated",  # RFC 3834 §5
        f"Content-Language: {language}",
    ]


def _word(shown: str) -> str:
    """As it may stand in a header field (RFC 2047)."""
    return shown if shown.isascii() else Header(shown, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _ascii(hostname: str) -> str:
    try:
        return hostname.encode("idna").decode("ascii")
    except UnicodeError:
        return "localhost"


def _explanation(failed: Mapping[EmailAddress, Failed], language: str) -> list[str]:
    lines = [text("smtp.bounce.intro", language, count=len(failed)), ""]
    for recipient, why in failed.items():
        lines += [f"  {recipient}", f"    {reason(why, language)}", ""]
    return [*lines, text("smtp.bounce.others", language)]


def reason(why: Failed, language: str) -> str:
    """A failure in words for the person who wrote the message; the status code keeps it searchable."""
    key = _REASONS.get(why.status, "other")
    return f"{text(f'smtp.reason.{key}', language)} ({why.status})"


def _status(failed: Mapping[EmailAddress, Failed], hostname: str) -> list[str]:
    """RFC 3464 §2; an address beyond ASCII is written as RFC 6533 §3 says."""
    lines = [f"Reporting-MTA: dns; {_ascii(hostname)}", ""]
    for recipient, why in failed.items():
        address = str(recipient)
        kind = "rfc822" if address.isascii() else "utf-8"
        shown = "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in address)
        lines += [
            f"Final-Recipient: {kind}; {shown}",
            "Action: failed",
            f"Status: {why.status}",
            f"Diagnostic-Code: smtp; {550 if why.permanent else 450} {why.status} {why.text}",
            "",
        ]
    return lines
