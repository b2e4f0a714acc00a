"""Messages with binary parts (BINARYMIME, RFC 3030), as everybody else can read them.

Mailboxes, IMAP, POP3 and most other servers know lines that end with CR LF, and no NUL. So a part that is binary
becomes base64, text that is fit for it 8bit, and what holds such parts says 8bit as well (RFC 2045 §6.4: composite
types have no other encoding). Line ends that stand alone outside of binary parts are made CR LF, as in all mail.

What cannot be had without harm is refused: a signature over what would change, and parts that the scan could not look
into because of its limits.
"""

import binascii
import re
from collections.abc import Iterator

from optimails.mime.buffer import Buffer, find
from optimails.mime.part import Part
from optimails.mime.scan import parse
from optimails.model.errors import BadSyntax

_PIECE = 57 * 4096  # bytes encoded or copied at a time; 57 make a line of base64
_LINE = 76
_CR = 0x0D
_LONGEST = 998  # RFC 5322 §2.1.1
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_ENCODING = re.compile(rb"(?im)^content-transfer-encoding[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
_COMPOSITE = re.compile(rb"(?im)^content-type[ \t]*:(?:[ \t]*\r?\n[ \t]+|[ \t])*(?:multipart|message)[ \t]*/")
_PLAIN = (b"7bit", b"8bit")


def without_binary(message: Buffer) -> Iterator[bytes]:
    """The message in pieces, with no binary part left.

    Raises:
        BadSyntax: it cannot be converted; the text says why, and may be shown.
    """
    yield from _entity(message, parse(message), signed=False)


def _entity(message: Buffer, part: Part, *, signed: bool) -> Iterator[bytes]:
    if part.message is not None:
        yield _header(message, part, b"8bit" if part.encoding == b"binary" else None)
        yield from _entity(message, part.message, signed=signed)
        yield from _lines(message, part.message.body_end, part.body_end)
    elif part.children:
        yield _header(message, part, b"8bit" if part.encoding == b"binary" and not signed else None)
        at = part.body_start
        for number, child in enumerate(part.children):
            yield from _lines(message, at, child.header_start)
            # RFC 1847 §2.1: the first part is what is signed, the second one the signature.
            yield from _entity(message, child, signed=signed or (part.subtype == b"signed" and number == 0))
            at = child.body_end
        yield from _lines(message, at, part.body_end)
    else:
        yield from _leaf(message, part, signed=signed)


def _leaf(message: Buffer, part: Part, *, signed: bool) -> Iterator[bytes]:
    encoding = _new_encoding(message, part)
    if encoding is not None:
        if signed:
            raise BadSyntax("A part under a signature is binary, and cannot be converted")
        # Deeper than we look, or no part at all: to encode it would hide what is inside.
        if part.header_start == part.body_start or _COMPOSITE.search(message[part.header_start : part.body_start]):
            raise BadSyntax("The message has binary content where none can be converted")
    yield _header(message, part, encoding)
    if encoding == b"base64":
        yield from _base64(message, part.body_start, part.body_end)
    else:
        yield from _lines(message, part.body_start, part.body_end)


def _new_encoding(message: Buffer, part: Part) -> bytes | None:
    """What the part is encoded by afterwards; None: it stays as it is."""
    if part.encoding != b"binary" and part.encoding not in _PLAIN:
        return None
    if part.encoding in _PLAIN and find(message, b"\0", part.body_start, part.body_end) < 0:
        return None
    return b"8bit" if part.encoding == b"binary" and part.type == b"text" and _is_text(message, part) else b"base64"


def _is_text(message: Buffer, part: Part) -> bool:
    """Whether it is lines of mail as they stand."""
    if part.size > _PIECE:
        return False  # base64 is never wrong
    body = message[part.body_start : part.body_end]
    fits = all(len(line) <= _LONGEST for line in body.split(b"\r\n"))
    return fits and b"\0" not in body and not _BARE.search(body)


def _header(message: Buffer, part: Part, encoding: bytes | None) -> bytes:
    block = _BARE.sub(b"\r\n", message[part.header_start : part.body_start])
    if encoding is None:
        return block
    field = b"Content-Transfer-Encoding: %b\r\n" % encoding
    block = _ENCODING.sub(b"", block)
    if block == b"\r\n" or block.endswith(b"\r\n\r\n"):
        return block[:-2] + field + b"\r\n"
    return block + (b"" if block.endswith(b"\r\n") or not block else b"\r\n") + field + b"\r\n"  # no empty line yet


def _base64(message: Buffer, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _PIECE):
        encoded = binascii.b2a_base64(message[at : min(end, at + _PIECE)], newline=False)
        lines = b"\r\n".join(encoded[line : line + _LINE] for line in range(0, len(encoded), _LINE))
        yield lines if at + _PIECE >= end else lines + b"\r\n"
    if end == len(message):
        yield b"\r\n"  # nothing follows that would end the line


def _lines(message: Buffer, start: int, end: int) -> Iterator[bytes]:
    """As it stands, with whole line ends. No stretch begins or ends within a line end."""
    while start < end:
        stop = min(end, start + _PIECE)
        while stop < end and message[stop - 1] == _CR:
            stop += 1
        yield _BARE.sub(b"\r\n", message[start:stop])
        start = stop
