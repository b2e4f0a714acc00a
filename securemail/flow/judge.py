"""From what was found of a message to what becomes of it for each recipient."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache
from pathlib import Path

from optimails.authentication import Result
from optimails.delivery.api import SmtpEnvelope
from optimails.directory.api import Directory, Resolution
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import MailError
from securemail.analysis import Analysis
from securemail.antispam.verdict import spam_probability
from securemail.case import Case, Direction
from securemail.ledger.policies import Policies
from securemail.policy.decide import Decision, Scoped, decide
from securemail.policy.dial import sureness
from securemail.policy.document import Policy, parse
from securemail.policy.words import fold

GLOBAL = "global"


BUILTIN = Path(__file__).parent.parent / "policy" / "builtin.toml"
"""What holds for everybody until an administrator writes a policy for the whole service."""


@cache
def builtin() -> Policy:
    return parse(BUILTIN.read_text())


class Judge:
    def __init__(self, policies: Policies, directory: Directory) -> None:
        self._policies = policies
        self._directory = directory

    async def decisions(
        self,
        envelope: SmtpEnvelope,
        analysis: Analysis,
        known: Mapping[EmailAddress, Resolution],
        *,
        size: int,
        arrived: float,
    ) -> dict[EmailAddress, Decision]:
        """One for each recipient. Raises ``Unavailable`` when the policies or the directory cannot be read."""
        found: dict[EmailAddress, Decision] = {}
        read: dict[tuple[str, ...], list[Scoped]] = {}
        for recipient in envelope.recipients:
            resolution = known.get(recipient) or await self.resolution(recipient)
            direction = direction_of(envelope, resolution)
            names = tuple(self._scopes(envelope, recipient, resolution, direction))
            if names not in read:
                read[names] = await self.scoped(names)
            heard = without(analysis, {name for one in read[names] for name in one.policy.off})
            case = case_of(envelope, heard, direction, size=size, arrived=arrived)
            decision = decide(case, read[names], recipient, sureness)
            # What our users send is signed already: a mark in it would break the signature.
            found[recipient] = replace(decision, subject="") if envelope.account else decision
        return found

    async def scoped(self, names: Sequence[str]) -> list[Scoped]:
        """The policies of these scopes, the built-in one where there is none for the whole service."""
        found = await self._policies.of(names)
        if names[0] == GLOBAL and (not found or found[0].scope != GLOBAL):
            found.insert(0, Scoped(GLOBAL, 0, builtin()))
        return found

    async def resolution(self, recipient: EmailAddress) -> Resolution:
        """Where an address leads to, nowhere for what is not ours."""
        try:
            return await self._directory.resolve(recipient)
        except MailError:
            return Resolution(())

    @staticmethod
    def _scopes(
        envelope: SmtpEnvelope, recipient: EmailAddress, resolution: Resolution, direction: Direction
    ) -> list[str]:
        """Whose policies count: the reader's, and for what leaves the house, the writer's."""
        if direction is Direction.OUTBOUND and envelope.account is not None:
            return scopes_of(envelope.account.address.domain, envelope.account)
        only = resolution.accounts[0] if len(resolution.accounts) == 1 else None
        return scopes_of(recipient.domain, only)


def scopes_of(domain: str, account: Account | None) -> list[str]:
    """From the top down."""
    names = [GLOBAL, f"domain:{domain}"]
    if account is not None:
        names.append(f"user:{account.address.key}")
    return names


def direction_of(envelope: SmtpEnvelope, resolution: Resolution) -> Direction:
    if envelope.account is None:
        return Direction.INBOUND
    return Direction.INTERNAL if resolution.accounts or resolution.lists else Direction.OUTBOUND


def without(analysis: Analysis, off: AbstractSet[str]) -> Analysis:
    """What was found, but for analysers that these people do not want to hear."""
    facts = tuple(one for one in analysis.findings.facts if one.analyser not in off)
    if len(facts) == len(analysis.findings.facts):
        return analysis
    return replace(analysis, findings=replace(analysis.findings, facts=facts, spam=spam_probability(facts)))


def case_of(envelope: SmtpEnvelope, analysis: Analysis, direction: Direction, *, size: int, arrived: float) -> Case:
    """What rules can ask for."""
    findings, checked = analysis.findings, envelope.authentication
    return Case(
        direction=direction,
        sender=envelope.sender,
        size=size,
        arrived=arrived,
        author=analysis.author,
        client=envelope.client,
        proven=envelope.account is not None or (checked is not None and checked.dmarc.result is Result.PASS),
        facts=findings.facts,
        examinations=findings.examinations,
        files=findings.files,
        spam=findings.spam,
        mail_class=findings.mail_class,
        subject=fold(analysis.subject),
        text=analysis.text,
    )
