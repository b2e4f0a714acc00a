"""Looking at a message: filter workers and engines at the same time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from optimails.delivery.api import SmtpEnvelope
from optimails.delivery.spool import Spool
from securemail.analysis import Analysis
from securemail.case import worst
from securemail.context import Context
from securemail.engines.api import Engine
from securemail.facts import EngineError
from securemail.flow.people import People
from securemail.workers.pool import Pool


class Examiner:
    def __init__(self, pool: Pool, people: People, engines: Sequence[Engine] = ()) -> None:
        self._pool = pool
        self._people = people
        self._engines = tuple(engines)

    async def look(self, content: Spool, envelope: SmtpEnvelope, arrived: float) -> Analysis:
        """All that is found. Raises ``Unavailable`` when no filter worker can be started."""
        context = await self._context(envelope, arrived)
        analysis, examinations = await asyncio.gather(
            self._pool.analyse(content, context),
            asyncio.gather(*(engine.examine(content) for engine in self._engines)),
        )
        said = (*analysis.findings.examinations, *examinations)
        return replace(analysis, findings=replace(analysis.findings, examinations=said, health=worst(said)))

    async def _context(self, envelope: SmtpEnvelope, arrived: float) -> Context:
        domains = frozenset(who.domain for who in envelope.recipients)
        return Context(
            client=envelope.client,
            client_name=envelope.client_name,
            helo=envelope.helo,
            sender=envelope.sender,
            recipients=envelope.recipients,
            authentication=envelope.authentication,
            domains=domains,
            people=await self._people.of(domains),
            received=arrived,
        )

    async def close(self) -> None:
        await self._pool.close()
        for engine in self._engines:
            await engine.close()


def engines_away(analysis: Analysis) -> list[str]:
    """The engines that did not answer."""
    return [one.engine for one in analysis.findings.examinations if isinstance(one.outcome, EngineError)]
