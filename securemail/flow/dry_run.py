"""What a policy would have decided for mail of the last days: from what was found then, without the messages."""

from dataclasses import dataclass, field, replace
from typing import Any

from optimails.model.address import EmailAddress
from securemail.analysis import Analysis
from securemail.case import Case, Direction
from securemail.flow import envelopes
from securemail.flow.judge import GLOBAL, builtin, case_of, without
from securemail.ledger.ledger import Ledger
from securemail.ledger.reading import Search, Tracked
from securemail.policy.decide import Scoped, decide
from securemail.policy.dial import sureness
from securemail.policy.document import Policy

_PAGE = 500
_MOST = 100_000  # messages


@dataclass(slots=True)
class Differences:
    """``unsure`` counts recipients whose rules ask for words: texts are not kept, so those rules were left out."""

    looked_at: int = 0
    unsure: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


async def differences(ledger: Ledger, scope: str, policy: Policy, days: int) -> Differences:
    """For everybody whom the scope concerns. Nothing is changed."""
    found = Differences()
    present = {one.scope: Scoped(one.scope, one.version, one.policy) for one in await ledger.policies.newest()}
    present.setdefault(GLOBAL, Scoped(GLOBAL, 0, builtin()))
    tried = {**present, scope: Scoped(scope, 0, policy)}
    search = Search(since=ledger.clock() - days * 86_400, limit=_PAGE)
    while page := await ledger.find(search):
        for message in page:
            _compare(found, message, scope, tried)
        if found.looked_at >= _MOST:
            break
        search = replace(search, before=(page[-1].arrival.arrived, page[-1].arrival.id))
    return found


def _compare(found: Differences, message: Tracked, scope: str, tried: dict[str, Scoped]) -> None:
    arrival = message.arrival
    for entry in message.recipients:
        whose = arrival.sender if arrival.direction is Direction.OUTBOUND else entry.address
        names = [GLOBAL, f"domain:{whose.rpartition('@')[2]}", f"user:{_key(whose)}"]
        if scope not in names or entry.decision is None:
            continue
        found.looked_at += 1
        scopes = [tried[name] for name in names if name in tried]
        if any(rule.when.words for one in scopes for rule in one.policy.rule if rule.enabled):
            found.unsure += 1
        off = {name for one in scopes for name in one.policy.off}
        decision = decide(_case(message, off), scopes, EmailAddress.parse(entry.address), sureness)
        if decision.action is not entry.decision.action:
            by = decision.decided_by
            found.rows.append(
                {
                    "message": arrival.id,
                    "arrived": arrival.arrived,
                    "sender": arrival.sender or "<>",
                    "address": entry.address,
                    "subject": arrival.subject,
                    "before": entry.decision.action.value,
                    "after": decision.action.value,
                    "rule": f"{by.scope} {by.rule}" if by else "",
                }
            )


def _case(message: Tracked, off: set[str]) -> Case:
    arrival = message.arrival
    envelope = envelopes.read(arrival.envelope, arrival.sender, (), None)
    analysis = without(Analysis(message.findings, arrival.author, arrival.subject), off)
    case = case_of(envelope, analysis, arrival.direction, size=arrival.size, arrived=arrival.arrived)
    return replace(case, proven=True) if arrival.account else case


def _key(address: str) -> str:
    return EmailAddress.parse(address).base.key if address else ""
