"""Looking at a message: filter workers and engines at the same time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimails.delivery.api import SmtpEnvelope
from optimails.delivery.spool import Spool
from securemail.analysis import Analysis
from securemail.antispam.memory import memory_path
from securemail.antispam.verdict import spam_probability
from securemail.case import worst
from securemail.context import Context
from securemail.dnslists import DnsLists
from securemail.engines.api import Engine
from securemail.facts import EngineError, Fact
from securemail.flow.people import People
from securemail.workers.pool import Pool


class Examiner:
    def __init__(
        self,
        pool: Pool,
        people: People,
        engines: Sequence[Engine] = (),
        *,
        lists: DnsLists | None = None,
        data: Path | None = None,
    ) -> None:
        self._pool = pool
        self._people = people
        self._engines = tuple(engines)
        self._lists = lists
        self._data = data

    async def look(self, content: Spool, envelope: SmtpEnvelope, arrived: float) -> Analysis:
        """All that is found. Raises ``Unavailable`` when no filter worker can be started."""
        context = await self._context(envelope, arrived)
        (analysis, listed), examinations = await asyncio.gather(
            self._read(content, context),
            asyncio.gather(*(engine.examine(content) for engine in self._engines)),
        )
        said = (*analysis.findings.examinations, *examinations)
        findings = replace(analysis.findings, examinations=said, health=worst(said))
        if listed:
            facts = (*findings.facts, *listed)
            findings = replace(findings, facts=facts, spam=spam_probability(facts))
        return replace(analysis, findings=findings)

    async def _read(self, content: Spool, context: Context) -> tuple[Analysis, list[Fact]]:
        """What a filter worker finds, and what lists in the DNS say of the client and of the links."""
        if self._lists is None:
            return await self._pool.analyse(content, context), []
        client, analysis = await asyncio.gather(
            self._lists.of_client(context.client), self._pool.analyse(content, context)
        )
        return analysis, [*client, *await self._lists.of_links(analysis.hosts)]

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
            memory=self._memory(envelope),
            received=arrived,
        )

    def _memory(self, envelope: SmtpEnvelope) -> str:
        """What the domain of the first recipient has learnt: one message is read once, whoever gets it."""
        if self._data is None or not envelope.recipients:
            return ""
        try:
            return str(memory_path(self._data, envelope.recipients[0].domain))
        except ValueError:  # no domain of the DNS
            return ""

    async def close(self) -> None:
        await self._pool.close()
        for engine in self._engines:
            await engine.close()


def engines_away(analysis: Analysis) -> list[str]:
    """The engines that did not answer."""
    return [one.engine for one in analysis.findings.examinations if isinstance(one.outcome, EngineError)]
