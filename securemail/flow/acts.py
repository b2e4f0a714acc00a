"""What a decision means in deeds: deliver, keep, send elsewhere, refuse, throw away, and tell people."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from optimails.delivery.api import Delivered, Delivery, Failed, SmtpEnvelope
from optimails.delivery.outgoing import OutgoingMail
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from securemail.flow import envelopes, notices
from securemail.flow.gate import PASSES, REJECTED
from securemail.flow.marks import marked, verdict_field
from securemail.ledger.ledger import RELEASE, End, Ledger
from securemail.ledger.reading import Entry, Tracked
from securemail.ledger.values import Arrival, State
from securemail.policy.decide import Decision
from securemail.policy.document import ActionKind, Told

log = logging.getLogger(__name__)

DAY = 86_400.0
UNDELIVERABLE = "undeliverable"  # the zone of what was accepted and cannot be delivered, from whom nobody may be told


class Again(Exception):
    """Not everything could be done now."""


class Acts:
    def __init__(  # noqa: PLR0913 - what deeds need
        self,
        ledger: Ledger,
        delivery: Delivery,
        directory: Directory,
        outgoing: OutgoingMail,
        *,
        days: int,
        administrator: Callable[[str], EmailAddress],
    ) -> None:
        """``days`` in quarantine; ``administrator`` is who answers for a domain."""
        self._ledger = ledger
        self._delivery = delivery
        self._directory = directory
        self._outgoing = outgoing
        self._days = days
        self._administrator = administrator

    async def carry_out(self, message: Tracked, content: Spool) -> None:
        """Bring every decided recipient to its end. Raises ``Again`` when some have to wait, and ``Unavailable``."""
        arrival = message.arrival
        account = await self.account_of(arrival)
        decided = [one for one in message.recipients if one.state is State.DECIDED and one.decision is not None]
        waits = []
        passing: dict[str, list[Entry]] = {}
        for entry in decided:
            decision = entry.decision
            assert decision is not None
            await self._tell(message, entry, decision, account)
            if decision.action in PASSES:
                passing.setdefault(decision.subject, []).append(entry)
                continue
            end = await self._end(message, entry, decision, content, account)
            if isinstance(end, str):
                waits.append(end)
            else:
                await self._ledger.finish(arrival.id, {entry.address: end})
        for mark, entries in passing.items():
            waits += await self._deliver(message, entries, mark, content, account)
        if waits:
            raise Again(waits[0])

    async def _end(
        self, message: Tracked, entry: Entry, decision: Decision, content: Spool, account: Account | None
    ) -> End | str:
        """Where a message that is not delivered ends; a text, where it must wait."""
        until = self._ledger.clock() + self._days * DAY
        match decision.action:
            case ActionKind.QUARANTINE:
                return End(State.QUARANTINED, decision.zone, expires=until)
            case ActionKind.HOLD:
                return End(State.HELD, decision.zone, expires=until)
            case ActionKind.DESTROY:
                return End(State.DESTROYED)
            case ActionKind.REDIRECT:
                return await self._redirect(message, entry, decision, content)
            case _:  # refused, when it was accepted already
                who = self.addressed(entry)
                if account is None:
                    # Nobody is told: who sent it may be somebody else. It is kept for its reader.
                    zone = decision.decided_by.rule if decision.decided_by else UNDELIVERABLE
                    return End(State.QUARANTINED, zone, "refused", until)
                await self._delivery.bounce(account, self._envelope(message, [who], account), {who: REJECTED}, content)
                return End(State.REJECTED)

    async def _redirect(self, message: Tracked, entry: Entry, decision: Decision, content: Spool) -> End | str:
        to = EmailAddress.parse(decision.to)
        sender = EmailAddress.parse(message.arrival.sender) if message.arrival.sender else None
        via = entry.address.rpartition("@")[2]
        outcome = (await self._outgoing.submit(sender, (to,), content, via=via))[to]
        if isinstance(outcome, Delivered):
            return End(State.REDIRECTED, detail=str(to))
        if not outcome.permanent:
            return outcome.text
        until = self._ledger.clock() + self._days * DAY
        return End(State.QUARANTINED, UNDELIVERABLE, f"{to}: {outcome.text}", until)

    async def _deliver(
        self, message: Tracked, entries: list[Entry], mark: str, content: Spool, account: Account | None
    ) -> list[str]:
        """Deliver to these; gives why some have to wait."""
        changed = await asyncio.to_thread(marked, content, mark) if mark else None
        by_address = {self.addressed(one): one for one in entries}
        envelope = self._envelope(message, list(by_address), account)
        first = entries[0].decision
        assert first is not None
        header = verdict_field(message.arrival.id, first)
        try:
            attempt = await self._delivery.deliver(envelope, header, changed or content)
            again = [who for who, what in attempt.outcomes.items() if isinstance(what, Failed) and not what.permanent]
            await self._delivery.settle(attempt, again)
            failed = {who: what for who, what in attempt.outcomes.items() if isinstance(what, Failed)}
            given_up = {who: what for who, what in failed.items() if what.permanent}
            if given_up and account is not None:
                await self._delivery.bounce(account, envelope, given_up, content)
        finally:
            if changed is not None:
                changed.close()
        until = self._ledger.clock() + self._days * DAY
        ends: dict[str, End] = {}
        for who, entry in by_address.items():
            what = failed.get(who)
            if what is None:
                released = entry.decision is not None and is_release(entry.decision)
                ends[entry.address] = End(State.RELEASED if released else State.DELIVERED)
            elif what.permanent and account is not None:
                ends[entry.address] = End(State.FAILED, detail=f"{what.status} {what.text}")
            elif what.permanent:
                ends[entry.address] = End(State.QUARANTINED, UNDELIVERABLE, f"{what.status} {what.text}", until)
        if ends:
            await self._ledger.finish(message.arrival.id, ends)
        return [what.text for what in failed.values() if not what.permanent]

    async def _tell(self, message: Tracked, entry: Entry, decision: Decision, account: Account | None) -> None:
        """Those whom the policy names. Told twice at worst, when the process dies before the end is written down."""
        for reader in self._readers(entry, decision, account):
            if reader is None:
                continue
            language = await self._outgoing.language(reader)
            notice = notices.notice(message.arrival, entry.address, decision, reader, language)
            outcome = (await self._outgoing.submit(None, (reader,), Spool.of(notice)))[reader]
            if isinstance(outcome, Failed):
                fields = {"message": message.arrival.id, "reader": str(reader), "why": outcome.text}
                log.warning("filter_notice_lost", extra={"fields": fields})

    def _readers(self, entry: Entry, decision: Decision, account: Account | None) -> list[EmailAddress | None]:
        named: dict[str, EmailAddress | None] = {
            # A stranger's address may be somebody else's: only our own users are told as senders.
            Told.SENDER.value: account.address if account else None,
            Told.RECIPIENT.value: EmailAddress.parse(entry.address) if account is None else None,
            Told.ADMINISTRATOR.value: self._administrator(
                account.address.domain if account else entry.address.rpartition("@")[2]
            ),
        }
        return [named[one] if one in named else EmailAddress.parse(one) for one in decision.notify]

    async def account_of(self, arrival: Arrival) -> Account | None:
        """Who sent it, as he is now. Raises ``Unavailable``."""
        return await self._directory.account(AccountId(arrival.account)) if arrival.account else None

    def _envelope(self, message: Tracked, recipients: list[EmailAddress], account: Account | None) -> SmtpEnvelope:
        arrival = message.arrival
        envelope = envelopes.read(arrival.envelope, arrival.sender, recipients, account)
        released = any(
            one.decision is not None and is_release(one.decision) and self.addressed(one) in recipients
            for one in message.recipients
        )
        # What somebody takes out of quarantine is wanted: it is no junk any more.
        return replace(envelope, junk=False, disowned=frozenset()) if released else envelope

    @staticmethod
    def addressed(entry: Entry) -> EmailAddress:
        return EmailAddress.parse(entry.address)


def is_release(decision: Decision) -> bool:
    return any(one.scope == RELEASE for one in decision.reasons)
