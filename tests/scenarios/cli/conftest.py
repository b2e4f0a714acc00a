"""The real program in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("optimails")


class Program:
    """``optimails`` as a process: nothing of the surroundings but the path, and cheap password hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = self.data / "optimails.toml"
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        self.environment = coverage | {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "OPTIMAILS__DIRECTORY__BCRYPT_COST": "4",
            "OPTIMAILS__DIRECTORY__SCRAM_ITERATIONS": "4096",
        }

    def __call__(self, *words, stdin="", expect=0, language=None, config=True):
        """Run it; gives what it wrote to (standard output, standard error)."""
        environment = self.environment | ({"OPTIMAILS_LANG": language} if language else {})
        if config and self.config.exists():
            environment["OPTIMAILS_CONFIG"] = str(self.config)
        done = subprocess.run(
            [PROGRAM, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    def json(self, *words, **options):
        """The answer for scripts."""
        return json.loads(self(*words, "--json", **options)[0])


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A data folder with one domain and one account, to be copied."""
    program = Program(tmp_path_factory.mktemp("template"))
    program("init", "--data", program.data)
    program("domain", "add", "example.org")
    program("account", "add", "marie@example.org", "--plan", "premium", "--password-file", "-", stdin="first password")
    return program.data


@pytest.fixture
def ready(program, template):
    """With a data folder, one domain and one account."""
    shutil.copytree(template, program.data)
    return program
