"""Every dialogue under ``smtp/``, ``submission/`` and ``lmtp/`` on the pure session, whole and byte by byte."""

import asyncio
from pathlib import Path

import pytest

from optimails.config import Protocol
from tests.support.smtp_door import MemoryEnd, SmtpDoor
from tests.support.transcript import Transcript

FILES = sorted(
    path for protocol in ("smtp", "submission", "lmtp") for path in (Path(__file__).parent / protocol).glob("*.txt")
)


class DripEnd(MemoryEnd):
    """Every byte comes alone."""

    async def send(self, data: bytes) -> None:
        protected = self.session.tls
        for byte in data:
            await super().send(bytes([byte]))
            if self.session.tls != protected:
                return  # the rest would have gone to the TLS handshake


class DripDoor(SmtpDoor):
    async def connect(self) -> MemoryEnd:
        self.ends.append(DripEnd(self.session()))
        return self.ends[-1]


@pytest.mark.parametrize("kind", [SmtpDoor, DripDoor])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_dialogue(path: Path, kind: type[SmtpDoor]) -> None:
    async def run() -> None:
        door = kind(Protocol(path.parent.name))
        try:
            await Transcript(door, path).run()
        finally:
            await door.close()

    asyncio.run(run())
