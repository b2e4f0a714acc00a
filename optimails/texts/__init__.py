"""Every text a person reads, in English and French.

    text("cli.account.added", "fr", address="a@demo.test")

The catalogues ``en.toml`` and ``fr.toml`` have one table per area and the same keys (a test compares them, and the
placeholders of every entry). They are read when the first text is asked for. An entry is a string in the syntax of
``str.format``, or a table of two, ``one`` and ``other``: then the value ``count`` decides by the language's own rule.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "fr")
DEFAULT: Final = "en"
_FOLDER = Path(__file__).parent


def text(key: str, language: str = DEFAULT, /, **values: object) -> str:
    """The text of that key with its values put in; a language without a catalogue is read as English.

    Raises:
        KeyError: when there is no such text, or a value for one of its placeholders is missing.
    """
    language = language if language in LANGUAGES else DEFAULT
    entries = catalogue(language)
    pattern = entries.get(key)
    if pattern is None:
        pattern = entries[f"{key}.{_plural(language, values.get('count'))}"]
    return pattern.format(**values) if values else pattern.format()


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All entries of one language by their full key, ``area.name``."""
    with (_FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flatten(tomllib.load(file), ""))


def supported(tag: str | None) -> str:
    """Our language for a tag or a locale name: ``fr-CA`` and ``fr_FR.UTF-8`` give ``fr``, unknown ones ``en``."""
    primary = (tag or "").replace("_", "-").partition("-")[0].partition(".")[0].strip().lower()
    return primary if primary in LANGUAGES else DEFAULT


def preferred(environment: Mapping[str, str] | None = None) -> str:
    """The language of whoever runs the program: OPTIMAILS_LANG, else the locale as POSIX reads it."""
    environment = os.environ if environment is None else environment
    for variable in ("OPTIMAILS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):  # POSIX.1-2024 §8.2
        if value := environment.get(variable):
            return supported(value)
    return DEFAULT


def _plural(language: str, count: object) -> str:
    number = abs(count) if isinstance(count, int | float) else 2
    # English says one for 1 alone, French for everything below 2 (Unicode CLDR, plural rules).
    return "one" if (number == 1 if language == "en" else number < 2) else "other"


def _flatten(table: Mapping[str, object], prefix: str) -> list[tuple[str, str]]:
    entries: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            entries += _flatten(value, f"{prefix}{name}.")
        else:
            entries.append((prefix + name, str(value)))
    return entries
