"""Nothing that a user or operator meets is undocumented, and the documentation points nowhere that is not there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimails.config import reference

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for package in sorted(ROOT.glob("*/__init__.py"))
    for path in sorted(package.parent.rglob("*.py"))
    if package.parent.name != "tests"
]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md"), *ROOT.glob("bench/*.md")])
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
    """First arguments of ``log.<level>(…)``: names of events, never sentences."""
    found = set()
    for path, node in calls():
        function = node.func
        if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
            continue
        if function.value.id in {"log", "_log", "logger"} and function.attr in _LEVELS:
            event = constant(node)
            assert event is not None, f"{path}:{node.lineno}: a log event is a constant name"
            found.add(event)
    return found


def words(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\s]+)`", page.read_text("utf-8")))


def test_the_page_of_settings_is_current() -> None:
    assert (ROOT / "docs/configuration.md").read_text("utf-8") == reference(), "make docs writes it anew"


def test_the_page_of_commands_is_current() -> None:
    from optimails.cli.reference import reference as commands

    assert (ROOT / "docs/commands.md").read_text("utf-8") == commands(), "make docs writes it anew"


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
