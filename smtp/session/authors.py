"""From and Sender of submitted mail: who writes must be who logged in (RFC 6409 §6.1, RFC 5322 §3.6.2).

The envelope's sender was checked at MAIL, but readers see From. Every address in From, and the one in Sender, must be
one that the account may send with; a name that is itself somebody's address counts as one. ``[smtp] submission_from``
switches this off for services whose users send for others by trust.
"""

import re
from typing import TYPE_CHECKING

from optimails.dkim import canonical
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from smtp.wire import replies
from smtp.wire.authors import Author, authors

if TYPE_CHECKING:
    from smtp.session.session import Session

_ADDRESS = re.compile(r"[^\s<>\"'()]+@[^\s<>\"'()]+\.[^\s<>\"'()]+")
# What shall not leave: the copies nobody is to know of (RFC 5322 §3.6.3), and what only a final delivery writes.
PRIVATE = frozenset({b"bcc", b"resent-bcc", b"return-path"})


def without_private(header: bytes) -> bytes:
    """The header without those fields. Its lines end with CR LF."""
    found = canonical.fields(header)
    if not any(name in PRIVATE for name, _ in found):
        return header
    return b"".join(whole for name, whole in found if name not in PRIVATE)


async def refusal(session: "Session", header: bytes) -> bytes | None:
    """The answer to a message in somebody else's name; None when all is well. Raises ``Unavailable``."""
    if session.account is None or session.door.settings.submission_from == "allow":
        return None
    fields = canonical.fields(header)
    try:
        written = _only(fields, b"from")
        sent = _only(fields, b"sender")
    except BadSyntax as wrong:
        return _malformed(str(wrong))
    if not written:
        return _malformed("From is missing")
    if len(written) > 1 and not sent:
        return _malformed("From has several addresses: Sender must say who sends it")
    if len(sent) > 1:
        return _malformed("Sender has several addresses")
    for field, found in (("From", written), ("Sender", sent)):
        for one in found:
            foreign = await _foreign(session, one)
            if foreign is not None:
                return replies.reply(550, "5.7.1", f"You may not send with this address in {field}: {foreign}")
    return None


def _only(fields: list[tuple[bytes, bytes]], name: bytes) -> list[Author]:
    """The addresses of the one field of that name; none without it. Raises ``BadSyntax``."""
    shown = name.decode().capitalize()
    found = [whole.partition(b":") for each, whole in fields if each == name]
    if len(found) > 1:
        raise BadSyntax(f"{shown} stands there twice")
    if not found:
        return []
    raw, _, value = found[0]
    if raw.strip(b" \t") != raw:
        raise BadSyntax(f"{shown} is malformed")  # some read it as From, others do not
    try:
        return authors(value)
    except BadSyntax as wrong:
        raise BadSyntax(f"{shown} is malformed: {wrong}") from wrong


async def _foreign(session: "Session", author: Author) -> str | None:
    """The address that the account may not use, as it may be shown."""
    named = _ADDRESS.fullmatch(author.name)
    try:
        addresses = [author.address, *([EmailAddress.parse(named[0])] if named else [])]
    except BadSyntax:
        addresses = [author.address]
    account = session.account
    assert account is not None
    for address in addresses:
        if not await session.door.directory.may_send_as(account, address):
            return str(address).encode("ascii", "replace").decode()
    return None


def _malformed(why: str) -> bytes:
    return replies.reply(550, "5.6.0", why[:1].upper() + why[1:])
