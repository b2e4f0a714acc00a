"""Who serves how many connections, so that each mail worker takes its share of those that come.

All workers wait at the same sockets, and the kernel wakes all of them. Who is already at work looks first, and would
take what comes while others sleep: four clients of one worker have one core, however many there are. So each worker
notes in a file that all have mapped how many it serves of each listener. One that serves more than another leaves a
new connection to it for a moment (``ports``), and takes it all the same when it is still there then: the note is a
hint, and nobody waits long for a worker that is busy or gone.
"""

import contextlib
import mmap
import os
from pathlib import Path

FILE = "shares"
SLOTS = 64  # workers with a higher slot, and listeners with a higher number, take what comes
LISTENERS = 64
_SIZE = SLOTS * LISTENERS * 4


class Share:
    """One listener as one worker serves it. A note of 0 says that it does not take connections, else it is one more
    than it has."""

    __slots__ = ("_notes", "_own")

    def __init__(self, notes: memoryview | None, own: int) -> None:
        self._notes = notes  # of all workers for this listener
        self._own = own
        self.note(0)

    def note(self, connections: int) -> None:
        """So many are served now."""
        if self._notes is not None:
            self._notes[self._own] = connections + 1

    def leave(self) -> None:
        """No more are taken."""
        if self._notes is not None:
            self._notes[self._own] = 0
            self._notes = None

    def others_have_fewer(self) -> bool:
        """Whether another worker takes connections, and serves fewer of them."""
        return self._notes is not None and self._notes[self._own] > min(filter(None, self._notes), default=0)


class Shares:
    """The file, as a worker or the supervisor has it open."""

    def __init__(self, folder: Path) -> None:
        self._table: memoryview | None = None
        with contextlib.suppress(OSError):  # without room for it, everybody takes what comes
            descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, _SIZE)  # or a write on a full disk would end the process
                self._table = memoryview(mmap.mmap(descriptor, _SIZE)).cast("I")
            finally:
                os.close(descriptor)

    def of(self, listener: int, slot: int) -> Share:
        """The worker in that slot begins to serve that listener."""
        if self._table is None or listener >= LISTENERS or slot >= SLOTS:
            return Share(None, 0)
        return Share(self._table[listener * SLOTS : (listener + 1) * SLOTS], slot)

    def forget(self, slot: int) -> None:
        """The worker in that slot is dead."""
        if self._table is not None and slot < SLOTS:
            for listener in range(LISTENERS):
                self._table[listener * SLOTS + slot] = 0


def clear(folder: Path) -> None:
    """At start: forget the workers of the last run."""
    (folder / FILE).unlink(missing_ok=True)
