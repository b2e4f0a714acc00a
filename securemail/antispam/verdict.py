"""From what the antispam analysers found to one probability."""

from collections.abc import Sequence

from securemail.antispam.calibration import MOST_SURE, probability
from securemail.facts import Fact

_LEARNT = ("LEARNED_", "BAYES_")
_RULES_LIFT = 6.0
_UNKNOWN = -3.0  # a message of which no model says anything
_RARER = -1.3
"""Three of ten messages that a model learns from are spam; of what comes to a company, once servers without a name and
forgers are gone, it is one of ten."""


def spam_probability(facts: Sequence[Fact]) -> float:
    """That the message is spam.

    Weights are logarithms of odds, and add up. Rules and model see much of the same: the sum of the rules is bounded,
    so that a long list of small suspicions does not outweigh a model that is sure of the opposite.
    """
    said = [fact.weight for fact in facts if fact.weight and fact.symbol.startswith(_LEARNT)]
    learnt = sum(said)
    rules = sum(fact.weight for fact in facts) - learnt
    total = (learnt + _RARER if said else _UNKNOWN) + max(-_RULES_LIFT, min(_RULES_LIFT, rules))
    return probability(max(-MOST_SURE, min(MOST_SURE, total)))
