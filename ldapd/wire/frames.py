"""Input into messages, in bounded memory (RFC 4511 §4.1.1)."""

from enum import Enum, auto

from ldapd.wire.ber import SEQUENCE, header
from optimails.model.errors import BadSyntax


class Broken(Enum):
    """What comes cannot be told apart any more."""

    SYNTAX = auto()
    TOO_LARGE = auto()


class Frames:
    """Feed bytes, take the contents of messages. Once something is broken, it stays so."""

    __slots__ = ("_broken", "_buffer", "max_size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size  # of the contents of one message
        self.discard()

    def discard(self) -> None:
        """Forget everything (StartTLS: nothing sent in the clear may count as sent under TLS)."""
        self._buffer = bytearray()
        self._broken: Broken | None = None

    def feed(self, data: bytes) -> None:
        if self._broken is None:
            self._buffer += data

    def next(self) -> bytes | Broken | None:
        """The contents of the next message, None when it is not complete."""
        if self._broken is not None:
            return self._broken
        if self._buffer and self._buffer[0] != SEQUENCE:
            return self._break(Broken.SYNTAX)
        try:
            found = header(self._buffer, 0)
        except BadSyntax:
            return self._break(Broken.SYNTAX)
        if found is None:
            return None
        _, start, length = found
        if length > self.max_size:
            return self._break(Broken.TOO_LARGE)
        if start + length > len(self._buffer):
            return None
        content = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return content

    def _break(self, why: Broken) -> Broken:
        self._broken = why
        self._buffer.clear()
        return why
