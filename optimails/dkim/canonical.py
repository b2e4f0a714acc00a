"""The canonical forms of header and body that DKIM knows (RFC 6376 §3.4). We sign "relaxed", others also "simple"."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Protocol

_SPACES = re.compile(rb"[ \t]{2,}|\t")  # what is not one space already
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


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


class _Beginning:
    """SHA-256 of no more than the first bytes (the ``l=`` of RFC 6376 §3.5), with the length of all there was."""

    __slots__ = ("_hash", "_limit", "length")

    def __init__(self, limit: int) -> None:
        self._hash = sha256()
        self._limit = limit
        self.length = 0

    def update(self, data: bytes) -> None:
        room = self._limit - self.length
        if room > 0:
            self._hash.update(data[:room])
        self.length += len(data)

    def digest(self) -> bytes:
        return self._hash.digest()


class Digests:
    """SHA-256 of the same bytes in several lengths: ``limits``, None for all of them."""

    __slots__ = ("_sinks",)

    def __init__(self, limits: Iterable[int | None]) -> None:
        self._sinks = {limit: sha256() if limit is None else _Beginning(limit) for limit in limits}

    def update(self, data: bytes) -> None:
        for sink in self._sinks.values():
            sink.update(data)

    def results(self) -> dict[int | None, tuple[bytes, int]]:
        """Digest by limit, with the length of all there was; 0 where all of it counts."""
        return {
            limit: (sink.digest(), sink.length if isinstance(sink, _Beginning) else 0)
            for limit, sink in self._sinks.items()
        }


class BodyForm(Protocol):
    """Brings a body into its canonical form, and hands that on to what hashes it."""

    def update(self, piece: bytes) -> None: ...
    def finish(self) -> None:
        """All has come."""


class SimpleBody:
    """A body that comes in pieces of any size, as it is but for empty lines at its end (RFC 6376 §3.4.3)."""

    __slots__ = ("_blank", "_hash", "_held")

    def __init__(self, into: _Hash) -> None:
        self._hash = into
        self._held = b""  # a CR whose LF may come with the next piece
        self._blank = 0  # line ends that count only if something follows

    def update(self, piece: bytes) -> None:
        data = self._held + piece
        self._held = b""
        end = len(data)
        if data.endswith(b"\r"):
            self._held = b"\r"
            end -= 1
        last = end
        while data.endswith(b"\r\n", 0, end):
            end -= 2
        if end:
            _line_ends(self._hash, self._blank)
            self._blank = 0
            self._hash.update(data[:end])
        self._blank += (last - end) // 2

    def finish(self) -> None:
        """A body always ends with a line end, if only one is added."""
        if self._held:  # a bare CR at the very end
            _line_ends(self._hash, self._blank)
            self._hash.update(self._held)
        self._hash.update(b"\r\n")


def _line_ends(hashed: _Hash, number: int) -> None:
    """That many line ends, without the memory they would take at once."""
    for _ in range(number // 4096):
        hashed.update(b"\r\n" * 4096)
    hashed.update(b"\r\n" * (number % 4096))


class RelaxedBody:
    """A body that comes in pieces of any size, with spaces made alike (RFC 6376 §3.4.4).

    Only what may still change is held back: spaces and line ends at the end of a piece. The number of empty lines is a
    count, so a body of empty lines alone takes no memory.
    """

    __slots__ = ("_any", "_blank", "_hash", "_held")

    def __init__(self, into: _Hash) -> None:
        self._hash = into
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

    def finish(self) -> None:
        """A last line without an end gets one; empty lines at the end do not count."""
        rest = self._held.rstrip(b" \t")
        if rest:  # a bare CR at the very end
            self._text(rest)
        if self._any:
            self._hash.update(b"\r\n")

    def _lines(self, lines: bytes) -> None:
        """Whole lines."""
        if b"  " in lines or b"\t" in lines:
            lines = _SPACES.sub(b" ", lines)
        lines = lines.replace(b" \r\n", b"\r\n")
        end = len(lines)
        while lines.endswith(b"\r\n", 0, end):
            end -= 2
        text = lines[:end]
        if text:
            self._text(text)
        self._blank += (len(lines) - len(text)) // 2

    def _text(self, text: bytes) -> None:
        if self._blank:
            _line_ends(self._hash, self._blank)
            self._blank = 0
        self._any = True
        self._hash.update(text)


class RelaxedBodyHash(RelaxedBody):
    """SHA-256 of the relaxed form, as we sign it."""

    __slots__ = ()

    def __init__(self) -> None:
        self._hash: Any
        super().__init__(sha256())

    def digest(self) -> bytes:
        """Of all that came; once."""
        self.finish()
        digest: bytes = self._hash.digest()
        return digest
