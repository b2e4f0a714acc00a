"""From the rules of all scopes to what becomes of a message for one recipient.

Scopes go from the whole service down to one user. In each scope rules are asked in their order; ``tag`` marks the
message and goes on to the next rule, the first other one that fits speaks for the scope. What a lower scope says takes
the place of what the scopes above said: lower scopes refine. But when a rule that fits is ``locked``, nothing after it
is heard any more, and so nobody can lower what it decided. Marks add up and stay on whatever is delivered in the end,
unless a lower scope says plainly ``deliver``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from optimails.model.address import EmailAddress
from securemail.case import Case, Sureness
from securemail.policy.document import ActionKind, Policy, Rule
from securemail.policy.matching import holds

DEFAULT_DIAL = 3


@dataclass(frozen=True, slots=True)
class Scoped:
    """The policy of one scope, in one of its versions."""

    scope: str  # "global", "domain:example.org", "group:…", "user:…"
    version: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that fitted, and what it saw."""

    scope: str
    version: int
    rule: str
    action: ActionKind
    seen: tuple[str, ...] = ()
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """For one recipient. ``reasons`` are all rules that spoke, the one that decided last."""

    action: ActionKind
    spam: Sureness
    reasons: tuple[Reason, ...] = ()
    zone: str = ""
    to: str = ""
    subject: str = ""  # marks before the subject
    notify: tuple[str, ...] = ()

    @property
    def decided_by(self) -> Reason | None:
        return self.reasons[-1] if self.reasons else None


def decide(
    case: Case, scopes: Sequence[Scoped], recipient: EmailAddress, dial: Callable[[float, int], Sureness]
) -> Decision:
    """``scopes`` from the top down; ``dial`` divides the probability of spam for a position of the spamentiomètre."""
    position = next((one.policy.dial for one in reversed(scopes) if one.policy.dial), DEFAULT_DIAL)
    zone = _zone(next((one.policy.zone for one in reversed(scopes) if one.policy.zone), "UTC"))
    spam = dial(case.spam, position)
    decision = Decision(ActionKind.DELIVER, spam)
    for scoped in scopes:
        for rule in scoped.policy.rule:
            seen = _fits(rule, case, recipient, spam, zone)
            if seen is None:
                continue
            decision = _refined(decision, scoped, rule, seen)
            if rule.locked:
                return decision
            if rule.then.action is not ActionKind.TAG:
                break
    return decision


def _fits(rule: Rule, case: Case, recipient: EmailAddress, spam: Sureness, zone: tzinfo) -> list[str] | None:
    if not rule.enabled or case.direction not in rule.directions:
        return None
    seen = holds(rule.when, case, recipient, spam, zone)
    if seen is None or any(holds(one, case, recipient, spam, zone) is not None for one in rule.unless):
        return None
    return seen


def _refined(before: Decision, scoped: Scoped, rule: Rule, seen: Sequence[str]) -> Decision:
    then = rule.then
    marks = "" if then.action is ActionKind.DELIVER else " ".join(filter(None, (before.subject, then.subject)))
    reason = Reason(scoped.scope, scoped.version, rule.name, then.action, tuple(one[:200] for one in seen), rule.locked)
    return replace(
        before,
        action=then.action,
        reasons=(*before.reasons, reason),
        zone=then.zone or rule.name if then.action is ActionKind.QUARANTINE else "",
        to=then.to or "",
        subject=marks,
        notify=tuple(str(one) for one in then.notify),
    )


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):
        return UTC
