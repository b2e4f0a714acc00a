"""How often something happened in the last minute and the last hour, over all workers of a host.

Each worker counts in its own row (``optimails.door.shared_rows``), in sketches like those of connections: one for the
running minute, one for the minute before, and likewise for the hour. The count of "the last minute" is the running one
and the share of the one before that still belongs to it, as if its events had been spread evenly. A row says which
minute it means, so those of dead or idle workers grow old by themselves, and counts survive the death of a worker.
"""

import struct
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from optimails.door.shared_rows import WIDTH, SharedRows, places

_TABLES = 2 * WIDTH * 4  # bytes of one sketch
_PART = 8 + 2 * _TABLES  # of one span: the number of the running window, its sketch, that of the window before
_MAX = 0xFFFFFFFF


class Span(IntEnum):
    """Seconds."""

    MINUTE = 60
    HOUR = 3_600


_OFFSETS = {span: number * _PART for number, span in enumerate(Span)}


class Rates:
    """One per worker; belongs to its event loop."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        """``path`` is the file shared by the host's workers; without one, each counts for itself."""
        self._rows = SharedRows(len(Span) * _PART, path)
        self._clock = clock

    def count(self, key: str, span: Span) -> int:
        """How often, about, in the last ``span`` seconds."""
        window, into = divmod(self._clock(), span)
        still = 1 - into / span
        where = places(key)
        running = before = [0, 0]
        for row in self._rows.used():
            at = self._rows.start(row) + _OFFSETS[span]
            (stamp,) = struct.unpack_from("<q", self._rows.map, at)
            if stamp == window:
                running = [sum(pair) for pair in zip(running, self._read(at + 8, where), strict=True)]
                before = [sum(pair) for pair in zip(before, self._read(at + 8 + _TABLES, where), strict=True)]
            elif stamp == window - 1:
                before = [sum(pair) for pair in zip(before, self._read(at + 8, where), strict=True)]
        return int(min(now + still * then for now, then in zip(running, before, strict=True)))

    def add(self, key: str, span: Span) -> None:
        """It happened."""
        window = int(self._clock() // span)
        at = self._rows.start(self._rows.row) + _OFFSETS[span]
        (stamp,) = struct.unpack_from("<q", self._rows.map, at)
        if stamp != window:
            self._turn(at, window, follows=stamp == window - 1)
        for place in places(key):
            (count,) = struct.unpack_from("<L", self._rows.map, at + 8 + 4 * place)
            struct.pack_into("<L", self._rows.map, at + 8 + 4 * place, min(count + 1, _MAX))

    def close(self) -> None:
        """What was counted counts on."""
        self._rows.close(clear=False)

    def _turn(self, at: int, window: int, *, follows: bool) -> None:
        """A new window begins; the running one becomes the one before, or is too old even for that."""
        content = self._rows.map
        running = content[at + 8 : at + 8 + _TABLES] if follows else bytes(_TABLES)
        content[at + 8 + _TABLES : at + 8 + 2 * _TABLES] = running
        content[at + 8 : at + 8 + _TABLES] = bytes(_TABLES)
        struct.pack_into("<q", content, at, window)

    def _read(self, at: int, where: tuple[int, int]) -> list[int]:
        return [struct.unpack_from("<L", self._rows.map, at + 4 * place)[0] for place in where]
