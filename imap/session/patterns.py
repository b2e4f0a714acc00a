"""Mailbox name patterns of LIST and LSUB (RFC 9051 §6.3.9): ``*`` is anything, ``%`` anything within one level.

A pattern comes from the network, so it is matched by running all its positions side by side, one bit each: time grows
with their two lengths, whatever the pattern is. A regular expression would backtrack for minutes over ``*a*a*a*a*a*b``.
"""

from collections.abc import Callable, Sequence

from optimails.model.mailbox_name import INBOX, SEPARATOR, canonical

Matcher = Callable[[str], bool]


def matcher(patterns: Sequence[str]) -> Matcher:
    """Whether a name matches one of the patterns; INBOX in any case (RFC 9051 §5.1)."""
    matchers = [_one(pattern) for pattern in patterns]
    if len(matchers) == 1:
        return matchers[0]
    return lambda name: any(match(name) for match in matchers)


def _one(pattern: str) -> Matcher:
    while "**" in pattern or "%*" in pattern or "*%" in pattern or "%%" in pattern:
        pattern = pattern.replace("**", "*").replace("%*", "*").replace("*%", "*").replace("%%", "%")
    pattern = canonical(pattern)
    if pattern == "*":
        return lambda _: True
    if pattern == "%":
        return lambda name: SEPARATOR not in name
    if "*" not in pattern and "%" not in pattern:
        return lambda name: name == pattern
    exact, inbox = _compiled(pattern), _compiled(pattern.upper())
    return lambda name: exact(name) or (name == INBOX and inbox(name))


def _compiled(pattern: str) -> Matcher:
    accept = 1 << len(pattern)
    star = sum(1 << at for at, character in enumerate(pattern) if character == "*")
    wild = star | sum(1 << at for at, character in enumerate(pattern) if character == "%")
    moves: dict[str, int] = {}
    for at, character in enumerate(pattern):
        if character not in "*%":
            moves[character] = moves.get(character, 0) | 1 << at

    def match(name: str) -> bool:
        # A wildcard may also stand for nothing; two never stand side by side, so one step over them is enough.
        states = 1 | (1 & wild) << 1
        for character in name:
            stay = states & (star if character == SEPARATOR else wild)
            states = (states & moves.get(character, 0)) << 1 | stay
            states |= (states & wild) << 1
            if not states:
                return False
        return bool(states & accept)

    return match
