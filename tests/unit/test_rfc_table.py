"""docs/protocols/rfc.md names what the services announce: nothing more, nothing less."""

import ast
import re
from pathlib import Path

import pytest

from sieve.language.specs import ANNOUNCED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/protocols/rfc.md").read_text("utf-8")
STATUS = ("yes", "partial", "planned", "no")
# Where each service makes its list, and the functions that do (none: the whole module).
SOURCES = {
    "IMAP": (ROOT / "imap/session/capabilities.py", {"capabilities"}),
    "POP3": (ROOT / "pop3/session/authorization.py", {"capa"}),
    "ManageSieve": (ROOT / "sieve/session/commands.py", {"capabilities"}),
    "SMTP, submission, LMTP": (ROOT / "smtp/session/hello.py", {"_capabilities"}),
}


def rows(section: str) -> list[list[str]]:
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def documented(section: str) -> set[str]:
    return {name for row in rows(section) for name in re.findall(r"`([^`]+)`", row[3])}


def announced(path: Path, functions: set[str]) -> set[str]:
    """The words in capitals among the strings of these functions, and of constants of the module."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in functions)
    ]
    texts = [
        part.value
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    # "SIZE ", "UTF8 USER", "APPENDLIMIT="; never a sentence, such as a docstring.
    shaped = [text for text in texts if re.fullmatch(r"([A-Z0-9]{2}[A-Za-z0-9+=-]* ?)+", text)]
    return {text.split()[0].removesuffix("=") for text in shaped}


@pytest.mark.parametrize("section", SOURCES)
def test_announced_and_documented_agree(section: str) -> None:
    path, functions = SOURCES[section]
    found = announced(path, functions)
    assert len(found) > 5, "the list of capabilities has moved"
    assert found == documented(section)


@pytest.mark.parametrize("section", [*SOURCES, "Messages, log-in, TLS"])
def test_every_status_is_one_of_four(section: str) -> None:
    for row in rows(section):
        assert row[2].partition(":")[0] in STATUS, row
        assert all(re.fullmatch(r"\d{3,4}([\N{EN DASH}]\d{4})?", number) for number in row[0].split(", ")), row


def test_what_is_not_there_is_not_announced() -> None:
    for section in SOURCES:
        for row in rows(section):
            assert row[2].partition(":")[0] in {"yes", "partial"} or not row[3], row


def test_the_extensions_of_sieve_are_those_announced() -> None:
    assert documented("Sieve") == set(ANNOUNCED)
