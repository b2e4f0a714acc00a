"""Every dialogue under ``pop3/`` on the pure session."""

import asyncio
from pathlib import Path

import pytest

from tests.support.pop3_door import Pop3Door
from tests.support.transcript import Transcript

FILES = sorted((Path(__file__).parent / "pop3").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    async def run() -> None:
        door = Pop3Door()
        try:
            await Transcript(door, path).run()
        finally:
            await door.world.close()

    asyncio.run(run())
