"""What a session needs of its connection; ``optimails.door.stream`` has the real one, tests have one in memory."""

from typing import Protocol


class Disconnected(Exception):
    """The client is gone: there is nobody left to answer."""


class TimedOut(Exception):
    """Nothing came in the time given."""


class Peer(Protocol):
    """The client's end of one connection. Everything is called from the event loop, by one task."""

    address: str  # of the client, for limits and logs; empty on a Unix socket
    encrypted: bool  # TLS is on
    local: bool  # on this machine: passwords may pass without TLS

    @property
    def can_start_tls(self) -> bool: ...
    def take(self) -> bytes:
        """What arrived, at most some tens of KiB at a time; empty when nothing is there."""

    async def wait(self, seconds: float) -> None:
        """Until ``take`` has something, or ``wake`` was called. Raises ``TimedOut``, ``Disconnected``."""

    def wake(self) -> None:
        """End a ``wait``, now or the next one."""

    async def send(self, data: bytes) -> None:
        """Hand over bytes; returns when the client reads fast enough for more. Raises ``Disconnected``."""

    async def start_tls(self) -> None:
        """The next bytes both ways are TLS; what arrived before is forgotten (RFC 9051 §6.2.1, RFC 2595 §4).

        Raises ``Disconnected``.
        """
