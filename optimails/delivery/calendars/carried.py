"""The scheduling message that a mail carries, if it carries one (RFC 6047 §2.4). Pure; whatever the bytes, no error.

Only ``text/calendar`` counts, outside of embedded messages: what is attached as a file by another name is for its
reader. Of several the first one counts, as in mail programs. What Exchange wraps into ``winmail.dat`` is left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.messages import SCHEDULED, address_of
from optimails.groupware.text import parse
from optimails.mime import Part, decode_part, parse_addresses
from optimails.mime import parse as scan
from optimails.mime.buffer import Buffer
from optimails.mime.charset import decode_bytes
from optimails.mime.header import split_fields, unfolded
from optimails.mime.limits import HEADER_LIMIT
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Refused

MARK = b"text/calendar"
IDENTITY = "mail "
"""How the ids of messages begin that came by mail."""
MAX_TEXT = 2**20  # bytes; of more only the mail is delivered
_MAX_ENCODED = MAX_TEXT * 3 // 2


@dataclass(frozen=True, slots=True)
class Carried:
    """A calendar text as UTF-8. ``method`` None: it is no message of scheduling."""

    itip: bytes
    method: Method | None = None
    speakers: frozenset[str] = frozenset()


def may_carry(beginning: bytes) -> bool:
    """Whether it is worth a closer look; nearly all mail is not."""
    return MARK in beginning.lower()


def carried(message: Buffer) -> bytes | None:
    """The calendar text, as UTF-8."""
    for part in _leaves(scan(message)):
        if (part.type, part.subtype) == (b"text", b"calendar") and part.size <= _MAX_ENCODED:
            try:
                decoded = decode_part(message, part)
            except Refused:
                continue
            itip = decode_bytes(bytes(decoded), part.charset).encode("utf-8", "replace")
            return itip if len(itip) <= MAX_TEXT else None
    return None


def read(message: Buffer) -> Carried | None:
    """All of it. For a large message in a thread."""
    itip = carried(message)
    if itip is None:
        return None
    try:
        return Carried(itip, *speakers(itip))
    except BadSyntax:
        return Carried(itip)


def _leaves(part: Part) -> Iterator[Part]:
    if part.children:
        for child in part.children:
            yield from _leaves(child)
    elif part.message is None:
        yield part


def author(header: bytes) -> EmailAddress | None:
    """The address in From, when there is exactly one: else it is nobody in particular who speaks."""
    values = [value for _, name, value in split_fields(header[:HEADER_LIMIT]) if name.lower() == b"from"]
    if len(values) != 1:
        return None
    found = parse_addresses(unfolded(values[0]))
    if len(found) != 1 or not found[0].mailbox or not found[0].host:
        return None
    try:
        return EmailAddress.parse(f"{found[0].mailbox.decode()}@{found[0].host.decode()}")
    except (BadSyntax, UnicodeDecodeError):
        return None


def speakers(itip: bytes) -> tuple[Method, frozenset[str]]:
    """The method, and in whose name the message may speak (``EmailAddress.key``): the organizer, or an attendee.

    An invitation may also be handed on by who was invited and sends somebody else (RFC 5546 §3.2.2.3).

    Raises ``BadSyntax`` for what is no message of scheduling.
    """
    top = parse(itip.decode("utf-8", "replace"))
    if len(top) != 1:
        raise BadSyntax("One VCALENDAR is wanted")
    try:
        method = Method(top[0].value("METHOD").upper())
    except ValueError as wrong:
        raise BadSyntax("Not a method of scheduling") from wrong
    parts = [part for part in top[0].children if part.name in SCHEDULED]
    if method.of_organizer:
        organizers = {_key(part.value("ORGANIZER")) for part in parts}
        if len(organizers) != 1:
            return method, frozenset()
        senders = [line.param("DELEGATED-FROM") or "" for part in parts for line in part.every("ATTENDEE")]
        handed_on = set(map(_key, senders)) if method is Method.REQUEST else set()
        return method, frozenset(organizers | handed_on) - {""}
    every = [frozenset(_key(line.value) for line in part.every("ATTENDEE")) for part in parts]
    return method, frozenset.intersection(*every) if every else frozenset()


def _key(value: str) -> str:
    try:
        return EmailAddress.parse(address_of(value)).key
    except BadSyntax:
        return ""
