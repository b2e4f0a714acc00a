"""Reading delivery status notifications (RFC 3464): which recipients failed for good. Pure.

Hostile by nature: anybody can write one. Nothing is believed that the signed address does not carry, but which of the
members that one message went to is meant, and whether it is for good.
"""

import re
from dataclasses import dataclass

from optimails.mime import Part, parse
from optimails.mime.header import read_fields
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax

MAX_RECIPIENTS = 1_000
MAX_BLOCK = 65_536  # bytes of the machine's part that are read
_STATUS = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")
_BLANK = re.compile(rb"\r\n[ \t]*\r\n|\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient who will not get it."""

    recipient: EmailAddress | None  # as it was written to, when the report says so
    status: str  # "5.1.1 what the server said", for people


def failures(message: bytes) -> list[Failure] | None:
    """The recipients that failed for good; None: it is no such report. Delays and successes are not failures."""
    part = _find(parse(message), depth=0)
    if part is None:
        return None
    content = message[part.body_start : min(part.body_end, part.body_start + MAX_BLOCK)]
    found = []
    # RFC 3464 §2.1: fields of the message, and after an empty line those of each recipient.
    for block in _BLANK.split(content)[1 : MAX_RECIPIENTS + 1]:
        fields = read_fields(block + b"\r\n\r\n", 0, len(block) + 4)
        action = fields.get(b"action", b"").strip().lower()
        if action != b"failed":
            continue
        status = _STATUS.search(fields.get(b"status", b""))  # 4.4.7, given up after days of trying, counts as well
        who = fields.get(b"original-recipient") or fields.get(b"final-recipient", b"")
        said = fields.get(b"diagnostic-code", b"").partition(b";")[2].strip()
        shown = b" ".join(one for one in (status[0] if status else b"", said) if one)
        found.append(Failure(_address(who), _line(shown)))
    return found


def _find(part: Part, depth: int) -> Part | None:
    if depth > 4:
        return None
    if (part.type, part.subtype) in ((b"message", b"delivery-status"), (b"message", b"global-delivery-status")):
        return part
    for child in part.children:
        found = _find(child, depth + 1)
        if found is not None:
            return found
    return None


def _address(field: bytes) -> EmailAddress | None:
    kind, _, value = field.partition(b";")
    if kind.strip().lower() not in (b"rfc822", b"utf-8"):
        return None
    try:
        return EmailAddress.parse(value.decode("utf-8", "replace").strip().strip("<>"))
    except BadSyntax:
        return None


def _line(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
