"""What an IMAP session needs of its connection beyond what every door's does."""

from typing import Protocol

from optimails.door.peer import Peer


class ImapPeer(Peer, Protocol):
    """The client's end of one connection, which can be compressed."""

    def compress(self, rest: bytes) -> None:
        """The next bytes both ways are compressed; ``rest`` arrived already (RFC 4978)."""

    def slim(self) -> None:
        """A long wait begins: let go of memory that can be had again."""
