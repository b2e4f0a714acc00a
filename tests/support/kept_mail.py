"""A ledger with mail in quarantine."""

from pathlib import Path

from optimails.delivery.api import SmtpEnvelope
from optimails.model.address import EmailAddress
from securemail.case import Direction, Health, Sureness
from securemail.flow import envelopes
from securemail.ledger.ledger import End, Ledger
from securemail.ledger.values import Arrival, Findings, State
from securemail.policy.decide import Decision, Reason
from securemail.policy.document import ActionKind

READER = "user00@example.org"


class Quarantine:
    """``now`` is its clock."""

    def __init__(self, data: Path) -> None:
        self.now = 1_800_000_000.0
        self.ledger = Ledger(data, clock=lambda: self.now)
        self._number = 0

    async def keep(
        self, content: bytes, *, subject: str = "hello", reader: str = READER, health: Health = Health.CLEAN
    ) -> str:
        """A message for one reader, into the zone ``spam``; gives its name."""
        self._number += 1
        name = f"{self._number:016x}"
        envelope = SmtpEnvelope(EmailAddress.parse("a@b.test"), (EmailAddress.parse(reader),))
        arrival = Arrival(
            name, self.now, Direction.INBOUND, "a@b.test", "a@b.test", "192.0.2.1", "", len(content), subject, "", name,
            envelopes.written(envelope),
        )  # fmt: skip
        reason = Reason("global", 0, "spam-probable", ActionKind.QUARANTINE, ("probable",))
        decision = Decision(ActionKind.QUARANTINE, Sureness.PROBABLE, (reason,), zone="spam")
        await self.ledger.keep(arrival, [reader], [content], Findings(health=health), {reader: decision})
        await self.ledger.finish(name, {reader: End(State.QUARANTINED, "spam", expires=self.now + 30 * 86_400)})
        return name
