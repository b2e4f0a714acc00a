"""Searching and counting in messages that are bytes or memory maps, without copying a large one.

``bytes.find`` is several times faster than ``mmap.find`` (which compares byte by byte) and a map cannot count, so a
map is looked at through windows.
"""

from mmap import mmap

Buffer = bytes | mmap
"""A whole message: slices give bytes, an index gives an integer."""

_WINDOW = 1 << 20
_BLOCK = 1 << 16


def find(message: Buffer, needle: bytes, start: int, end: int) -> int:
    """As ``bytes.find``."""
    if isinstance(message, bytes):
        return message.find(needle, start, end)
    overlap = len(needle) - 1
    while start < end:
        stop = min(end, start + _WINDOW)
        hit = message[start:stop].find(needle)
        if hit >= 0:
            return start + hit
        if stop == end:
            break
        start = max(stop - overlap, start + 1)
    return -1


def _newlines(message: Buffer, start: int, end: int) -> int:
    if isinstance(message, bytes):
        return message.count(b"\n", start, end)
    return sum(message[at : min(end, at + _WINDOW)].count(b"\n") for at in range(start, end, _WINDOW))


def count_lines(message: Buffer, start: int, end: int) -> int:
    """Lines from ``start`` to ``end``; a last line without line end counts."""
    if start >= end:
        return 0
    return _newlines(message, start, end) + (message[end - 1] != 0x0A)


class LineCounter:
    """Counts lines of ranges that lie in each other, each byte about once: embedded messages may be nested deeply."""

    __slots__ = ("_message", "_sums")

    def __init__(self, message: Buffer) -> None:
        self._message = message
        self._sums: list[int] = []  # newlines before each block

    def count(self, start: int, end: int) -> int:
        """As ``count_lines``."""
        if end - start <= 4 * _BLOCK:
            return count_lines(self._message, start, end)
        if not self._sums:
            total = 0
            for at in range(0, len(self._message) + 1, _BLOCK):
                self._sums.append(total)
                total += _newlines(self._message, at, min(at + _BLOCK, len(self._message)))
        first, last = -(-start // _BLOCK), end // _BLOCK
        inner = self._sums[last] - self._sums[first]
        edges = _newlines(self._message, start, first * _BLOCK) + _newlines(self._message, last * _BLOCK, end)
        return inner + edges + (self._message[end - 1] != 0x0A)
