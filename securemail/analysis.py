"""All that is found in a message by reading it: what runs in a filter worker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from securemail.analyser import Analyser
from securemail.antispam.classes import mail_class
from securemail.antispam.verdict import spam_probability
from securemail.case import worst
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Examination, Undeterminable
from securemail.ledger.values import Findings, findings_of, findings_text, text_of
from securemail.policy.words import LIMIT, fold
from securemail.structure.walk import Scan, look_inside

_MAX_HOSTS = 100
_SHOWN = 300  # characters of a header field that are kept


@dataclass(frozen=True, slots=True)
class Analysis:
    """``text`` is folded, for the words of policies; it is not kept."""

    findings: Findings
    author: str = ""
    subject: str = ""
    message_id: str = ""
    text: str = ""
    hosts: tuple[str, ...] = ()  # where links lead; not kept

    @classmethod
    def of(cls, examined: Examined) -> "Analysis":
        """What a message says of itself, when nobody has looked at it yet."""
        return cls(
            Findings(),
            examined.author[1][:_SHOWN],
            examined.subject[:_SHOWN],
            examined.field("message-id")[:_SHOWN],
        )

    def dumps(self) -> bytes:
        said = [self.author, self.subject, self.message_id, self.text, list(self.hosts)]
        return text_of([findings_text(self.findings), *said]).encode("utf-8", "replace")

    @classmethod
    def loads(cls, data: bytes) -> "Analysis":
        """Raises ``ValueError``, ``TypeError`` or ``KeyError`` for anything that ``dumps`` did not write."""
        findings, author, subject, message_id, text, hosts = json.loads(data)
        return cls(findings_of(findings), str(author), str(subject), str(message_id), str(text), tuple(map(str, hosts)))


def analyse(raw: bytes, context: Context, analysers: Sequence[Analyser], scans: Sequence[Scan] = ()) -> Analysis:
    """Look inside, and ask every analyser. One that breaks down is our bug: it is told, and the message is
    undeterminable."""
    examined = Examined(raw)
    inside = look_inside(examined, scans)
    facts, examinations = inside.facts(), [inside.examination()]
    for one in analysers:
        try:
            facts += one.examine(examined, context)
        except Exception as wrong:  # noqa: BLE001 - whatever it is, the others are still asked
            examinations.append(Examination(one.name, Undeterminable(type(wrong).__name__), one.version))
    return replace(
        Analysis.of(examined),
        findings=Findings(
            tuple(facts),
            tuple(examinations),
            tuple(inside.files),
            spam=spam_probability(facts),
            mail_class=mail_class(examined, context, facts),
            health=worst(examinations),
        ),
        text=fold(examined.text)[:LIMIT],
        hosts=tuple(dict.fromkeys(link.host for link in examined.links if link.clicked))[:_MAX_HOSTS],
    )
