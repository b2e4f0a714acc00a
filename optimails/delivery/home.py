"""Mail in the queue whose recipients are our own: it waited for the time its sender chose, and comes back (RFC 4865).

The queue knows destinations, not who serves them: at the moment of delivery the directory says whether a domain is
ours. So mail that waited for another server, too, finds its way when its domain moved to us in the meantime. What was
decided when it came still holds: who had logged in to send it, and for whom it is junk.
"""

import asyncio

from optimails.config import Config
from optimails.delivery import failures
from optimails.delivery.api import Delivered, Delivery, Failed, Outcome, SmtpEnvelope
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.ids import AccountId
from optimails.queue.api import Courier, Job, RecipientResult, State


class HomeCourier:
    """``optimails.queue.api.Courier``: into our own mailboxes, and ``abroad`` for all other domains."""

    def __init__(self, delivery: Delivery, directory: Directory, config: Config, abroad: Courier) -> None:
        self._delivery = delivery
        self._directory = directory
        self._memory = config.delivery.memory
        self._hostname = config.server.hostname
        self._abroad = abroad

    async def deliver(self, job: Job) -> list[RecipientResult]:
        try:
            here = await self._directory.is_local(job.destination)
            account = await self._directory.account(AccountId(job.account)) if here and job.account else None
        except Unavailable:
            return [self._result(one.address, failures.DIRECTORY_AWAY) for one in job.recipients]
        return await (self._here(job, account) if here else self._abroad.deliver(job))

    async def _here(self, job: Job, account: Account | None) -> list[RecipientResult]:
        content = await asyncio.get_running_loop().run_in_executor(None, Spool.read, job.content, self._memory)
        try:
            envelope = SmtpEnvelope(
                job.sender,
                tuple(one.address for one in job.recipients),
                job.smtputf8,
                job.body,
                account,
                wishes={one.address: one for one in job.recipients},
                ret=job.ret,
                envid=job.envid,
                priority=job.priority,
                require_tls=job.require_tls,
                disowned=frozenset(one.address for one in job.recipients if one.junk),
            )
            attempt = await self._delivery.deliver(envelope, b"", content)
            outcomes = attempt.outcomes
            await self._delivery.settle(
                attempt, [who for who, what in outcomes.items() if isinstance(what, Failed) and not what.permanent]
            )
        finally:
            content.close()
        return [self._result(one.address, outcomes[one.address]) for one in job.recipients]

    def _result(self, who: EmailAddress, outcome: Outcome) -> RecipientResult:
        if isinstance(outcome, Delivered):
            # ``dsn``: who asked to hear of success was told by the delivery itself.
            return RecipientResult(who, State.DELIVERED, "2.1.5", "Delivered", self._hostname, dsn=True)
        state = State.FAILED if outcome.permanent else State.DEFERRED
        return RecipientResult(who, state, outcome.status, outcome.text, self._hostname)
