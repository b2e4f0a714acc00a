"""What is handed to systemd is understood by it."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "optimails.service"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_is_valid(tmp_path):
    unit = tmp_path / "optimails.service"
    text = UNIT.read_text()
    assert "/opt/optimails/.venv/bin/optimails" in text
    # systemd-analyze wants the program and the page to exist.
    unit.write_text(
        text.replace("/opt/optimails/.venv/bin/optimails", "/bin/true").replace("file:///opt", "file:///usr")
    )
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
