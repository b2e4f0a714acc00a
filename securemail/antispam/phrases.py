"""Phrases of unwanted mail, French and English: what is asked of the reader, in the usual words."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from securemail.policy.words import fold

_FILE = Path(__file__).with_name("phrases.toml")
_LOOKED_AT = 30_000  # characters: whoever wants something says so before


@dataclass(frozen=True, slots=True)
class Subject:
    """``needs``: how many different ones make it one."""

    phrases: tuple[str, ...]
    needs: int


@cache
def subjects() -> Mapping[str, Subject]:
    """By symbol."""
    with _FILE.open("rb") as file:
        tables = tomllib.load(file)
    return {
        f"PHRASES_{name.upper()}": Subject(tuple(table["phrases"]), int(table["needs"]))
        for name, table in tables.items()
    }


def spoken(phrases: Iterable[str], text: str) -> list[str]:
    """Which phrases stand in a folded text, as whole words; a ``*`` at the end is the rest of a word.

    A search for each phrase: five hundred of them take a tenth of a millisecond on a letter, and a pattern of all of
    them takes more memory than matchers like to have.
    """
    return [phrase for phrase in phrases if _stands(phrase, text)]


def _stands(phrase: str, text: str) -> bool:
    needle = phrase.rstrip("*")
    open_end = needle != phrase
    at = text.find(needle)
    while at >= 0:
        end = at + len(needle)
        if not text[at - 1 : at].isalnum() and (open_end or not text[end : end + 1].isalnum()):
            return True
        at = text.find(needle, end)
    return False


class Phrases:
    name = "phrases"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:  # noqa: ARG002 - every analyser gets it
        """One fact a subject, with the phrases as evidence."""
        text = fold(f"{examined.subject}\n{examined.text[:_LOOKED_AT]}")
        facts = []
        for symbol, subject in subjects().items():
            phrases = spoken(subject.phrases, text)
            if len(phrases) >= subject.needs:
                facts.append(fact(self.name, symbol, *phrases))
        return facts
