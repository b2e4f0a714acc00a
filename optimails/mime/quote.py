"""IMAP strings (RFC 9051 §4.3): quoted when printable ASCII, else a literal."""

import re

from optimails.mime.limits import QUOTED_LIMIT

_PLAIN = re.compile(rb"[ !#-\[\]-~]{0,%d}+" % QUOTED_LIMIT).fullmatch
_PRINTABLE = re.compile(rb"[ -~]{0,%d}+" % QUOTED_LIMIT).fullmatch
_SPECIAL = re.compile(rb'(["\\])')


def string(value: bytes) -> bytes:
    """As a quoted string or a literal. NUL, which neither may hold, is dropped."""
    if _PLAIN(value):
        return b'"%b"' % value
    if _PRINTABLE(value):
        return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)
    value = value.replace(b"\0", b"")
    return b"{%d}\r\n%b" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """As ``string``, or NIL."""
    return b"NIL" if value is None else string(value)
