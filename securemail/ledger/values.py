"""What the ledger keeps of a message, and how it is written down."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from securemail import facts
from securemail.case import Case, Direction, File, FileKind, Health, MailClass, Sureness
from securemail.facts import Examination, Fact
from securemail.policy.decide import Decision, Reason
from securemail.policy.document import ActionKind

_OUTCOMES = {one.__name__.lower(): one for one in facts.Outcome.__args__}


class State(StrEnum):
    """Of a message for one recipient. It moves forward only."""

    RECEIVED = "received"
    ANALYSED = "analysed"
    DECIDED = "decided"
    DELIVERED = "delivered"  # into a mailbox here, or into the queue for another server
    QUARANTINED = "quarantined"
    HELD = "held"
    REJECTED = "rejected"
    REDIRECTED = "redirected"
    DESTROYED = "destroyed"
    FAILED = "failed"  # delivery refused it, and its sender was told
    RELEASED = "released"  # out of quarantine or hold, and delivered
    DELETED = "deleted"  # out of quarantine, by somebody
    EXPIRED = "expired"  # out of quarantine, by time


OPEN = (State.RECEIVED, State.ANALYSED, State.DECIDED)
KEPT = (State.QUARANTINED, State.HELD)
"""Final, and the content is there: somebody may still decide otherwise."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came in, apart from its content."""

    id: str
    arrived: float  # Unix seconds
    direction: Direction
    sender: str  # of the envelope; empty: the null sender
    author: str
    client: str
    account: str  # id of the account that sent it
    size: int  # bytes
    subject: str
    message_id: str
    fingerprint: str  # the same message that comes again has the same one
    envelope: Mapping[str, Any] = field(default_factory=dict)  # what delivery needs to know of it


@dataclass(frozen=True, slots=True)
class Findings:
    """What the analysis said."""

    facts: tuple[Fact, ...] = ()
    examinations: tuple[Examination, ...] = ()
    files: tuple[File, ...] = ()
    spam: float = 0.0  # probability
    mail_class: MailClass | None = None
    health: Health = Health.CLEAN

    @classmethod
    def of(cls, case: Case) -> "Findings":
        return cls(
            tuple(case.facts), tuple(case.examinations), tuple(case.files), case.spam, case.mail_class, case.health
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the journal."""

    at: float
    message: str
    address: str
    what: str
    detail: str = ""
    actor: str = ""  # who did it; empty: the service


def findings_text(findings: Findings) -> str:
    values = asdict(findings)
    for one, row in zip(findings.examinations, values["examinations"], strict=True):
        row["outcome"] = {"kind": type(one.outcome).__name__.lower(), **asdict(one.outcome)}
    return text_of(values)


def findings_of(text: str) -> Findings:
    if not text:
        return Findings()
    values = json.loads(text)
    return Findings(
        tuple(Fact(**{**one, "evidence": tuple(one["evidence"])}) for one in values["facts"]),
        tuple(_examination(one) for one in values["examinations"]),
        tuple(File(**{**one, "kind": FileKind(one["kind"])}) for one in values["files"]),
        values["spam"],
        MailClass(values["mail_class"]) if values["mail_class"] else None,
        Health(values["health"]),
    )


def _examination(row: dict[str, Any]) -> Examination:
    outcome = dict(row["outcome"])
    kind = _OUTCOMES[outcome.pop("kind")]
    return Examination(row["engine"], kind(**outcome), row["version"])


def decision_text(decision: Decision) -> str:
    return text_of(asdict(decision))


def decision_of(text: str) -> Decision | None:
    """None where nothing was decided yet."""
    if not text:
        return None
    values = json.loads(text)
    reasons = tuple(
        Reason(**{**one, "action": ActionKind(one["action"]), "seen": tuple(one["seen"])}) for one in values["reasons"]
    )
    return Decision(
        **{
            **values,
            "action": ActionKind(values["action"]),
            "spam": Sureness(values["spam"]),
            "reasons": reasons,
            "notify": tuple(values["notify"]),
        }
    )


def text_of(values: Any) -> str:
    """As it is written into a column."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
