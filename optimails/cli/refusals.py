"""Refusals in the user's language.

The parts below the command line refuse in English: protocols carry those sentences, and logs. Here they are
recognised by the table ``[cli.refused]`` of the English catalogue and said again from the other one. A sentence that
the table does not know stays as it is; a test sees to it that the table knows those of the administration.
"""

import errno
import os
import re
import string
from typing import Final

from optimails.cli.frame import language
from optimails.texts import DEFAULT, catalogue, text

REFUSED: Final = "cli.refused."
PROBLEM: Final = "cli.problem."  # of the configuration
_VALUE = {"number": r"\S+", "key": r"\S+"}  # values that are one word


def translated(sentence: str, table: str = REFUSED) -> str:
    """The sentence in the language of this run."""
    if language() == DEFAULT:
        return sentence
    found = _recognised(sentence, table)
    if found is None:
        return sentence
    key, values = found
    # A reason inside the sentence is one of ours, too.
    return text(key, language(), **{name: translated(value, table) for name, value in values.items()})


def system_reason(code: int | None, otherwise: str) -> str:
    """What the operating system says by this error number; ``otherwise`` for errors without a text of ours."""
    key = f"cli.system.{errno.errorcode.get(code or 0, '').lower()}"
    return text(key, language()) if key in catalogue(DEFAULT) else os.strerror(code) if code else otherwise


def _recognised(sentence: str, table: str = REFUSED) -> tuple[str, dict[str, str]] | None:
    """The entry that says this; of several, that with the fewest letters left to its values."""
    matches = [
        (key, match.groupdict())
        for key, template in catalogue(DEFAULT).items()
        if key.startswith(table) and (match := re.fullmatch(_pattern(template), sentence, re.DOTALL))
    ]
    return min(matches, key=lambda found: sum(map(len, found[1].values())), default=None)


def _pattern(template: str) -> str:
    return "".join(
        re.escape(literal) + (f"(?P<{name}>{_VALUE.get(name, '.+')})" if name else "")
        for literal, name, _, _ in string.Formatter().parse(template)
    )
