import asyncio
from pathlib import Path
from typing import Any

import pytest

from optimails.delivery.api import SmtpEnvelope
from optimails.directory.api import Resolution
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry, EntryKind
from optimails.model.errors import Reason, Refused
from securemail.analysis import Analysis
from securemail.antispam.verdict import spam_probability
from securemail.case import Sureness
from securemail.facts import Fact
from securemail.flow.judge import Judge
from securemail.flow.people import People
from securemail.ledger.ledger import Ledger
from securemail.ledger.values import Findings
from securemail.policy.decide import Decision
from securemail.policy.document import ActionKind

ANNA, BEN = EmailAddress.parse("anna@example.org"), EmailAddress.parse("ben@other.example")
FACTS = (Fact("LEARNED_SPAM", 4.0, analyser="model"), Fact("PHRASES_MONEY", 5.0, analyser="phrases"))


class Directory:
    """Two domains whose addresses are all unknown, and a company book."""

    def __init__(self) -> None:
        self.version = 1
        self.entries = [CompanyEntry("1", "Anna Müller", ("Anna@example.org", "am@example.org"))]
        self.asked = 0

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        raise Refused(Reason.NON_EXISTENT, str(recipient))

    async def company(self, domain: str, known: int) -> tuple[int, Any]:
        if domain != "example.org":
            raise Refused(Reason.NON_EXISTENT, domain)
        self.asked += known != self.version
        return self.version, None if known == self.version else tuple(self.entries)


def decided(data: Path, policies: dict[str, str], facts: tuple[Fact, ...] = FACTS) -> dict[EmailAddress, Decision]:
    async def work() -> dict[EmailAddress, Decision]:
        ledger, directory = Ledger(data), Directory()
        for scope, source in policies.items():
            await ledger.policies.put(scope, source, "test")
        made: Any = directory
        analysis = Analysis(Findings(facts, spam=spam_probability(facts)))
        envelope = SmtpEnvelope(None, (ANNA, BEN))
        return await Judge(ledger.policies, made).decisions(envelope, analysis, {}, size=1, arrived=0.0)

    return asyncio.run(work())


def test_the_builtin_policy_counts_until_somebody_writes_one(tmp_path: Path) -> None:
    assert {one.action for one in decided(tmp_path, {}).values()} == {ActionKind.REJECT}
    assert {one.action for one in decided(tmp_path, {"global": ""}).values()} == {ActionKind.DELIVER}


def test_each_recipient_has_his_own_dial_and_analysers(tmp_path: Path) -> None:
    found = decided(tmp_path, {"domain:other.example": 'off = ["phrases"]'})
    assert found[ANNA].spam is Sureness.CERTAIN
    assert found[BEN].spam in (Sureness.POSSIBLE, Sureness.PROBABLE)
    grey = (Fact("LEARNED_SPAM", 1.5, analyser="model"),)
    found = decided(tmp_path, {"domain:example.org": "dial = 1", "domain:other.example": "dial = 5"}, grey)
    assert found[ANNA].action is ActionKind.DELIVER
    assert found[BEN].action is not ActionKind.DELIVER


def test_a_message_is_put_off_once(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        now = 1000.0
        ledger = Ledger(tmp_path, clock=lambda: now)
        answers = [await ledger.came_again("aa", 240)]
        now += 200
        answers.append(await ledger.came_again("aa", 240))
        now += 50
        return [*answers, await ledger.came_again("aa", 240), await ledger.came_again("bb", 240)]

    assert asyncio.run(work()) == [False, False, True, False]


def test_people_are_read_again_when_the_directory_changes(tmp_path: Path) -> None:
    del tmp_path

    async def work() -> None:
        directory = Directory()
        made: Any = directory
        people = People(made)
        assert await people.of(["example.org", "nowhere.example"]) == {
            "anna muller": frozenset({"anna@example.org", "am@example.org"})
        }
        await people.of(["example.org"])
        assert directory.asked == 1
        directory.version = 2
        directory.entries.append(CompanyEntry("2", "All of us", ("all@example.org",), kind=EntryKind.LIST))
        directory.entries.append(CompanyEntry("3", "müller ANNA", ("anna2@example.org",)))
        assert len((await people.of(["example.org"]))["anna muller"]) == 3

    asyncio.run(work())


@pytest.mark.parametrize("source", ["", "dial = 9", "rule = 1", "x = ["])
def test_only_policies_are_written(tmp_path: Path, source: str) -> None:
    from securemail.policy.document import BadPolicy

    ledger = Ledger(tmp_path)
    if source:
        with pytest.raises(BadPolicy):
            asyncio.run(ledger.policies.put("global", source, "test"))
        assert asyncio.run(ledger.policies.get("global")) is None
    else:
        assert asyncio.run(ledger.policies.put("global", source, "test", after=0)) == 1
        with pytest.raises(Refused):
            asyncio.run(ledger.policies.put("global", source, "test", after=0))
