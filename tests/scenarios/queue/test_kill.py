"""kill -9 of the runner and of who fills the queue, at random moments: every acknowledged recipient is delivered or
reported, and nobody gets a message twice but where the runner died between the other server's 250 and its own note.

``OPTIMAILS_QUEUE_KILLS`` is the number of kill points (30 by default), ``OPTIMAILS_KILL_SEED`` repeats a run's dice.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.scenarios.queue.actors import SETTINGS
from tests.support.eventually import eventually

KILLS = int(os.environ.get("OPTIMAILS_QUEUE_KILLS", "30"))
SEED = int(os.environ.get("OPTIMAILS_KILL_SEED", "1"))
ROOT = Path(__file__).parents[3]


class Actors:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started = 0

    def start(self, role: str) -> None:
        self.started += 1
        seed = str(SEED + self.started)
        command = [sys.executable, "-m", "tests.scenarios.queue.actors", role, self.folder, self.ledger(role), seed]
        with (self.folder / f"{role}.out").open("ab") as out:
            self.processes[role] = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)

    def ledger(self, role: str) -> Path:
        return self.folder / f"{role}.ledger"

    def lines(self, role: str) -> list[list[str]]:
        path = self.ledger(role)
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        assert process.poll() is None, (self.folder / f"{role}.out").read_text()[-4000:]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for role in list(self.processes):
            self.kill(role)


@pytest.mark.slow
@pytest.mark.timeout(120 + 6 * KILLS)
def test_every_acknowledged_recipient_is_delivered_or_reported(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    actors = Actors(tmp_path)
    try:
        actors.start("accept")
        actors.start("run")
        for _ in range(KILLS):
            role = dice.choice(("run", "run", "accept"))
            before = len(actors.lines(role))

            def going_on(role: str = role, before: int = before) -> bool:
                return len(actors.lines(role)) > before

            assert eventually(going_on, limit=60), f"{role} stands still"
            time.sleep(dice.uniform(0, 0.3))
            actors.kill(role)
            actors.start(role)
        actors.kill("accept")
        queue = Queue(tmp_path, SETTINGS)

        def done() -> bool:
            asyncio.run(queue.release(Choice()))  # some died three times with the runner, through no fault of theirs
            return asyncio.run(queue.stats()).messages == 0

        assert eventually(done, limit=120, every=1), asyncio.run(queue.stats())
        queue.close()
    finally:
        actors.end()

    acknowledged = {address for _, *recipients in actors.lines("accept") for address in recipients}
    deliveries = [tuple(rest) for word, *rest in actors.lines("run") if word == "delivered"]
    reported = {address for word, _, _, address in actors.lines("run") if word == "reported"}
    delivered = {address for _, _, address in deliveries}
    assert {one for one in acknowledged if one.startswith("good")} <= delivered
    assert {one for one in acknowledged if one.startswith("bad")} <= reported
    assert max(Counter(deliveries).values()) == 1, "one process never delivers a recipient twice"
    twice = len(deliveries) - len(delivered)
    assert twice <= KILLS * SETTINGS.concurrency * 3
    print(  # noqa: T201  # shown with -s
        f"{KILLS} kills, {len(acknowledged)} recipients acknowledged, {len(deliveries)} deliveries, {twice} doubled"
    )
