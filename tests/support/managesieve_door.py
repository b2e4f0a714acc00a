"""ManageSieve sessions without sockets, for dialogue files and unit tests."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from optimails.config.sieve import SieveSettings
from sieve.session.conversation import converse
from sieve.session.session import Place, Session
from tests.support.memory_peer import MemoryConnection, MemoryPeer, PullDoor


@dataclass
class ManageSieveDoor(PullDoor):
    """``transcript.Door``. The greeting is read by ``@login``."""

    settings: SieveSettings = field(default_factory=SieveSettings)
    folder: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory)

    def start(self, surroundings):
        peer = MemoryPeer(local=not self.far)
        session = Session(surroundings, peer, Place(Path(self.folder.name)))
        return peer, session, converse(session)

    async def login(self, connection: MemoryConnection) -> None:
        while not (await connection.line()).startswith(b"OK"):
            pass
        await connection.send(b'AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="\r\n')
        assert (await connection.line()).startswith(b"OK")
