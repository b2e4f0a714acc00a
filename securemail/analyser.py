"""What every antispam technique looks like from outside."""

from typing import Protocol

from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact


class Analyser(Protocol):
    """Looks at a message and says what it finds; decides nothing, waits for nothing.

    Whatever the message, ``examine`` returns: it is bounded by what ``Examined`` shows. An exception is our bug, and
    the pipeline counts it as "undetermined".
    """

    @property
    def name(self) -> str:
        """As settings and facts have it: ``urls``."""

    @property
    def version(self) -> str:
        """Of the code, or of what it has learnt."""

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """What was found; nothing is an answer, too."""
