"""Nothing that a user or operator meets is undocumented, and the documentation points nowhere that is not there."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for package in sorted(ROOT.glob("*/__init__.py"))
    for path in sorted(package.parent.rglob("*.py"))
    if package.parent.name != "tests"
]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("tests/*.md"),
        *ROOT.glob("bench/*.md"),
        *ROOT.glob("deploy/**/*.md"),
    ]
)
OPERATE = ROOT / "docs/operate.md"
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
_METRIC_TYPES = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield path, node


def constant(node: ast.Call) -> str | None:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def metrics() -> set[str]:
    found = set()
    for _, node in calls():
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _METRIC_TYPES and (metric := constant(node)) and metric.startswith("optimails_"):
            found.add(metric)
    return found


def log_events() -> set[str]:
    """First arguments of ``log.<level>(...)``: constant names of events, never sentences.

    Where a function logs an event that it was given, those that its callers in the same file give.
    """
    found = set()
    for path in CODE:
        tree = ast.parse(path.read_text("utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            for call in filter(is_log_call, ast.walk(function)):
                given = constants(call) or given_to(function.name, tree)
                assert given, f"{path}:{call.lineno}: a log event is a constant name"
                found |= given
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", event) for event in found), found
    return found


def is_log_call(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id == "log" and node.func.attr in _LEVELS


def constants(call: ast.Call) -> set[str]:
    """The constant first argument, or both of ``"one" if condition else "other"``."""
    first = call.args[0] if call.args else None
    branches = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return {node.value for node in branches if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def given_to(name: str, tree: ast.AST) -> set[str]:
    """The constants that are the first argument in calls of that function or method."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if name in {getattr(call.func, "id", None), getattr(call.func, "attr", None)}]
    return {event for call in named if (event := constant(call))}


def words(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\s]+)`", page.read_text("utf-8")))


def test_the_pages_of_settings_and_commands_are_current() -> None:
    """In a process of its own, which speaks English whatever the locale is."""
    script = ROOT / "scripts/write_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_documented() -> None:
    assert metrics() - words(OPERATE) == set()


def test_log_events_are_documented() -> None:
    assert log_events() - words(OPERATE) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text("utf-8")))
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} == listed


def test_the_container_gets_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    recipe = (ROOT / "deploy/container/Containerfile").read_text("utf-8")
    assert [name for name in packages if f"COPY {name}/ {name}/\n" not in recipe] == []
