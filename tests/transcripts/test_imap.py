"""Every dialogue under ``imap/`` on the pure session."""

import asyncio
from pathlib import Path

import pytest

from tests.support.imap_door import ImapDoor
from tests.support.transcript import Transcript

FILES = sorted((Path(__file__).parent / "imap").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    async def run() -> None:
        door = ImapDoor()
        try:
            await Transcript(door, path).run()
        finally:
            await door.world.close()

    asyncio.run(run())
