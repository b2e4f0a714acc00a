"""The layers of the architecture hold, and every package of the core stands in one of them."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def test_contracts_are_kept() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_its_layer() -> None:
    lines = next(contract for contract in CONTRACTS if contract["type"] == "layers")["layers"]
    layered = {name.strip() for line in lines for name in line.split("|")}
    # sieve has layers of its own: the language lies low, the door high.
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"optimails", "sieve"}
    packages |= {f"sieve.{path.parent.name}" for path in ROOT.glob("sieve/*/__init__.py")} | {"sieve.server"}
    packages |= {f"optimails.{path.parent.name}" for path in ROOT.glob("optimails/*/__init__.py")}
    assert packages == layered
