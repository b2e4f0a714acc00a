"""What the administration refuses can be read in French."""

import ast
from pathlib import Path

import pytest

from optimails.cli import refusals

ROOT = Path(__file__).parents[3]
HOLE = "something"


def sentences() -> dict[str, str]:
    """Every text given to ``refused(…)`` in the directory's administration, values as holes; and its place."""
    found = {}
    for path in sorted((ROOT / "optimails/directory/admin").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refused"
            if named and (text := shape(node.args[0])):
                found[text] = f"{path.name}:{node.lineno}"
    return found


def shape(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return None


def test_the_table_knows_every_refusal_of_the_administration():
    said = sentences()
    assert len(said) > 30
    assert {place: text for text, place in said.items() if refusals._recognised(text) is None} == {}


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("The domain a.test exists already", "Le domaine a.test existe déjà"),
        (
            "The domain a.test is removed; restore it first",
            "Le domaine a.test est supprimé\xa0; rétablissez-le d\N{RIGHT SINGLE QUOTATION MARK}abord",
        ),
        (
            "'x' is not an e-mail address: An address has the form local@domain",
            "'x' n\N{RIGHT SINGLE QUOTATION MARK}est pas une adresse e-mail\xa0: une adresse a la forme nom@domaine",
        ),
        ("Something nobody foresaw", "Something nobody foresaw"),
    ],
)
def test_said_in_french(monkeypatch, english, french):
    monkeypatch.setattr(refusals, "language", lambda: "fr")
    assert refusals.translated(english) == french


def test_english_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(refusals, "language", lambda: "en")
    assert refusals.translated("The domain a.test exists already") == "The domain a.test exists already"
