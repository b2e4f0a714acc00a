"""No business mail is taken for spam: 210 messages, French and English, of the kinds that come every day."""

from collections import Counter

import pytest

from securemail.analysis import Analysis, analyse
from securemail.case import Sureness
from securemail.context import Context
from securemail.policy.dial import POSITIONS, sureness
from securemail.techniques import all_analysers
from tests.business.mails import Mail, mails

HERE = Context(
    client="198.51.100.1", client_name="smtp.example", helo="smtp.example", domains=frozenset({"demo.test"}),
    people={"claire martin": frozenset({"claire.martin@demo.test"})},
)  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> list[tuple[Mail, Analysis]]:
    analysers = all_analysers()
    return [(mail, analyse(mail.raw, HERE, analysers)) for mail in mails()]


@pytest.mark.parametrize("position", POSITIONS)
def test_none_is_touched_at_any_position(judged: list[tuple[Mail, Analysis]], position: int) -> None:
    wrong = {
        mail.name: (round(found.findings.spam, 3), [fact.symbol for fact in found.findings.facts])
        for mail, found in judged
        if sureness(found.findings.spam, position) is not Sureness.HAM
    }
    assert wrong == {}


def test_there_is_enough_of_every_kind(judged: list[tuple[Mail, Analysis]]) -> None:
    kinds = Counter((mail.kind, mail.language) for mail, _ in judged)
    assert sum(kinds.values()) >= 150
    assert min(kinds.values()) >= 9
    assert len({mail.raw for mail, _ in judged}) == len(judged)
