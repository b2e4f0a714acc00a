"""What a list writes to people: moderators, owners, posters, members; in the list's language. Pure.

All of it says that a machine wrote it (RFC 3834 §5), and goes out with the null sender: nothing answers it by itself.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate

from optimails.lists.api import Post
from optimails.lists.header import phrase, words
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.model.mailing_list import OWNER, MailingList
from optimails.texts import text

MAX_ATTACHED = 65_536  # bytes of a held post that its moderators are shown
_TEXT = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a moderator writes to."""

    approve: EmailAddress
    reject: EmailAddress


def held(of: MailingList, post: Post, content: bytes, to: EmailAddress, choice: Choice) -> bytes:
    """To a moderator: who wants to post what, and how to decide. ``content`` is the post, or its beginning."""
    language = of.language
    lines = [
        text("list.held.intro", language, list=of.address),
        "",
        f"    {text('list.from', language)} {post.author or post.sender}",
        f"    {text('list.envelope', language)} {post.sender or '<>'}",
        f"    {text('list.subject', language)} {post.subject}",
        f"    {text('list.size', language)} {post.size:,}".replace(",", " " if language == "fr" else ","),
        "",
        text("list.held.approve", language),
        f"    {choice.approve}",
        text("list.held.reject", language),
        f"    {choice.reject}",
        text("list.held.command", language, post=post.id),
        text("list.held.until", language, date=_date(post.expires)),
    ]
    boundary = f"=_{secrets.token_hex(16)}"
    subject = text("list.held.title", language, list=of.title, subject=post.subject)
    before = [
        *_header(of, to, subject),
        f"Reply-To: <{choice.approve}>",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_TEXT,
        "",
        *lines,
        "",
        f"--{boundary}",
        "Content-Type: message/rfc822" if content.isascii() else "Content-Type: message/global",
        "Content-Disposition: attachment",
        f"Content-Transfer-Encoding: {'7bit' if content.isascii() else '8bit'}",
        "",
    ]
    return _lines(before) + content + _lines(["", f"--{boundary}--"])


def waits(of: MailingList, post: Post, to: EmailAddress) -> bytes:
    """To a poster with an account here: a moderator is to decide."""
    return _about(of, post, to, "waits", [text("list.held.until", of.language, date=_date(post.expires))])


def rejected(of: MailingList, post: Post, to: EmailAddress, reason: str) -> bytes:
    """To a poster with an account here."""
    lines = [text("list.rejected.reason", of.language), f"    {reason}"] if reason else []
    return _about(of, post, to, "rejected", lines)


def expired(of: MailingList, post: Post, to: EmailAddress) -> bytes:
    """To a poster with an account here, and to the moderators: nobody has decided."""
    return _about(of, post, to, "expired", [])


def suspended(of: MailingList, member: str, days: int, status: str, to: EmailAddress) -> bytes:
    """To an owner: a member gets no more mail."""
    language = of.language
    lines = [
        text("list.suspended.intro", language, member=member, list=of.address, days=days),
        "",
        *([f"    {status}", ""] if status else []),
        text("list.suspended.command", language, member=member, list=of.address),
    ]
    return _letter(of, to, text("list.suspended.title", language, list=of.title, member=member), lines)


def leaving(of: MailingList, to: EmailAddress, confirm: EmailAddress) -> bytes:
    """To a member, whoever asked in its name: really?"""
    language = of.language
    lines = [
        text("list.leaving.intro", language, member=to, list=of.address),
        "",
        text("list.leaving.confirm", language),
        f"    {confirm}",
    ]
    header = [*_header(of, to, text("list.leaving.title", language, list=of.title)), f"Reply-To: <{confirm}>"]
    return _lines([*header, *_TEXT, "", *lines])


def left(of: MailingList, to: EmailAddress) -> bytes:
    """To a member no longer."""
    language = of.language
    lines = [text("list.left.intro", language, member=to, list=of.address)]
    return _letter(of, to, text("list.left.title", language, list=of.title), lines)


def _about(of: MailingList, post: Post, to: EmailAddress, key: str, more: Iterable[str]) -> bytes:
    language = of.language
    lines = [
        text(f"list.{key}.intro", language, list=of.address),
        "",
        f"    {text('list.from', language)} {post.author or post.sender}",
        f"    {text('list.subject', language)} {post.subject}",
        f"    {text('list.arrived', language)} {_date(post.arrived)}",
        "",
        *more,
    ]
    return _letter(of, to, text(f"list.{key}.title", language, list=of.title, subject=post.subject), lines)


def _letter(of: MailingList, to: EmailAddress, subject: str, lines: Iterable[str]) -> bytes:
    return _lines([*_header(of, to, subject), *_TEXT, "", *lines])


def _header(of: MailingList, to: EmailAddress, subject: str) -> list[str]:
    return [
        f"Date: {formatdate(localtime=True)}",
        f"From: {phrase(of.title).decode()} <{of.tagged(OWNER)}>",
        f"To: <{to}>",
        f"Subject: {words(subject).decode()}",
        f"Message-ID: <{secrets.token_hex(12)}@{ascii_name(of.address.domain)}>",
        "Auto-Submitted: auto-generated",
        f"Content-Language: {of.language}",
        "MIME-Version: 1.0",
    ]


def _date(moment: float | None) -> str:
    return formatdate(moment, localtime=True)


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
