"""Running the client programs that people use, each as a process of its own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest


def need(program: str, package: str | None = None) -> str:
    """The program's path; without it the test is skipped, and the report says which Debian package is missing."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"MISSING PROGRAM {program}: apt-get install {package or program}")
    return path


def run(
    *command: str | Path,
    stdin: bytes | None = None,
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
    expect: int | tuple[int, ...] | None = 0,
    timeout: float = 60,
) -> subprocess.CompletedProcess[bytes]:
    """Run to the end. ``home`` keeps a program from the files of whoever runs the tests; ``expect`` None allows any
    exit code. What it printed is shown when the exit code is another."""
    surroundings = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    surroundings |= {"LC_ALL": "C.UTF-8", "HOME": str(home or "/nonexistent"), "NO_PROXY": "*", "no_proxy": "*"}
    finished = subprocess.run(
        [str(part) for part in command],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        env=surroundings | dict(environment or {}),
        cwd=home,
        timeout=timeout,
        check=False,
    )
    allowed = (expect,) if isinstance(expect, int) else expect
    assert allowed is None or finished.returncode in allowed, (
        f"{command[0]} ended with {finished.returncode}\n"
        f"{finished.stdout.decode(errors='replace')[-6000:]}\n{finished.stderr.decode(errors='replace')[-6000:]}"
    )
    return finished
