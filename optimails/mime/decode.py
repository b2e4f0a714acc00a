"""Content of parts: without transfer encoding for BINARY (RFC 3516), as text for search."""

from collections.abc import Iterator

from optimails.mime.buffer import Buffer
from optimails.mime.charset import decode_bytes
from optimails.mime.header import body_start, split_fields
from optimails.mime.html import html_text
from optimails.mime.limits import HEADER_LIMIT
from optimails.mime.part import Part
from optimails.mime.scan import parse
from optimails.mime.transfer import decode_base64, decode_quoted_printable
from optimails.mime.words import decode_header
from optimails.model.errors import Reason, Refused

_IDENTITY = frozenset({b"7bit", b"8bit", b"binary", b""})
_SHOWN = (b"from", b"to", b"cc", b"subject")


def decode_part(message: Buffer, part: Part) -> bytes:
    """The body without its transfer encoding. A multipart or an embedded message has none to take away.

    Raises:
        Refused: ``UNKNOWN_CTE`` when we do not know the encoding.
    """
    body = message[part.body_start : part.body_end]
    if part.encoding in _IDENTITY or part.children or part.message is not None:
        return body
    if part.encoding == b"base64":
        return decode_base64(body)
    if part.encoding == b"quoted-printable":
        return decode_quoted_printable(body)
    raise Refused(Reason.UNKNOWN_CTE, "The transfer encoding of this part is unknown")


def binary_size(message: Buffer, part: Part) -> int:
    """Bytes of ``decode_part``, with its errors."""
    if part.encoding in _IDENTITY or part.children or part.message is not None:
        return part.size
    return len(decode_part(message, part))


def header_text(message: Buffer, field: bytes) -> list[str]:
    """The decoded values of all fields of that name (any case) in the message's header."""
    name = field.lower()
    block = message[0 : min(body_start(message, 0, len(message)), HEADER_LIMIT)]
    return [decode_header(value) for _, found, value in split_fields(block) if found.lower() == name]


def header_texts(message: Buffer) -> Iterator[tuple[bytes, str]]:
    """Every field of the message's header: name in lower case, decoded value."""
    block = message[0 : min(body_start(message, 0, len(message)), HEADER_LIMIT)]
    for _, name, value in split_fields(block):
        if name:
            yield name.lower(), decode_header(value)


def text(message: Buffer, limit_bytes: int) -> Iterator[str]:
    """What a reader could search in the body, piece by piece, at most ``limit_bytes`` of decoded bodies in all: text
    parts (HTML without its markup), names of attachments, and the main fields and the texts of embedded messages."""
    left = limit_bytes
    waiting = [parse(message)]
    while waiting and left > 0:
        part = waiting.pop()
        if name := part.filename:
            yield name
        if part.message is not None:
            waiting.append(part.message)
            yield from _embedded_header(message, part.message)
        elif part.children:
            waiting.extend(reversed(part.children))
        elif part.type == b"text":
            content = _beginning(message, part, left)
            left -= len(content)
            decoded = decode_bytes(content, part.charset)
            yield html_text(decoded) if part.subtype == b"html" else decoded


def part_source(message: Buffer, part: Part, limit_bytes: int) -> str:
    """A text part as it is written, HTML with its markup; at most ``limit_bytes`` of the decoded body."""
    return decode_bytes(_beginning(message, part, limit_bytes), part.charset)


def _beginning(message: Buffer, part: Part, limit: int) -> bytes:
    """At most ``limit`` decoded bytes from the start of the part; an unknown encoding counts as none."""
    # Encoded text is longer: base64 by 4/3 and its line ends, quoted-printable up to three times.
    share = 3 if part.encoding == b"quoted-printable" else 2 if part.encoding == b"base64" else 1
    body = message[part.body_start : min(part.body_end, part.body_start + share * limit + 100)]
    if part.encoding == b"base64":
        body = decode_base64(body)
    elif part.encoding == b"quoted-printable":
        body = decode_quoted_printable(body)
    return body[:limit]


def _embedded_header(message: Buffer, part: Part) -> Iterator[str]:
    block = message[part.header_start : min(part.body_start, part.header_start + HEADER_LIMIT)]
    for _, name, value in split_fields(block):
        if name.lower() in _SHOWN:
            yield decode_header(value)
