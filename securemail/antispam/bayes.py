"""Token Bayes over what a domain's people have reported (Robinson, "A Statistical Approach to the Spam Problem", 2003).

The learnt model is retrained at night; this one knows a report at once. The features of a message are the words of
``tokens``; each has been seen in so many spam and good messages. The strongest of them are combined by Fisher's method:
once for spam, once against it, so that words for both sides end in the middle and not at one of the ends.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import exp, log
from typing import Protocol

from securemail.antispam.memory import Memory
from securemail.antispam.tokens import blocks
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact

ENOUGH = 30
"""Messages of each kind, before anything is said."""
_STRENGTH = 0.45  # how many messages' worth a word is thought neutral before it was seen
_NEUTRAL = 0.1  # words so near the middle are left out
_MOST = 150  # words that count
_WEIGHT = 3.0  # of a message about which every word agrees
_UNSURE = 0.2


class Counts(Protocol):
    """What was learnt."""

    def messages(self) -> tuple[int, int]:
        """Of spam and of good mail."""

    def features(self, wanted: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        """In how many of each the features were; those never seen may be missing."""


def indicator(counts: Counts, features: Iterable[int]) -> float | None:
    """From -1, surely good, to 1, surely spam; None while too little was learnt."""
    spam, good = counts.messages()
    if min(spam, good) < ENOUGH:
        return None
    strengths = []
    for in_spam, in_good in counts.features(features).values():
        often = in_spam / spam + in_good / good
        seen = in_spam + in_good
        if not seen:
            continue
        share = (_STRENGTH * 0.5 + seen * (in_spam / spam) / often) / (_STRENGTH + seen)
        if abs(share - 0.5) > _NEUTRAL:
            strengths.append(share)
    strengths.sort(key=lambda share: -abs(share - 0.5))
    strongest = strengths[:_MOST]
    if not strongest:
        return 0.0
    against = _chance(-2 * sum(map(log, strongest)), len(strongest))
    in_favour = _chance(-2 * sum(log(1 - share) for share in strongest), len(strongest))
    return against - in_favour


def _chance(square: float, pairs: int) -> float:
    """Of a chi-square that is this large or larger, with twice so many degrees of freedom."""
    half = square / 2
    if half > 700:  # exp would be 0
        return 0.0
    term = total = exp(-half)
    for number in range(1, pairs):
        term *= half / number
        total += term
    return min(total, 1.0)


class Bayes:
    name = "bayes"
    version = "1"

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """``BAYES_SPAM`` or ``BAYES_HAM`` by the memory of the recipients' domain; nothing where there is none."""
        counts = memory(context.memory) if context.memory else None
        found = indicator(counts, blocks(examined)[0]) if counts else None
        if found is None or abs(found) < _UNSURE:
            return []
        symbol = "BAYES_SPAM" if found > 0 else "BAYES_HAM"
        return [Fact(symbol, _WEIGHT * found, (f"{50 + 50 * found:.1f} %",), self.name, self.version)]


@lru_cache(maxsize=32)
def memory(path: str) -> Memory:
    """That domain's; opened once a process."""
    return Memory(path)
