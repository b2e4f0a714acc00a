"""kill -9 of workers and of the supervisor at random moments under load: nothing acknowledged is lost, nothing doubled.

``OPTIMAILS_KILLS`` is the number of kill points (15 by default), ``OPTIMAILS_KILL_SEED`` repeats a run's dice.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.scenarios.kill.actor import Actor
from tests.support.eventually import eventually
from tests.support.service import Service

KILLS = int(os.environ.get("OPTIMAILS_KILLS", "15"))
SEED = int(os.environ.get("OPTIMAILS_KILL_SEED", "1"))
ACTORS = 4
WORKERS = 3  # two for mail, one for jobs; and a spare, as soon as there is time


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * KILLS)
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    service = Service(tmp_path, users=ACTORS)
    service.start()
    actors = [Actor(service.peer, user, SEED + number) for number, user in enumerate(service.peer.users)]
    try:
        for actor in actors:
            actor.start()
        for kill in range(KILLS):
            before = [actor.ledger.acknowledged for actor in actors]
            audits = [actor.audits for actor in actors]
            time.sleep(dice.uniform(0.05, 0.8))
            if dice.random() < 0.25:
                service.kill_supervisor()
                service.start()
            else:
                assert eventually(lambda: len(service.workers()) >= WORKERS), service.output()
                for pid in dice.sample(service.workers(), dice.choice((1, 1, 1, 2))):
                    os.kill(pid, signal.SIGKILL)

            def going_on(before: list[int] = before) -> bool:
                return any(actor.failure for actor in actors) or all(
                    actor.ledger.acknowledged > was for actor, was in zip(actors, before, strict=True)
                )

            eventually(going_on, limit=60)
            told = f"kill {kill} with seed {SEED}; audits {audits}"
            assert not any(actor.failure for actor in actors), (told, *(actor.failure for actor in actors))
            assert going_on(), (told, service.output())
        for actor in actors:
            actor.ending.set()
        for actor in actors:
            actor.join(60)
            assert not actor.is_alive()
            assert actor.failure is None, actor.failure
        service.stop()
        report = service.optimails("doctor", expect=(0, 3))
        assert report == {"accounts": ACTORS, "findings": []}
        service.start()
        for actor in actors:
            actor.audit()
        print(  # noqa: T201  # shown with -s, and when the test fails
            f"{KILLS} kills, {sum(actor.ledger.acknowledged for actor in actors)} acknowledged operations, "
            f"{sum(actor.lost for actor in actors)} connections lost, {sum(actor.audits for actor in actors)} audits"
        )
    finally:
        for actor in actors:
            actor.ending.set()
        service.stop()
