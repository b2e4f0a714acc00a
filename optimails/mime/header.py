"""Header blocks: where they end, which fields they have (RFC 5322 §2.2, §3.6, obsolete forms of §4).

A line that is no field (no colon, a strange name, an mbox ``From`` line) is passed over. Lines may end in CRLF or LF.
"""

import re

from optimails.mime.buffer import Buffer, find
from optimails.mime.limits import HEADER_LIMIT

# Each match takes one whole field with its folded lines, or one line that is no field (three empty groups).
# Possessive quantifiers throughout: no byte is looked at twice, whatever the header holds.
_FIELD = re.compile(rb"(([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+))\n?|[^\n]*+\n?")
_FOLD = re.compile(rb"\r*+\n[ \t]?|\r")
_MERGED = frozenset({b"to", b"cc", b"bcc"})

Fields = dict[bytes, bytes]
"""Field name in lower case → value as in the message, not yet unfolded. Of a repeated field the first counts, except
To, Cc and Bcc, whose addresses are put together."""

split_fields = _FIELD.findall
"""All logical lines of a block as (whole field without its last LF, name, value)."""


def body_start(message: Buffer, start: int, end: int) -> int:
    """Where the body begins: behind the first empty line, or ``end`` when there is none."""
    first = message[start : min(start + 2, end)]
    if first[:1] == b"\n":
        return start + 1
    if first == b"\r\n":
        return start + 2
    # Both kinds of line end in growing windows, so that a long body is not searched for the kind it does not use.
    low, width = start, 8192
    while True:
        high = min(end, low + width)
        crlf = find(message, b"\n\r\n", low, high)
        bare = find(message, b"\n\n", low, crlf + 1 if crlf >= 0 else high)
        if bare >= 0:
            return bare + 2
        if crlf >= 0:
            return crlf + 3
        if high == end:
            return end
        low, width = high - 2, width * 8


def read_fields(message: Buffer, start: int, end: int) -> Fields:
    """The fields of the header block at ``start:end``, as far as ``HEADER_LIMIT`` goes."""
    lines = split_fields(message[start : min(end, start + HEADER_LIMIT)])
    return collect([(name.lower(), value) for _, name, value in lines])


def collect(pairs: list[tuple[bytes, bytes]]) -> Fields:
    """``Fields`` of (lower-case name, value) pairs."""
    fields: Fields = {}
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif name in _MERGED:
            repeated.setdefault(name, [fields[name]]).append(value)
    for name, values in repeated.items():
        fields[name] = b",".join(values)
    fields.pop(b"", None)
    return fields


def unfolded(value: bytes) -> bytes:
    """The value on one line, without white space around it (RFC 5322 §2.2.3); a fold becomes one space."""
    value = value.strip()
    if b"\n" in value or b"\r" in value:
        value = _FOLD.sub(b" ", value)
    return value


def with_crlf(fields: bytes) -> bytes:
    """Fields with CRLF at the end of every line, the last one too."""
    if fields and fields[-1:] != b"\n":
        fields += b"\n"
    if fields.count(b"\n") != fields.count(b"\r\n"):
        fields = fields.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return fields
