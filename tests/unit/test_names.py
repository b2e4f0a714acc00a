"""Our top-level packages have names of their own.

The top-level folders are packages with short names. An installed library of the same name would hide ours, or ours it.
"""

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def top_level_names(files: list[str]) -> set[str]:
    first = {name.partition("/") for name in files if not name.startswith("..")}
    packages = {head for head, slash, rest in first if slash and rest.endswith(".py")}
    modules = {head.removesuffix(".py") for head, slash, _ in first if not slash and head.endswith(".py")}
    return packages | modules


def test_the_packages_are_found() -> None:
    assert {"optimails", "imap", "pop3", "smtp", "quota"} <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_shadows_no_standard_module(name: str) -> None:
    assert name not in sys.stdlib_module_names


@pytest.mark.parametrize("name", OURS)
def test_no_installed_distribution_has_the_name(name: str) -> None:
    providers = {
        distribution.metadata["Name"]
        for distribution in distributions()
        if name in top_level_names([str(file) for file in distribution.files or ()])
    }
    assert providers <= {"optimails"}


def test_every_package_is_part_of_the_wheel_and_checked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    for listed in (
        project["hatch"]["build"]["targets"]["wheel"]["packages"],
        project["mypy"]["packages"],
        project["importlinter"]["root_packages"],
    ):
        assert set(listed) == set(OURS)
