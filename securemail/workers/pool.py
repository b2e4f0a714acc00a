"""A few filter workers for one process of the service.

A message goes to a worker that is free, or waits for one. A worker that dies of a message, or takes too long, is
replaced and the message given to another; the second time the message is undeterminable. So no message stops the
service, and none passes because it killed whoever looked at it. Workers are replaced after some hundred messages, so
that nothing they were made to keep stays.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Counter

from optimails.delivery.spool import Spool
from optimails.model.errors import Unavailable
from securemail.analysis import Analysis
from securemail.case import Health
from securemail.context import Context
from securemail.facts import Examination, Undeterminable
from securemail.ledger.values import Findings
from securemail.workers.child import LENGTH, LENGTHS

log = logging.getLogger(__name__)

_MAX_ANSWER = 16 * 2**20  # bytes
_START = 60.0  # seconds in which a new worker is ready
_DEATHS = Counter("optimails_filter_workers_lost_total", "Filter workers that died of a message, by why.", ["why"])


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """``workers`` at a time; of each message ``seconds`` of processor time, and three times as long on the clock."""

    workers: int = 1
    seconds: float = 20.0
    memory: int = 2**30  # bytes of one worker
    hashes: Path = Path("hashes.txt")  # digests of files that are known to be bad (``securemail.structure.signatures``)
    recycle: int = 500  # messages that one worker looks at
    program: tuple[str, ...] = (sys.executable, "-m", "securemail.workers.child")


class Pool:
    """For one event loop. Workers are started when they are needed first."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Semaphore(settings.workers)
        self._idle: list[_Worker] = []
        self._closed = False

    async def analyse(self, content: Spool, context: Context) -> Analysis:
        """What is found in the message. Raises ``Unavailable`` when no worker can be started."""
        why = ""
        for _ in range(2):
            try:
                return await self._once(content, context)
            except _DiedError as died:
                why = str(died)
                _DEATHS.labels(why).inc()
                log.warning("filter_worker_lost", extra={"fields": {"why": why, "size": content.size}})
        return Analysis(
            Findings(examinations=(Examination("worker", Undeterminable(why)),), health=Health.UNDETERMINABLE)
        )

    async def _once(self, content: Spool, context: Context) -> Analysis:
        async with self._turn:
            if self._closed:
                raise Unavailable("The filter is being stopped")
            worker = self._idle.pop() if self._idle else await _Worker.start(self._settings)
            try:
                found = await asyncio.wait_for(worker.ask(content, context), 3 * self._settings.seconds)
            except TimeoutError:
                await worker.kill()
                raise _DiedError("time") from None
            except BaseException:
                await worker.kill()
                raise
            if worker.asked < self._settings.recycle and not self._closed:
                self._idle.append(worker)
            else:
                await worker.kill()
            return found

    async def close(self) -> None:
        """End all workers; what is being looked at is given up."""
        self._closed = True
        while self._idle:
            await self._idle.pop().kill()


class _DiedError(Exception):
    """The worker ended, or was ended, while it looked at a message."""


class _Worker:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.asked = 0

    @classmethod
    async def start(cls, settings: PoolSettings) -> "_Worker":
        """Raises ``Unavailable``."""
        command = (*settings.program, str(settings.memory), str(settings.seconds), str(settings.hashes))
        environment = {"MALLOC_ARENA_MAX": "2", **os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True, limit=2**20
            )
        except OSError as wrong:
            raise Unavailable("No filter worker can be started") from wrong
        worker = cls(process)
        try:
            await asyncio.wait_for(worker._answer(), _START)
        except (_DiedError, TimeoutError) as wrong:
            await worker.kill()
            raise Unavailable("A filter worker did not start") from wrong
        return worker

    async def ask(self, content: Spool, context: Context) -> Analysis:
        """Raises ``_DiedError``."""
        self.asked += 1
        known = pickle.dumps(context)
        to = self._process.stdin
        assert to is not None
        try:
            to.write(LENGTHS.pack(len(known), content.size) + known)
            whole = content.whole()
            if whole is not None:
                to.write(whole)
            else:
                pieces = content.pieces()
                while piece := await asyncio.to_thread(next, pieces, b""):
                    to.write(piece)
                    await to.drain()
            await to.drain()
        except (OSError, RuntimeError):
            raise _DiedError(await self._why()) from None
        try:
            return Analysis.loads(await self._answer())
        except (ValueError, TypeError, KeyError):
            raise _DiedError("answer") from None

    async def _answer(self) -> bytes:
        source = self._process.stdout
        assert source is not None
        try:
            (length,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
            if length > _MAX_ANSWER:
                raise _DiedError("answer")
            return await source.readexactly(length)
        except asyncio.IncompleteReadError:
            raise _DiedError(await self._why()) from None

    async def _why(self) -> str:
        with contextlib.suppress(TimeoutError):
            code = await asyncio.wait_for(self._process.wait(), 5)
            return {-27: "processor time", -9: "killed"}.get(code, f"exit {code}")
        return "silent"

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
