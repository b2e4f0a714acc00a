"""Encoded words in header fields (RFC 2047), decoded as people expect to read and search them."""

import binascii
import re

from optimails.mime.charset import decode_bytes
from optimails.mime.limits import FIELD_LIMIT
from optimails.mime.transfer import decode_base64

# The text of a word may hold "?" and spaces, which RFC 2047 §2 forbids and programs write. Its length is bounded, so
# that many openings without an end cost a bounded scan each.
_WORD = re.compile(rb"=\?([^?\s*]{1,60}+)(?:\*[^?\s]{0,40}+)?\?([bBqQ])\?((?:[^?]|\?(?!=)){0,1000}+)\?=")
_FOLD = re.compile(rb"\r*+\n[ \t]?|\r")


def decode_header(value: bytes) -> str:
    """The text of an unstructured field value, unfolded and decoded (RFC 2047 §5, §6.2); raw 8-bit is read as UTF-8,
    else as Windows-1252. At most ``FIELD_LIMIT`` bytes are looked at. Anything gives a text."""
    value = _FOLD.sub(b" ", value[:FIELD_LIMIT]).strip()
    if b"=?" not in value:
        return value.decode("ascii") if value.isascii() else decode_bytes(value, "")
    pieces: list[str] = []
    charset, pending = b"", b""  # neighbours of one charset are decoded together: a character may be split among them
    at = 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        if between.strip() or at == 0:
            # White space between two encoded words is not shown (RFC 2047 §6.2), anywhere else it is.
            pieces.append(decode_bytes(pending, charset.decode("ascii", "replace")))
            pieces.append(decode_bytes(between, ""))
            pending = b""
        name = word[1].lower()
        if pending and name != charset:
            pieces.append(decode_bytes(pending, charset.decode("ascii", "replace")))
            pending = b""
        charset = name
        pending += _decode_word(word[2], word[3])
        at = word.end()
    pieces.append(decode_bytes(pending, charset.decode("ascii", "replace")))
    pieces.append(decode_bytes(value[at:], ""))
    return "".join(pieces)


def _decode_word(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return decode_base64(text)
    return binascii.a2b_qp(text, header=True)
