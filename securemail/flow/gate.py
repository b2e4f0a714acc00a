"""The filter in front of delivery, as the doors see it: ``optimails.delivery.api.Delivery``.

A message is looked at while its sender waits for the answer. What may simply pass is delivered as if there were no
filter, and noted; what every recipient's policy rejects is refused, so that its sender knows and nobody bounces it to
somebody else. Everything else is kept, safe on disk with what was decided, before it is accepted; the runner
(``securemail.flow.runner``) brings it to its end. So is a message whose analysis takes longer than a sender waits.

**When it comes again.** What was kept for a recipient is known by content and sender, so that a retry keeps it once;
what was delivered is known to delivery itself. An engine that does not answer lets nothing pass: the sender is asked to
come again, or the message is kept until the engine is back, as the settings say.
"""

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from prometheus_client import Counter

from optimails.config.securemail import EngineAway, SecuremailSettings
from optimails.delivery.api import DELIVERED, Attempt, Delivered, Delivery, Failed, Outcome, SmtpEnvelope
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.unique import token
from securemail.analysis import Analysis
from securemail.case import Direction
from securemail.examined import Examined
from securemail.flow import envelopes
from securemail.flow.examiner import Examiner, engines_away
from securemail.flow.judge import Judge, direction_of
from securemail.flow.marks import marked, verdict_field
from securemail.ledger.ledger import End, Ledger
from securemail.ledger.values import Arrival, Findings, State
from securemail.policy.decide import Decision
from securemail.policy.document import ActionKind

log = logging.getLogger(__name__)

AWAY = Failed(permanent=False, status="4.7.1", text="The message cannot be checked now, try again later")
REJECTED = Failed(permanent=True, status="5.7.1", text="The message is refused by the policy of its recipient")
DEFERRED = Failed(permanent=False, status="4.7.1", text="Not sure about this message, try again in some minutes")
_DECISIONS = Counter("optimails_filter_decisions_total", "Decisions of the mail filter, by action.", ["action"])
PASSES = (ActionKind.DELIVER, ActionKind.TAG, ActionKind.DEFER)


@dataclass(slots=True)
class FilteredAttempt:
    """One message, perhaps delivered in several forms."""

    outcomes: dict[EmailAddress, Outcome] = field(default_factory=dict)
    parts: list[Attempt] = field(default_factory=list)
    marked: list[Spool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Message:
    """What is being delivered."""

    id: str
    envelope: SmtpEnvelope
    received: bytes
    content: Spool
    known: Mapping[EmailAddress, Resolution]
    arrived: float


class FilteredDelivery:
    """``optimails.delivery.api.Delivery``; one per worker."""

    def __init__(
        self, inner: Delivery, ledger: Ledger, examiner: Examiner, judge: Judge, settings: SecuremailSettings
    ) -> None:
        self._inner = inner
        self._ledger = ledger
        self._examiner = examiner
        self._judge = judge
        self._settings = settings

    async def deliver(
        self,
        envelope: SmtpEnvelope,
        received: bytes,
        content: Spool,
        known: Mapping[EmailAddress, Resolution] | None = None,
    ) -> FilteredAttempt:
        arrived = self._ledger.clock()
        fingerprint = envelope.fingerprint or await content.fingerprint(envelope.sender)
        envelope = replace(envelope, fingerprint=fingerprint)
        message = _Message(token(8), envelope, received, content, known or {}, arrived)
        look = self._examiner.look(content, envelope, arrived)
        try:
            analysis = await asyncio.wait_for(look, self._settings.patience)
        except TimeoutError:
            log.info("filter_later", extra={"fields": {"message": message.id, "size": content.size}})
            return await self._keep(message, Analysis.of(Examined(content.head())), envelope.recipients)
        away = engines_away(analysis)
        if away:
            log.warning("filter_engine_away", extra={"fields": {"message": message.id, "engines": away}})
            if self._settings.engine_away is EngineAway.DEFER:
                return FilteredAttempt(dict.fromkeys(envelope.recipients, AWAY))
            return await self._keep(message, replace(analysis, findings=Findings()), envelope.recipients)
        decisions = await self._judge.decisions(envelope, analysis, message.known, size=content.size, arrived=arrived)
        if await self._put_off(message, decisions):
            return FilteredAttempt(dict.fromkeys(envelope.recipients, DEFERRED))
        return await self._done(message, analysis, decisions)

    async def _put_off(self, message: _Message, decisions: Mapping[EmailAddress, Decision]) -> bool:
        """Whether a stranger is to come again; when he does, his message is known by what is in it."""
        if message.envelope.account is not None or not any(
            one.action is ActionKind.DEFER for one in decisions.values()
        ):
            return False
        return not await self._ledger.came_again(message.envelope.fingerprint.hex(), self._settings.defer_seconds)

    async def _done(
        self, message: _Message, analysis: Analysis, decisions: Mapping[EmailAddress, Decision]
    ) -> FilteredAttempt:
        for one in decisions.values():
            _DECISIONS.labels(one.action.value).inc()
        passing = {who: one for who, one in decisions.items() if one.action in PASSES and not one.notify}
        rejected = {who: one for who, one in decisions.items() if one.action is ActionKind.REJECT}
        # A stranger hears one answer: a refusal must hold for everybody. Our own users hear of each recipient.
        refused = rejected if message.envelope.account or len(rejected) == len(decisions) else {}
        kept = {who: one for who, one in decisions.items() if who not in passing and who not in refused}
        attempt = await self._keep(message, analysis, tuple(kept), kept) if kept else FilteredAttempt()
        attempt.outcomes |= dict.fromkeys(refused, REJECTED)
        for mark in dict.fromkeys(one.subject for one in passing.values()):
            await self._pass(attempt, message, mark, {who: one for who, one in passing.items() if one.subject == mark})
        ends = {
            str(who): (decisions[who], end)
            for who, what in attempt.outcomes.items()
            if who not in kept and (end := _end(what, refused=who in refused)) is not None
        }
        if ends:
            await self._ledger.passed(self._arrival(message, analysis), analysis.findings, ends)
        return attempt

    async def _pass(
        self, attempt: FilteredAttempt, message: _Message, mark: str, decisions: Mapping[EmailAddress, Decision]
    ) -> None:
        """Deliver to those who get the message with the same mark, or with none."""
        content = message.content
        changed = await asyncio.to_thread(marked, content, mark) if mark else None
        if changed is not None:
            attempt.marked.append(changed)
        envelope = replace(message.envelope, recipients=tuple(decisions))
        header = verdict_field(message.id, next(iter(decisions.values()))) + message.received
        part = await self._inner.deliver(envelope, header, changed or content, message.known)
        attempt.parts.append(part)
        attempt.outcomes |= part.outcomes

    async def _keep(
        self,
        message: _Message,
        analysis: Analysis,
        recipients: Collection[EmailAddress],
        decisions: Mapping[EmailAddress, Decision] | None = None,
    ) -> FilteredAttempt:
        """Accepted, and safe on disk; the runner does the rest. Without ``decisions`` it looks at the message first."""
        by_name = {str(who): decisions[who] for who in recipients} if decisions is not None else None
        pieces = _pieces(message.received, message.content)
        await self._ledger.keep(
            self._arrival(message, analysis), [str(who) for who in recipients], pieces, analysis.findings, by_name
        )
        return FilteredAttempt(dict.fromkeys(recipients, DELIVERED))

    def _arrival(self, message: _Message, analysis: Analysis) -> Arrival:
        envelope = message.envelope
        directions = {direction_of(envelope, message.known.get(who) or Resolution(())) for who in envelope.recipients}
        return Arrival(
            message.id,
            message.arrived,
            Direction.OUTBOUND if Direction.OUTBOUND in directions else next(iter(directions), Direction.INBOUND),
            str(envelope.sender or ""),
            analysis.author,
            envelope.client,
            envelope.account.id if envelope.account else "",
            message.content.size,
            analysis.subject,
            analysis.message_id,
            envelope.fingerprint.hex(),
            envelopes.written(envelope),
        )

    # -- as without a filter

    def spool(self) -> Spool:
        return self._inner.spool()

    async def check(
        self,
        recipient: EmailAddress,
        size: int | None,
        sender: Account | None = None,
        *,
        reverse_path: EmailAddress | None = None,
    ) -> Failed | Resolution:
        return await self._inner.check(recipient, size, sender, reverse_path=reverse_path)

    async def settle(self, attempt: Attempt, again: Collection[EmailAddress]) -> None:
        assert isinstance(attempt, FilteredAttempt)
        try:
            for part in attempt.parts:
                await self._inner.settle(part, [who for who in again if who in part.outcomes])
        finally:
            for spool in attempt.marked:
                spool.close()

    def may_ask_for(self, address: str, domain: str | None = None) -> bool:
        return self._inner.may_ask_for(address, domain)

    async def hurry(self, domain: str) -> int:
        return await self._inner.hurry(domain)

    async def bounce(
        self, account: Account, envelope: SmtpEnvelope, failed: Mapping[EmailAddress, Failed], content: Spool
    ) -> None:
        await self._inner.bounce(account, envelope, failed, content)


def _end(outcome: Outcome, *, refused: bool) -> End | None:
    """Where a message that was not kept ended; None where its sender brings it again."""
    if isinstance(outcome, Delivered):
        return End(State.DELIVERED)
    if not outcome.permanent:
        return None
    return End(State.REJECTED if refused else State.FAILED, detail=f"{outcome.status} {outcome.text}")


def _pieces(received: bytes, content: Spool) -> Iterator[bytes]:
    yield received
    yield from content.pieces()
