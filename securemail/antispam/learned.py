"""The learnt model as an analyser: what all features of a message say together, as the odds that it is spam."""

from functools import cache
from pathlib import Path

from securemail.antispam.calibration import probability
from securemail.antispam.model import Model, load
from securemail.antispam.tokens import blocks
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact

START = Path(__file__).with_name("start.model")
"""What an installation knows before it has seen any mail; scripts/build_spam_model.py makes it."""
_NOTHING = 0.05


@cache
def start_model() -> Model:
    """The model that is shipped."""
    return load(START)


class Learned:
    """One model. In *shadow* its word is told and kept with every message, and does not count: so one sees what a model
    would do before it may do it."""

    name = "learned"

    def __init__(self, model: Model, *, shadow: bool) -> None:
        self._model = model
        self._shadow = shadow

    @property
    def version(self) -> str:
        return self._model.name

    def examine(self, examined: Examined, context: Context) -> list[Fact]:  # noqa: ARG002 - every analyser gets it
        """One fact, ``LEARNED_SPAM`` or ``LEARNED_HAM``; none when the model cannot tell."""
        odds = self._model.odds(blocks(examined))
        if abs(odds) < _NOTHING:
            return []
        symbol = "LEARNED_SPAM" if odds > 0 else "LEARNED_HAM"
        return [
            Fact(symbol, 0.0 if self._shadow else odds, (f"{100 * probability(odds):.2f} %",), self.name, self.version)
        ]
