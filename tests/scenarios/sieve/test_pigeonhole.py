"""The table of scripts, carried out by Pigeonhole: it agrees."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sieve_cases import CASES, MESSAGES, PIGEONHOLE, Case, pigeonhole

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("sieve-test") is None, reason="dovecot-sieve is not installed"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where Dovecot's own user may write; it never works as root."""
    with tempfile.TemporaryDirectory(prefix="sieve-") as name:
        place = Path(name)
        uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        (place / "dovecot.conf").write_text(PIGEONHOLE.format(folder=place, uid=uid, gid=gid))
        if os.geteuid() == 0:
            os.chown(place, uid, gid)
        yield place


@pytest.mark.parametrize("case", [case for case in CASES if not case.ours_alone], ids=lambda case: case.name)
def test_pigeonhole_agrees(case: Case, folder: Path) -> None:
    assert pigeonhole(folder, case.script, MESSAGES[case.message]) == case.actions
