"""The canonical forms of header and body that DKIM signs: "relaxed" for both (RFC 6376 §3.4.2, §3.4.4)."""

import re
from hashlib import sha256

_SPACES = re.compile(rb"[ \t]+")
_LINE_END_SPACES = re.compile(rb"[ \t]+\r\n")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_FIELD = re.compile(rb"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Name in lower case and whole field as it stands, of every field of a header whose lines end with CR LF."""
    found = []
    for match in _FIELD.finditer(header):
        field = match.group()
        name, colon, _ = field.partition(b":")
        if colon:
            found.append((name.strip().lower(), field))
    return found


def relaxed_field(field: bytes) -> bytes:
    """RFC 6376 §3.4.2: name in lower case, unfolded, runs of spaces made one, none at the end; with its CR LF."""
    name, _, value = field.partition(b":")
    value = _SPACES.sub(b" ", _FOLD.sub(b"", value.rstrip(b"\r\n"))).strip(b" \t\r\n")
    return name.strip(b" \t").lower() + b":" + value + b"\r\n"


class RelaxedBodyHash:
    """SHA-256 of a body that comes in pieces of any size (RFC 6376 §3.4.4).

    Only what may still change is held back: spaces and line ends at the end of a piece. The number of empty lines is a
    count, so a body of empty lines alone takes no memory.
    """

    __slots__ = ("_any", "_blank", "_hash", "_held")

    def __init__(self) -> None:
        self._hash = sha256()
        self._held = b""  # the end of a line that is not complete: at most one space and CR matter, see ``update``
        self._blank = 0  # line ends that count only if something follows
        self._any = False

    def update(self, piece: bytes) -> None:
        data = self._held + piece
        # Up to the last complete line; a line without an end in sight goes in as far as it cannot change.
        end = data.rfind(b"\r\n") + 2 if b"\r\n" in data else 0
        if end:
            self._lines(data[:end])
        rest = data[end:]
        kept = len(rest.rstrip(b" \t\r"))
        if kept:
            self._text(_SPACES.sub(b" ", rest[:kept]))
        # Spaces in front of what follows are one space, whatever their number; a CR may become a line end.
        tail = rest[kept:]
        self._held = _SPACES.sub(b" ", tail)

    def digest(self) -> bytes:
        """Of all that came. A last line without an end gets one; empty lines at the end do not count."""
        rest = self._held.rstrip(b" \t")
        if rest:  # a bare CR at the very end
            self._text(rest)
        if self._any:
            self._hash.update(b"\r\n")
        return self._hash.digest()

    def _lines(self, lines: bytes) -> None:
        """Whole lines."""
        lines = _LINE_END_SPACES.sub(b"\r\n", _SPACES.sub(b" ", lines))
        end = len(lines)
        while lines.endswith(b"\r\n", 0, end):
            end -= 2
        text = lines[:end]
        if text:
            self._text(text)
        self._blank += (len(lines) - len(text)) // 2

    def _text(self, text: bytes) -> None:
        if self._blank:
            for _ in range(self._blank // 4096):
                self._hash.update(b"\r\n" * 4096)
            self._hash.update(b"\r\n" * (self._blank % 4096))
            self._blank = 0
        self._any = True
        self._hash.update(text)
