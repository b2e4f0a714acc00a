"""Storing what many sessions bring at the same time, in few threads.

**The problem.** A thread for each message that is being stored is many threads that want the interpreter at once. Each
system call and each statement lets another one in, and getting back costs more than the work: with eight clients a
message cost twice the processor time that it does with one.

**The way out.** Sessions hand in what they have and wait. A lane (a thread at work) takes all that is waiting, writes
the files one after the other, has the journal make them durable with one sync, then gives each its rows, and tells all
who wait in one go. Whatever comes meanwhile is the next batch. When little comes, a batch is one message. A lane that
finds nothing more to do stays for a moment: to wake it costs a tenth of starting one.

**Nobody waits for somebody else's trouble.** A lane that does not come back (an index that another process has locked)
is noticed after a moment: who is done is told, and another lane goes on with the others. Of one account only one
message at a time gets its row, so one account can hold one lane. A message that cannot be stored has its own error.
A lane that breaks down, for whatever reason, tells those whose messages it holds; the next lane goes on with the rest.
Large messages are not taken in here.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence

from optimails.mailbox.api import Appended, NewMessage
from optimails.mailbox.engine import Engine
from optimails.mailbox.storing import Arriving
from optimails.model.mailbox_name import MailboxName

SMALL = 1024 * 1024  # bytes; what is larger has a thread of its own
HANGING = 0.1  # seconds after which a lane is not waited for: there is one that goes on, and those that hang
LANES = 16  # at most
STAYING = 0.05  # seconds that a lane waits for more
BATCH = 32  # jobs that a lane takes at a time


class _Job:
    """What one session waits for."""

    __slots__ = ("arriving", "engine", "error", "exempt", "future", "messages", "name", "result")

    def __init__(self, engine: Engine, name: MailboxName, messages: Sequence[NewMessage], *, exempt: bool) -> None:
        self.engine = engine
        self.name = name
        self.messages = messages
        self.exempt = exempt
        self.future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self.arriving: Arriving | None = None
        self.result: Appended | None = None
        self.error: BaseException | None = None

    def place(self) -> bool:
        try:
            self.arriving = Arriving.place(self.engine, self.name, self.messages, exempt=self.exempt)
        except BaseException as wrong:  # noqa: BLE001  # its session hears of it
            self.error = wrong
        return self.error is None

    def finish(self) -> None:
        assert self.arriving is not None
        try:
            self.result = self.arriving.insert()
        except BaseException as wrong:  # noqa: BLE001  # its session hears of it
            self.error = wrong

    def tell(self) -> None:
        """In the event loop."""
        if self.result is not None and self.arriving is not None:
            self.arriving.announce()
        if self.future.done():  # the session went away
            return
        if isinstance(self.error, StopIteration):  # a future takes any error but this one
            wrapped = RuntimeError("storing ended early")
            wrapped.__cause__ = self.error
            self.future.set_exception(wrapped)
        elif self.error is not None:
            self.future.set_exception(self.error)
        elif self.result is not None:
            self.future.set_result(self.result)


class Intake:
    """One per process and event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._durable: deque[_Job] = deque()  # they lack their rows
        self._done: list[_Job] = []  # they are to be told
        self._inserting: set[Engine] = set()
        self._lanes: dict[object, float] = {}  # those at work, with the time at which each was last seen moving
        self._watched = False
        self._staying: object | None = None  # the lane that waits for more
        self._bell = threading.Lock()  # rung (released) to wake it
        self._bell.acquire()

    async def append(
        self, engine: Engine, name: MailboxName, messages: Sequence[NewMessage], *, exempt: bool = False
    ) -> Appended:
        """As ``storing.append``. When cancelled, it is stored all the same."""
        job = _Job(engine, name, messages, exempt=exempt)
        with self._lock:
            self._waiting.append(job)
        self._see_to_it(asyncio.get_running_loop())
        return await job.future

    def _see_to_it(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop: start a lane when none is going, and look again later."""
        now = time.monotonic()
        with self._lock:
            going = any(now - seen < HANGING for seen in self._lanes.values())
            lane = None if going or len(self._lanes) >= LANES else self._staying or object()
            if lane is not None:
                self._lanes[lane] = now
            woken, self._staying = lane is self._staying, None if lane is self._staying else self._staying
        if lane is None:
            pass
        elif woken:
            self._bell.release()
        else:
            loop.run_in_executor(None, self._work, lane, loop)
        if not self._watched:
            self._watched = True
            loop.call_later(HANGING, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watched = False
        self._tell()
        if self._waiting or self._durable:
            self._see_to_it(loop)

    def _tell(self) -> None:
        """In the event loop."""
        with self._lock:
            done, self._done = self._done, []
        for job in done:
            job.tell()

    # -- in a thread

    def _work(self, lane: object, loop: asyncio.AbstractEventLoop) -> None:
        """Batch after batch, until nothing is left to do."""
        held: list[_Job] = []  # what this lane alone knows of
        try:
            self._go(lane, loop, held)
        except BaseException as wrong:
            self._give_up(lane, held, wrong)
            with contextlib.suppress(RuntimeError):  # as below
                loop.call_soon_threadsafe(self._look, loop)
            raise

    def _go(self, lane: object, loop: asyncio.AbstractEventLoop, held: list[_Job]) -> None:
        more = True
        while more:
            self._take(lane, held)
            if held:
                self._make_durable(held)
            while (job := self._next(lane, held)) is not None:
                try:
                    job.finish()
                finally:
                    with self._lock:
                        self._inserting.discard(job.engine)
                with self._lock:
                    self._done.append(job)
                    held.clear()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._tell)
            more = self._stays(lane)

    def _stays(self, lane: object) -> bool:
        """Whether there is more to do for this lane; waits for it when no other lane does."""
        with self._lock:
            if self._waiting:
                return True
            del self._lanes[lane]
            if self._staying is not None:
                return False
            self._staying = lane
        if self._bell.acquire(timeout=STAYING):
            return True
        with self._lock:
            if self._staying is lane:
                self._staying = None
                return False
        return self._bell.acquire()  # it is being rung just now

    def _give_up(self, lane: object, held: list[_Job], wrong: BaseException) -> None:
        """What the lane holds is not stored; the next lane finds everything else."""
        with self._lock:
            self._lanes.pop(lane, None)
            for job in held:
                if job.result is None and job.error is None:
                    job.error = wrong
                self._done.append(job)

    def _take(self, lane: object, held: list[_Job]) -> None:
        with self._lock:
            self._lanes[lane] = time.monotonic()
            while self._waiting and len(held) < BATCH:
                held.append(self._waiting.popleft())

    def _make_durable(self, batch: list[_Job]) -> None:
        placed = [job for job in batch if job.place()]
        try:
            if placed:
                Arriving.commit([job.arriving for job in placed if job.arriving is not None])
        except BaseException as wrong:  # noqa: BLE001  # their sessions hear of it
            for job in placed:
                job.error = wrong
        with self._lock:
            for job in batch:
                (self._durable if job.error is None else self._done).append(job)
            batch.clear()

    def _next(self, lane: object, held: list[_Job]) -> _Job | None:
        """One that lacks its row, and of whose account no other lane has one."""
        with self._lock:
            self._lanes[lane] = time.monotonic()
            for _ in range(len(self._durable)):
                job = self._durable.popleft()
                if job.engine not in self._inserting:
                    self._inserting.add(job.engine)
                    held.append(job)
                    return job
                self._durable.append(job)
            return None
