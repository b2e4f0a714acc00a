"""Content transfer encodings (RFC 2045 §6), decoded tolerantly."""

import binascii
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_base64(data: bytes) -> bytes:
    """What can be decoded; bytes outside the alphabet, wrong padding and a lost tail are passed over."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        pass
    clean = _NOT_BASE64.sub(b"", data)
    if len(clean) % 4 == 1:  # six bits do not make a byte
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def decode_quoted_printable(data: bytes) -> bytes:
    """What can be decoded; a ``=`` that escapes nothing stays."""
    return binascii.a2b_qp(data)
