"""The catalogues say the same things in every language, and the right language is chosen."""

import re
import string
from pathlib import Path

import pytest

from optimails.texts import LANGUAGES, catalogue, preferred, supported, text

OTHERS = [language for language in LANGUAGES if language != "en"]


def placeholders(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_same_keys(language: str) -> None:
    assert set(catalogue(language)) == set(catalogue("en"))


@pytest.mark.parametrize("language", OTHERS)
def test_same_placeholders(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    different = {key for key in english if placeholders(english[key]) != placeholders(other.get(key, ""))}
    assert not different


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_named_and_no_text_is_empty(language: str) -> None:
    for key, pattern in catalogue(language).items():
        assert pattern.strip(), key
        assert all(name.isidentifier() for name in placeholders(pattern)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_counted_texts_have_both_forms(language: str) -> None:
    keys = set(catalogue(language))
    stems = {key.removesuffix(".one") for key in keys if key.endswith(".one")}
    assert {f"{stem}.other" for stem in stems} <= keys


def test_french_typography() -> None:
    """A no-break space before : ; ? ! % » and behind «, and curved apostrophes."""
    wrong = {
        key: entry
        for key, entry in catalogue("fr").items()
        if re.search(r"[^\u00a0\u202f:][;?!%»](?=\s|$)|[^\u00a0\u202f] ?:(?=\s|$)|«(?![\u00a0\u202f])|\w'\w", entry)
    }
    assert not wrong


def test_a_text_in_both_languages() -> None:
    assert text("state.suspended", "en") == "suspended"
    assert text("state.suspended", "fr") == "suspendu"
    assert text("state.suspended", "tlh") == "suspended"


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("state.nonsense", "en")


@pytest.mark.parametrize(
    ("tag", "language"),
    [("fr", "fr"), ("fr-CA", "fr"), ("fr_FR.UTF-8", "fr"), ("FR", "fr"), ("C.UTF-8", "en"), ("de", "en"), (None, "en")],
)
def test_language_of_a_tag(tag: str | None, language: str) -> None:
    assert supported(tag) == language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "fr_BE"}, "fr"),
        ({"LC_ALL": "C", "OPTIMAILS_LANG": "fr"}, "fr"),
        ({"LC_ALL": "", "LANG": "fr"}, "fr"),
    ],
)
def test_language_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert preferred(environment) == language


def test_click_says_what_the_table_of_its_sentences_expects() -> None:
    """Else a sentence of the command line would stay English in French."""
    import click

    folder = Path(click.__file__).parent
    source = "\n".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    sentences = {key: value for key, value in catalogue("en").items() if key.startswith("click.")}
    assert {key for key, value in sentences.items() if f'"{value}"' not in source} == set()
