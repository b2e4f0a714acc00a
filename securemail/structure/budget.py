"""How much of a message is unpacked, all containers in it together. What needs more is undeterminable, never clean."""

from dataclasses import dataclass

LEVELS = 8
ENTRIES = 5_000
RATIO = 200  # unpacked bytes for each packed one
FREE = 10 * 2**20  # bytes that may be unpacked whatever the ratio
TOTAL = 2**30  # bytes
MEMBER = 128 * 2**20  # bytes of one file


class TooMuchError(Exception):
    """A bound was reached; the text says which."""


class LockedError(Exception):
    """A password is needed to look inside."""


@dataclass(slots=True)
class Budget:
    """For one message."""

    packed: int  # bytes of the message
    entries: int = 0
    unpacked: int = 0

    def enter(self, level: int) -> None:
        """One more file, so many containers deep. Raises ``TooMuchError``."""
        self.entries += 1
        if self.entries > ENTRIES:
            raise TooMuchError("too many files")
        if level > LEVELS:
            raise TooMuchError("containers too deep")

    def spend(self, size: int) -> None:
        """So many bytes came out of a container. Raises ``TooMuchError``."""
        self.unpacked += size
        if self.unpacked > TOTAL:
            raise TooMuchError("too large when unpacked")
        if self.unpacked > max(FREE, RATIO * self.packed):
            raise TooMuchError("an archive bomb")

    def room(self) -> int:
        """How large the next file may be."""
        return min(MEMBER, TOTAL - self.unpacked, max(FREE, RATIO * self.packed) - self.unpacked)
