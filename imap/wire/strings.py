"""Strings of IMAP answers: atoms, quoted strings, literals (RFC 9051 §4.3, §9)."""

import re

from imap.wire.names import encode_mailbox

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_PLAIN = re.compile(rb"[\x20-\x21\x23-\x5b\x5d-\x7e]*")  # can stand between quotes as it is
_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
_QUOTABLE_UTF8 = re.compile(rb"[\x20-\x7e\x80-\xff]*")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
LONGEST_QUOTED = 1000  # beyond, a literal: some clients read lines into small buffers
LONGEST_TEXT = 900


def text_line(text: str) -> bytes:
    """Human text for the end of a line: controls become a space, never empty, cut when very long.

    ``[`` at the start would be read as a response code (RFC 9051 §9, resp-text), so it is moved from there.
    """
    line = _CONTROLS.sub(" ", text[:LONGEST_TEXT]).strip()
    if line.startswith("["):
        line = "- " + line
    return line.encode("utf-8", "replace") or b"-"


def literal_header(size: int, *, binary: bool = False) -> bytes:
    """``{size}`` CRLF (``~{size}`` for literal8); exactly ``size`` bytes must follow."""
    return b"~{%d}\r\n" % size if binary else b"{%d}\r\n" % size


def _string(data: bytes, quotable: re.Pattern[bytes]) -> bytes:
    if len(data) <= LONGEST_QUOTED:
        if _PLAIN.fullmatch(data):
            return b'"%b"' % data
        if quotable.fullmatch(data):
            return b'"%b"' % data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if b"\x00" in data:  # RFC 9051 §4.3: a literal has no NUL; only literal8 has
        data = data.replace(b"\x00", b"\x80")
    return literal_header(len(data)) + data


def quoted(text: str | bytes) -> bytes:
    """Quoted, or a literal when it cannot be quoted (8-bit, CR, LF, long)."""
    return _string(text.encode("utf-8", "replace") if isinstance(text, str) else text, _QUOTABLE)


def nstring(text: str | bytes | None) -> bytes:
    """``quoted``, or NIL."""
    return b"NIL" if text is None else quoted(text)


def nstring8(data: bytes | None) -> bytes:
    """``nstring``; bytes with NUL as a literal8 (RFC 3516 §4.4)."""
    if data is not None and b"\x00" in data:
        return literal_header(len(data), binary=True) + data
    return nstring(data)


def _astring(data: bytes, quotable: re.Pattern[bytes]) -> bytes:
    # NIL is an atom, but a client that reads an nstring there would take it for nothing.
    if len(data) <= LONGEST_QUOTED and _ATOM.fullmatch(data) and data.upper() != b"NIL":
        return data
    return _string(data, quotable)


def astring(text: str | bytes) -> bytes:
    """An atom when it can be, else ``quoted``."""
    return _astring(text.encode("utf-8", "replace") if isinstance(text, str) else text, _QUOTABLE)


def mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name as an astring: in modified UTF-7, or in UTF-8 (which is then quoted, RFC 9051 §9)."""
    return _astring(encode_mailbox(name, utf8=utf8), _QUOTABLE_UTF8 if utf8 else _QUOTABLE)
