"""What the administration refuses can be read in French."""

import ast
from pathlib import Path

import pytest

from optimails.cli import refusals
from optimails.config.load import ConfigError, parse

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


@pytest.mark.parametrize(
    ("wrong", "french"),
    [
        ('hostnam = "x"', '[server]~: clé inconnue "hostnam"~; vouliez-vous dire "hostname"~?'),
        ("hostname = 3", "[server] hostname~: doit être un texte entre guillemets, et non 3"),
        (
            'hostname = "x"\n[[listener]]\nprotocol = "imap"\naddress = "*:143"\ntls = "ssl"',
            "[[listener]] numéro 1 tls~: doit être 'implicit', 'starttls' ou 'none', et non 'ssl'",
        ),
        (
            "hostname =",
            "n\N{RIGHT SINGLE QUOTATION MARK}est pas du TOML valable~: Invalid value (at end of document)",
        ),
    ],
)
def test_problems_of_the_configuration_in_french(monkeypatch, wrong, french):
    monkeypatch.setattr(refusals, "language", lambda: "fr")
    with pytest.raises(ConfigError) as error:
        parse(f"[server]\n{wrong}", Path("x.toml"), {})
    said = refusals.translated(error.value.problems[0], refusals.PROBLEM)
    assert said == french.replace("~", "\N{NO-BREAK SPACE}")


def test_english_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(refusals, "language", lambda: "en")
    assert refusals.translated("The domain a.test exists already") == "The domain a.test exists already"
