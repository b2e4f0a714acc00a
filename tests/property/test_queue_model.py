"""The queue against a model: whatever is done in whatever order, every recipient is where the model says it is."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from optimails.config.queue import QueueSettings
from optimails.queue.control import Choice
from optimails.queue.leases import Leased, Places
from optimails.queue.owner import this_process
from optimails.queue.store import Queue
from tests.support.queues import CONTENT, Clock, away, delivered, later, mail, refused

T = TypeVar("T")
DOMAINS = ("one.test", "two.test", "three.test")
DEAD = this_process().rsplit("/", 1)[0] + "/1"  # the name of a process that is not there
ANSWERS = {"delivered": delivered, "failed": refused, "deferred": later, "away": away}
SETTINGS = QueueSettings(retry_first=10, retry_max=100, rest_first=5, rest_max=50, expire_days=1, poison_after=20)


class QueueMachine(RuleBasedStateMachine):
    """``states`` is the model: what each recipient of each message is."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="queue-model-")
        self.clock = Clock()
        self.queue = self.open(None)
        self.states: dict[tuple[str, str], str] = {}
        self.born: dict[str, float] = {}
        self.leased: list[tuple[Queue, Leased]] = []
        self.doomed = self.open(DEAD)

    def open(self, owner: str | None) -> Queue:
        return Queue(Path(self.folder.name), SETTINGS, clock=self.clock, owner=owner)

    def teardown(self) -> None:
        self.queue.close()
        self.doomed.close()
        self.folder.cleanup()

    @staticmethod
    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def busy(self, message: str, address: str) -> bool:
        return any(
            message == one.job.message_id and address in map(str, (who.address for who in one.job.recipients))
            for _, one in self.leased
        )

    # -- what may happen

    @rule(domains=st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=4))
    def accept(self, domains: list[str]) -> None:
        addresses = [f"u{number}@{domain}" for number, domain in enumerate(domains)]
        message = self.do(self.queue.accept(mail(*addresses, sender=None), [CONTENT]))
        self.born[message] = self.clock.now
        self.states |= {(message, address): "queued" for address in addresses}

    @rule(seconds=st.sampled_from((1, 20, 200, 4_000)))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(free=st.integers(1, 4), dead=st.booleans())
    def lease(self, free: int, *, dead: bool) -> None:
        queue = self.doomed if dead else self.queue
        running: dict[str, int] = {}
        for _, one in self.leased:
            running[one.job.destination] = running.get(one.job.destination, 0) + 1
        found = self.do(queue.lease(Places(running, free, 4, False, lambda _: 3)))
        assert len(found) <= free
        for one in found:
            for who in one.job.recipients:
                key = (one.job.message_id, str(who.address))
                assert self.states[key] in {"queued", "deferred"}, "only what waits is taken"
                assert not self.busy(*key), "and by nobody else"
            self.leased.append((queue, one))

    @precondition(lambda self: self.leased)
    @rule(data=st.data(), answer=st.sampled_from(sorted(ANSWERS)))
    def settle(self, data: st.DataObject, answer: str) -> None:
        queue, one = self.leased.pop(data.draw(st.integers(0, len(self.leased) - 1)))
        results = [ANSWERS[answer](who.address) for who in one.job.recipients]
        self.do(queue.settle(one, results))
        for result in results:
            self.states[one.job.message_id, str(result.recipient)] = result.state.value

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        queue, one = self.leased.pop(data.draw(st.integers(0, len(self.leased) - 1)))
        self.do(queue.give_back(one))

    @rule()
    def a_runner_dies(self) -> None:
        dead = [one for queue, one in self.leased if queue is self.doomed]
        freed, isolated = self.do(self.queue.recover())
        assert freed == sum(len(one.ids) for one in dead)
        assert not isolated
        self.leased = [(queue, one) for queue, one in self.leased if queue is not self.doomed]

    @rule()
    def expire(self) -> None:
        self.do(self.queue.expire())
        for (message, address), state in self.states.items():
            old = self.clock.now >= self.born[message] + 86_400
            if old and state in {"queued", "deferred"} and not self.busy(message, address):
                self.states[message, address] = "failed"

    @rule(domain=st.sampled_from(DOMAINS))
    def hold(self, domain: str) -> None:
        self.do(self.queue.hold(Choice(destination=domain)))
        for (message, address), state in self.states.items():
            if address.endswith(domain) and state in {"queued", "deferred"} and not self.busy(message, address):
                self.states[message, address] = "held"

    @rule()
    def flush(self) -> None:
        self.do(self.queue.flush(Choice()))

    @precondition(lambda self: self.born)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        chosen = list(self.born)[data.draw(st.integers(0, len(self.born) - 1))]  # names are other ones in every run
        self.do(self.queue.delete(Choice(messages=(chosen,))))
        for (message, address), state in self.states.items():
            if message == chosen and state in {"queued", "deferred", "held"} and not self.busy(message, address):
                self.states[message, address] = "failed"

    # -- what is always true

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        found = self.do(self.queue.find(Choice(finished=True)))
        seen = {(message.id, one.address): one.state for message in found for one in message.recipients}
        assert set(seen) == set(self.states)
        for key, state in seen.items():
            assert state == ("delivering" if self.busy(*key) else self.states[key])

    @invariant()
    def contents_are_there_as_long_as_they_are_needed(self) -> None:
        needed = {message for (message, _), state in self.states.items() if state in {"queued", "deferred", "held"}}
        for message in self.born:
            assert self.queue.contents.path(message).exists() == (message in needed)

    @invariant()
    def what_waits_has_its_moment(self) -> None:
        waits = any(state in {"queued", "deferred"} and not self.busy(*key) for key, state in self.states.items())
        assert (self.do(self.queue.next_ready()) is not None) == waits


QueueMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestQueue = QueueMachine.TestCase
