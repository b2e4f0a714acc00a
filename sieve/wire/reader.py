"""Input into lines of tokens, in bounded memory (RFC 5804 §4).

A line may hold literals, which go on in the bytes behind it. A literal beyond the limit is swallowed, not kept, so that
its sender can be told; one beyond any sense ends the session.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

_TOKEN = re.compile(
    rb'[ \t]*+(?:"((?:[^"\\\r\n\x00]++|\\["\\])*+)"|\{(\d{1,10})\+?\}\Z|([A-Za-z][A-Za-z0-9_\-]*+)|(\d{1,10}))'
    rb"(?=[ \t]|\Z)"
)
_TRAILING = re.compile(rb"\{(\d{1,10})\+?\}\Z")
_PAIR = re.compile(rb"\\(.)")
ABSURD = 8  # times the limit of a literal


class Broken(Enum):
    """Stands for a line that is none."""

    SYNTAX = auto()
    TOO_LONG = auto()
    LITERAL_TOO_LARGE = auto()
    HOPELESS = auto()  # what follows cannot be told apart


Token = bytes | int | str
"""A string, a number, or an atom in capitals."""


@dataclass(frozen=True, slots=True)
class Line:
    tokens: tuple[Token, ...]


class Reader:
    """Feed bytes, take lines. ``max_literal`` may change between lines: strangers are given less."""

    __slots__ = ("_broken", "_buffer", "_literal", "_scanned", "_skip", "_tokens", "max_line", "max_literal")

    def __init__(self, max_line: int, max_literal: int) -> None:
        self.max_line = max_line
        self.max_literal = max_literal
        self.discard()

    def discard(self) -> None:
        """Forget everything (STARTTLS: nothing sent in the clear may count as sent under TLS)."""
        self._buffer = bytearray()
        self._scanned = 0  # no newline before here
        self._tokens: list[Token] = []
        self._literal: int | None = None  # bytes of the literal that comes
        self._skip = 0  # bytes of a literal that nobody wants
        self._broken: Broken | None = None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Line | Broken | None:
        """The next line, None when it is not complete."""
        while True:
            if self._skip:
                gone = min(self._skip, len(self._buffer))
                del self._buffer[:gone]
                self._skip -= gone
                if self._skip:
                    return None
            if self._literal is not None:
                if len(self._buffer) < self._literal:
                    return None
                self._tokens.append(bytes(self._buffer[: self._literal]))
                del self._buffer[: self._literal]
                self._literal = None
            part = self._part()
            if part is None:
                return None
            self._take(part)
            if self._broken is Broken.HOPELESS or (self._literal is None and not self._skip):
                return self._end()

    def _part(self) -> bytes | None:
        """Bytes up to the next line end; what is too long is dropped as it comes."""
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            if len(self._buffer) > self.max_line:
                self._broken = self._broken or Broken.TOO_LONG
                self._buffer.clear()
            self._scanned = len(self._buffer)
            return None
        part = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        if len(part) > self.max_line:
            self._broken = self._broken or Broken.TOO_LONG
        return part.removesuffix(b"\r")

    def _take(self, part: bytes) -> None:
        """Tokens of a part of a line; sets ``_literal`` or ``_skip`` when it goes on."""
        at = 0
        while self._broken is None and at < len(part) and part[at:].strip(b" \t"):
            found = _TOKEN.match(part, at)
            if found is None:
                self._broken = Broken.SYNTAX
                break
            at = found.end()
            string, literal, atom, number = found.groups()
            if string is not None:
                self._tokens.append(_PAIR.sub(rb"\1", string) if b"\\" in string else string)
            elif atom is not None:
                self._tokens.append(atom.decode("ascii").upper())
            elif number is not None:
                self._tokens.append(int(number))
            else:
                self._announced(int(literal))
                return
        if self._broken is not None and (trailing := _TRAILING.search(part)) is not None:
            # What belongs to a line that cannot be understood must not be taken for the next one.
            self._broken, broken = None, self._broken
            self._announced(int(trailing[1]))
            self._skip, self._literal = self._skip or self._literal or 0, None
            self._broken = self._broken if self._broken is Broken.HOPELESS else broken

    def _announced(self, size: int) -> None:
        if size <= self.max_literal:
            self._literal = size
        elif size <= ABSURD * self.max_literal:
            self._broken = Broken.LITERAL_TOO_LARGE
            self._skip = size
        else:
            self._broken = Broken.HOPELESS

    def _end(self) -> Line | Broken:
        tokens, broken = tuple(self._tokens), self._broken
        self._tokens = []
        self._broken = None
        return broken or Line(tokens)
