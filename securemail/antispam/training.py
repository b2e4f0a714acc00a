"""How the logistic model learns: stochastic gradient descent over messages in random order, in plain Python.

A message's features count together as one vector of fixed length, so one step size fits all. Messages that the model
already knows well are passed over; after a few rounds only those near the border cost time. The mean of the weights
over the last rounds is what is kept: it no longer depends on which message came last.

The same dice every time: the same mail gives the same model.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from random import Random

from securemail.antispam import calibration
from securemail.antispam.model import Model, packed, scales
from securemail.antispam.tokens import BITS, Blocks

ROUNDS = 24
_AVERAGED = 8  # of the last rounds
_RATE = 4.0  # of the first round; falls to a tenth
_KNOWN = 0.004  # error below which a message teaches nothing
_FOLDS = 3
_SEVERAL = 3


@dataclass(frozen=True, slots=True)
class Example:
    """``group`` tells which messages are versions of one another; ``weight`` how often it counts."""

    blocks: tuple[array, ...]  # type: ignore[type-arg]  # of int
    spam: bool
    group: int
    weight: float
    counts: tuple[float, ...]  # what one feature of each block counts

    @classmethod
    def of(cls, blocks: Blocks, *, spam: bool, group: int = 0, weight: float = 1.0) -> "Example":
        """Features in a twentieth of the space of sets."""
        arrays = tuple(array("I", sorted(block)) for block in blocks)
        return cls(arrays, spam, group, weight, tuple(scales(blocks)))


def train(examples: Sequence[Example], name: str) -> Model:
    """A model of these messages, calibrated on what models of two thirds of them say of the rest."""
    scores: list[float] = []
    spam: list[bool] = []
    for fold in range(_FOLDS):
        rest = [one for one in examples if one.group % _FOLDS == fold]
        if rest and len(rest) < len(examples):
            weights = fit([one for one in examples if one.group % _FOLDS != fold])
            half = packed(weights, calibration.Calibration(), "")
            scores += [half.score(one.blocks) for one in rest]  # type: ignore[arg-type]
            spam += [one.spam for one in rest]
    return packed(fit(examples), calibration.fit(scores, spam), name)


def fit(examples: Sequence[Example]) -> list[float]:
    """One weight a feature. There is no constant beside them: of a message without known features nothing is known."""
    dice = Random(1)  # noqa: S311 - no secret
    order = _without_rare(examples)
    weights, total = [0.0] * (1 << BITS), [0.0] * (1 << BITS)
    for number in range(ROUNDS):
        rate = _RATE * 0.1 ** (number / ROUNDS)
        dice.shuffle(order)
        for one in order:
            _learn(weights, one, rate)
        if number >= ROUNDS - _AVERAGED:
            total = [have + new for have, new in zip(total, weights, strict=True)]
    return [weight / _AVERAGED for weight in total]


def _without_rare(examples: Sequence[Example]) -> list[Example]:
    """The same with those features alone that stand in several of them.

    What was seen once or twice is a name, an id or chance. And it fills the table: a message of another time or
    language would then find weights for words that nobody has ever seen, where it should find nothing.
    """
    seen = bytearray(1 << BITS)
    for one in examples:
        for feature in set().union(*one.blocks):
            if seen[feature] < _SEVERAL:
                seen[feature] += 1
    return [
        replace(one, blocks=tuple(array("I", (it for it in block if seen[it] >= _SEVERAL)) for block in one.blocks))
        for one in examples
    ]


def _learn(weights: list[float], one: Example, rate: float) -> None:
    counts = one.counts
    get = weights.__getitem__
    odds = sum(count * sum(map(get, block)) for count, block in zip(counts, one.blocks, strict=True))
    error = 1 / (1 + exp(-max(-30.0, min(30.0, odds)))) - one.spam
    if abs(error) < _KNOWN:
        return
    step = rate * error * one.weight
    for count, block in zip(counts, one.blocks, strict=True):
        change = step * count
        for feature in block:
            weights[feature] -= change
