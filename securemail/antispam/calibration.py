"""From scores to probabilities (Platt, "Probabilistic Outputs for Support Vector Machines", 1999; the solution as Lin,
Lin and Weng give it, 2007).

Two numbers, fitted to scores of messages that the model has not seen. A curve with more freedom (isotonic regression)
says 0 or 1 where the few hundred messages at hand happen to be pure; the logistic one stays modest there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

MOST_SURE = log(9999)  # nothing is surer than one error in ten thousand
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """``odds`` of a score is ``slope * score + offset``."""

    slope: float = 1.0
    offset: float = 0.0

    def odds(self, score: float) -> float:
        """The logarithm of the odds."""
        return max(-MOST_SURE, min(MOST_SURE, self.slope * score + self.offset))


def probability(odds: float) -> float:
    """Of the logarithm of the odds; never 0 or 1."""
    if odds < 0:
        small = exp(max(odds, -700.0))
        return small / (1 + small)
    return 1 / (1 + exp(-min(odds, 700.0)))


def fit(scores: Sequence[float], spam: Sequence[bool]) -> Calibration:
    """The calibration under which these messages are likeliest; ``Calibration()`` when one kind is missing.

    Targets are not quite 0 and 1 (one message of each kind is thought to be wrong), so that perfect separation has an
    answer as well. Newton's method on two variables, with steps halved until they help.
    """
    many = sum(spam)
    few = len(spam) - many
    if not many or not few:
        return Calibration()
    high, low = (many + 1) / (many + 2), 1 / (few + 2)
    targets = [high if one else low for one in spam]
    slope, offset = 0.0, log((many + 1) / (few + 1))
    loss = _loss(scores, targets, slope, offset)
    for _ in range(_STEPS):
        step_slope, step_offset = _newton(scores, targets, slope, offset)
        length = 1.0
        while length > 1e-10:
            better = _loss(scores, targets, slope + length * step_slope, offset + length * step_offset)
            if better < loss:
                break
            length /= 2
        else:
            break
        slope, offset = slope + length * step_slope, offset + length * step_offset
        if loss - better < 1e-9 * len(scores):
            break
        loss = better
    return Calibration(slope, offset)


def _newton(scores: Sequence[float], targets: Sequence[float], slope: float, offset: float) -> tuple[float, float]:
    g_slope = g_offset = h_both = 0.0
    h_slope = h_offset = 1e-12
    for score, target in zip(scores, targets, strict=True):
        p = probability(slope * score + offset)
        difference, curve = target - p, p * (1 - p)
        g_slope += score * difference
        g_offset += difference
        h_slope += score * score * curve
        h_offset += curve
        h_both += score * curve
    determinant = h_slope * h_offset - h_both * h_both
    if determinant <= 0:
        return 0.0, 0.0
    return (
        (h_offset * g_slope - h_both * g_offset) / determinant,
        (h_slope * g_offset - h_both * g_slope) / determinant,
    )


def _loss(scores: Sequence[float], targets: Sequence[float], slope: float, offset: float) -> float:
    total = 0.0
    for score, target in zip(scores, targets, strict=True):
        odds = slope * score + offset
        # -(t log p + (1-t) log(1-p)), without overflow
        total += (log(1 + exp(-odds)) + (1 - target) * odds) if odds >= 0 else (log(1 + exp(odds)) - target * odds)
    return total
