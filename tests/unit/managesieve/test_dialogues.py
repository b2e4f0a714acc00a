"""Every dialogue file of ManageSieve, over the pure session."""

from pathlib import Path

import pytest

from tests.support.managesieve_door import ManageSieveDoor
from tests.support.transcript import Transcript

FILES = sorted((Path(__file__).parents[2] / "transcripts/managesieve").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    import asyncio

    asyncio.run(Transcript(ManageSieveDoor(), path).run())


def test_there_are_dialogues() -> None:
    assert len(FILES) > 4
