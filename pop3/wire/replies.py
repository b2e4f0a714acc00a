"""Answers into bytes (RFC 1939 §3, RFC 2449 §8): status lines, multi-line answers, messages with dots doubled."""

import re
from base64 import b64encode
from collections.abc import Iterable
from enum import StrEnum

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BARE_LF = re.compile(rb"(?<!\r)\n")
LONGEST_TEXT = 400  # characters: a status line has at most 512 octets (RFC 2449 §4)
END = b".\r\n"


class Code(StrEnum):
    """RFC 2449 §8.1.1, RFC 3206 §4."""

    AUTH = "AUTH"  # the credentials
    IN_USE = "IN-USE"
    SYS_PERM = "SYS/PERM"
    SYS_TEMP = "SYS/TEMP"


def _shown(text: str) -> bytes:
    # A bracket at the start would be read as a response code.
    line = _CONTROLS.sub(" ", text[:LONGEST_TEXT]).strip().lstrip("[")
    return line.encode("utf-8", "replace")[:LONGEST_TEXT]


def ok(text: str = "") -> bytes:
    return b"+OK %b\r\n" % _shown(text) if text else b"+OK\r\n"


def error(text: str, code: Code | None = None) -> bytes:
    if code is None:
        return b"-ERR %b\r\n" % _shown(text)
    return b"-ERR [%b] %b\r\n" % (code.value.encode("ascii"), _shown(text))


def challenge(data: bytes) -> bytes:
    """RFC 5034 §4."""
    return b"+ %b\r\n" % b64encode(data)


def lines(of: Iterable[str]) -> bytes:
    """Lines of a multi-line answer, from our own ASCII or UTF-8 words; ``END`` must follow."""
    return b"".join(b"%b%b\r\n" % (b"." if line.startswith(".") else b"", line.encode("utf-8")) for line in of)


class DotStuffer:
    """A message, slice by slice, as it goes over the wire: dots at line starts doubled, bare LF as CRLF."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = b"\n"  # the last byte sent; at first we stand at the start of a line

    def feed(self, data: bytes) -> bytes:
        if not data:
            return b""
        out = data
        if data.count(b"\n") != data.count(b"\r\n"):
            # RFC 1939 §3: lines end with CRLF. The first LF may belong to a CR that is gone already.
            whole = self._last == b"\r" and data.startswith(b"\n")
            out = b"\n" + _BARE_LF.sub(b"\r\n", data[1:]) if whole else _BARE_LF.sub(b"\r\n", data)
        if self._last == b"\n" and out.startswith(b"."):
            out = b"." + out
        self._last = data[-1:]
        return out.replace(b"\n.", b"\n..")

    def finish(self) -> bytes:
        """The end of the last line if it lacks one, and the dot."""
        if self._last == b"\n":
            return END
        return b"\n" + END if self._last == b"\r" else b"\r\n" + END


_END_OF_HEADER = re.compile(rb"\n\r?\n")
_SLICE = 65_536


def top_size(message: bytes, count: int) -> int:
    """How many bytes of the message TOP shows: the header, the empty line, ``count`` lines of the body.

    ``message`` may be a memory map; it is looked at in slices.
    """
    found = _END_OF_HEADER.search(message)
    if found is None:
        return len(message)
    at = found.end()
    while count and at < len(message):
        part = message[at : at + _SLICE]
        newlines = part.count(b"\n")
        if newlines < count:
            count -= newlines
            at += len(part)
            continue
        end = -1
        for _ in range(count):
            end = part.find(b"\n", end + 1)
        return at + end + 1
    return at
