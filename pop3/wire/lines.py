"""Input into lines, in bounded memory."""

from enum import Enum


class TooLong(Enum):
    """Stands for a line beyond the limit, which was thrown away."""

    LINE = "line"


class Lines:
    """Feed bytes, take lines; they end with CRLF, a bare LF is forgiven."""

    __slots__ = ("_buffer", "_scanned", "_skipping", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._scanned = 0  # no newline before here
        self._skipping = False  # the line has been reported as too long; its end has not come yet

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | TooLong | None:
        """The next line without its end, None when it is not complete."""
        buffer = self._buffer
        while True:
            end = buffer.find(b"\n", self._scanned)
            if end < 0 and self._skipping:
                buffer.clear()
                self._scanned = 0
                return None
            if self._skipping:
                self._skipping = False
                self._drop(end + 1)
                continue
            if (end if end >= 0 else len(buffer)) > self.limit:
                self._skipping = True
                return TooLong.LINE
            if end < 0:
                self._scanned = len(buffer)
                return None
            line = bytes(buffer[:end])
            self._drop(end + 1)
            return line.removesuffix(b"\r")

    def discard(self) -> None:
        """Forget everything (STLS: nothing sent in the clear may count as sent under TLS)."""
        self._buffer.clear()
        self._scanned = 0
        self._skipping = False

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._scanned = 0
