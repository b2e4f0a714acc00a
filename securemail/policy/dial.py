"""The spamentiomètre: five positions that divide the calibrated probability of spam.

At 1 only what is surely spam is touched, at 5 what may be. A position says how many wrong ones its reader bears with:
the lower bound of ``certain`` is the probability from which a message may be refused, of ``probable`` that from which
it goes to quarantine, of ``possible`` that from which it is in the grey zone.
"""

from securemail.case import Sureness

POSITIONS = {
    1: (0.9999, 0.995, 0.90),
    2: (0.9995, 0.98, 0.75),
    3: (0.999, 0.95, 0.50),
    4: (0.998, 0.85, 0.35),
    5: (0.995, 0.70, 0.20),
}


def sureness(probability: float, position: int) -> Sureness:
    """What a message with that probability is at that position."""
    certain, probable, possible = POSITIONS[position]
    if probability >= certain:
        return Sureness.CERTAIN
    if probability >= probable:
        return Sureness.PROBABLE
    return Sureness.POSSIBLE if probability >= possible else Sureness.HAM
