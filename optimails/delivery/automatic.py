"""Mails that filters write: automatic answers (RFC 5230, RFC 3834) and notifications (RFC 5436)."""

import re
import secrets
from collections.abc import Iterable
from email.header import Header
from email.utils import formatdate

from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from optimails.texts import text
from sieve.language.values import bare_address
from sieve.run import Message, mailto
from sieve.run.actions import Notify, Vacation
from sieve.run.addresses import addresses

_ROBOT = re.compile(
    r"(mailer-daemon|postmaster|listserv|majordomo|mailman|no-?reply|do-?not-?reply|bounces?|owner-.*|.*-owner"
    r"|.*-request|.*-bounces?|.*-relay)([+=].*)?",
    re.IGNORECASE,
)
_TO_US = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
_LIST = frozenset(
    {"list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner", "list-archive"}
)
_BULK = frozenset({"bulk", "junk", "list"})
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})
MAX_SUBJECT = 200


def should_answer(message: Message, sender: EmailAddress | None, own: Iterable[str]) -> bool:
    """Whether an automatic answer may go out (RFC 5230 §4.5, §4.6, RFC 3834 §2); ``own`` are the user's addresses."""
    mine = {_key(address) for address in own}
    if sender is None or sender.key in mine or sender.base.key in mine or _ROBOT.fullmatch(sender.local):
        return False
    for field in message.fields:
        value = field.text.lower()
        if field.name in _LIST:
            return False
        if field.name == "auto-submitted" and value.partition(";")[0].strip() != "no":
            return False
        if field.name == "precedence" and value.strip() in _BULK:
            return False
        if field.name == "x-auto-response-suppress" and _SUPPRESSED.intersection(re.split(r"[\s,]+", value)):
            return False
        if field.name == "x-spam-flag" and value.startswith("yes"):
            return False
    named = (one for name in _TO_US for field in message.named(name) for one in addresses(field.raw))
    return any(_key(address) in mine for address in named)


def _key(address: str) -> str:
    try:
        return EmailAddress.parse(bare_address(address)).key
    except BadSyntax:
        return address.strip().lower()


def vacation(  # noqa: PLR0913 - all that an answer is made of
    action: Vacation,
    message: Message,
    *,
    account: Account,
    recipient: EmailAddress,
    sender: EmailAddress,
    hostname: str,
) -> bytes:
    """The answer to ``sender`` (RFC 5230 §5)."""
    original = message.named("subject")
    subject = action.subject
    if subject is None:  # RFC 5230 §5.2
        subject = f"Auto: {original[0].text}" if original and original[0].text else "Automated reply"
    references = " ".join(field.raw.decode("ascii", "replace") for field in message.named("references")[:1])
    identity = " ".join(field.raw.decode("ascii", "replace") for field in message.named("message-id")[:1])
    header = [
        f"From: {_from(action.sender, account, recipient)}",
        f"To: <{sender}>",
        f"Subject: {_words(subject)}",
        *_identity(hostname),
        "Auto-Submitted: auto-replied (vacation)",  # RFC 5230 §5.6
        "Precedence: bulk",
        "X-Auto-Response-Suppress: All",
    ]
    if identity and len(identity) < 900:
        header.append(f"In-Reply-To: {identity}")
        header.append(f"References: {(references + ' ' + identity).strip()[-900:]}")
    if action.mime:
        entity = re.sub(r"\r?\n", "\r\n", action.reason)
        return _lines([*header, "MIME-Version: 1.0"]) + entity.encode("utf-8", "replace")
    return _lines([*header, *_PLAIN, "", *action.reason.splitlines()])


def notification(action: Notify, account: Account, message: Message, hostname: str) -> tuple[tuple[str, ...], bytes]:
    """Whom to notify, and the mail."""
    target = mailto.parse(action.method)
    sender = " ".join(field.text for field in message.named("from")[:1])[:MAX_SUBJECT]
    subject = " ".join(field.text for field in message.named("subject")[:1])[:MAX_SUBJECT]
    language = account.language
    headline = action.message or target.subject or text("sieve.notify.subject", language, sender=sender)
    body = target.body or text("sieve.notify.body", language, sender=sender, subject=subject)
    header = [
        f"From: {_from(action.sender, account, account.address)}",
        "To: " + ", ".join(f"<{address}>" for address in target.recipients),
        f"Subject: {_words(headline)}",
        *_identity(hostname),
        f'Auto-Submitted: auto-notified; owner-email="{account.address}"',  # RFC 5436 §2.7.1
    ]
    if action.importance != 2:
        header.append("Importance: " + ("high" if action.importance == 1 else "low"))
    return target.recipients, _lines([*header, *_PLAIN, "", *body.splitlines()])


def may_notify(message: Message) -> bool:
    """A notification must not notify again (RFC 5436 §2.7.1)."""
    return not any(field.text.lower().startswith("auto-notified") for field in message.named("auto-submitted"))


_PLAIN = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


def _identity(hostname: str) -> list[str]:
    return [f"Date: {formatdate(localtime=True)}", f"Message-ID: <{secrets.token_hex(12)}@{hostname}>"]


def _from(given: str | None, account: Account, recipient: EmailAddress) -> str:
    address = recipient if given is None else bare_address(given)
    name = account.name if given is None else given.rpartition("<")[0].strip(' "')
    clean = "".join(character for character in name if character.isprintable() and character not in '"\\')
    if not clean:
        return f"<{address}>"
    return f'"{clean}" <{address}>' if clean.isascii() else f"{_words(clean)} <{address}>"


def _words(shown: str) -> str:
    """As it may stand in a header field (RFC 2047), on one line."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in shown).split())[:MAX_SUBJECT]
    return shown if shown.isascii() else Header(shown, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
