"""Messages that were kept, brought to their end: in the jobs worker.

Each step is one transaction (``securemail.ledger``), and what stands between two of them may be done twice, never not
at all: a message is looked at again, a policy asked again, a delivery tried again. Who is killed leaves the rest to the
next runner. A message that was begun three times and never came back is one that kills us: it is not looked at any
more, but undeterminable.
"""

import asyncio
import logging

from optimails.delivery.spool import Spool
from optimails.model.errors import MailError, Unavailable
from securemail.analysis import Analysis
from securemail.case import Health
from securemail.examined import Examined
from securemail.facts import Examination, Undeterminable
from securemail.flow import envelopes
from securemail.flow.acts import Acts, Again
from securemail.flow.examiner import Examiner, engines_away
from securemail.flow.judge import Judge
from securemail.ledger.ledger import End, Ledger
from securemail.ledger.reading import Tracked
from securemail.ledger.values import Findings, State

log = logging.getLogger(__name__)

LOOK_AROUND = 2.0  # seconds between two looks: other processes release what was in quarantine
AT_A_TIME = 4  # messages
CRASHES = 3
_FIRST, _LONGEST = 30.0, 3_600.0  # seconds until the next attempt: growing


class FilterRunner:
    """Use ``run``; tests call ``step``."""

    def __init__(self, ledger: Ledger, examiner: Examiner, judge: Judge, acts: Acts) -> None:
        self._ledger = ledger
        self._examiner = examiner
        self._judge = judge
        self._acts = acts
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._awake.clear()
            try:
                if await self.step():
                    continue
            except MailError as wrong:
                log.warning("filter_waits", extra={"fields": {"why": str(wrong)}})
            try:
                async with asyncio.timeout(LOOK_AROUND):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def step(self) -> int:
        """Work on some of what is due; gives on how much. Raises ``Unavailable``."""
        expired = await self._ledger.expired()
        for message, address in expired:
            await self._ledger.decide_again(message, address, End(State.EXPIRED), "")
        found = await self._ledger.begin(AT_A_TIME)
        await asyncio.gather(*(self._work(one) for one in found))
        return len(found) + len(expired)

    async def _work(self, message: Tracked) -> None:
        try:
            await self._one(message)
        except (Again, MailError) as wrong:
            await self._later(message, str(wrong))
        except Exception:
            log.exception("filter_failed", extra={"fields": {"message": message.arrival.id}})
            await self._later(message, "internal error")

    async def _later(self, message: Tracked, why: str) -> None:
        log.warning("filter_message_waits", extra={"fields": {"message": message.arrival.id, "why": why}})
        await self._ledger.put_off(message.arrival.id, min(_FIRST * 2**message.attempts, _LONGEST), why)

    async def _one(self, message: Tracked) -> None:
        content = await asyncio.get_running_loop().run_in_executor(None, self._ledger.contents.read, message.arrival.id)
        try:
            if any(one.state in (State.RECEIVED, State.ANALYSED) for one in message.recipients):
                message = await self._decide(message, content)
            await self._acts.carry_out(message, content)
        finally:
            content.close()

    async def _decide(self, message: Tracked, content: Spool) -> Tracked:
        """Look at it and ask the policies; gives the message as it stands then."""
        arrival = message.arrival
        account = await self._acts.account_of(arrival)
        waiting = [
            self._acts.addressed(one) for one in message.recipients if one.state in (State.RECEIVED, State.ANALYSED)
        ]
        envelope = envelopes.read(arrival.envelope, arrival.sender, waiting, account)
        if message.crashes >= CRASHES:
            analysis = _untouched(content)
        else:
            analysis = await self._examiner.look(content, envelope, arrival.arrived)
        away = engines_away(analysis)
        if away:
            raise Unavailable(f"no answer from {', '.join(away)}")
        await self._ledger.analysed(arrival.id, analysis.findings)
        decisions = await self._judge.decisions(envelope, analysis, {}, size=arrival.size, arrived=arrival.arrived)
        await self._ledger.decided(arrival.id, {str(who): one for who, one in decisions.items()})
        again = await self._ledger.message(arrival.id)
        assert again is not None  # it has recipients on their way
        return again


def _untouched(content: Spool) -> Analysis:
    """Of a message that nobody dares to look at."""
    whole = Analysis.of(Examined(content.head()[:65_536]))
    said = (Examination("runner", Undeterminable("it ends whoever looks at it")),)
    return Analysis(Findings(examinations=said, health=Health.UNDETERMINABLE), whole.author, whole.subject)
