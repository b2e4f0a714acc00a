"""A collector in a process of its own, which is killed after the n-th message was stored and before it is recorded."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from optimails.collection.runner import Collector
from optimails.collection.store import SourceStore
from optimails.config import load
from optimails.directory.database import open_database
from optimails.directory.local import LocalDirectory
from optimails.events.memory import MemoryBus
from optimails.mailbox.service import LocalMailService, places


async def main(config_file: Path, identity: int, kill_at: int) -> None:
    config = load(config_file, {})
    data = config.server.data
    directory = LocalDirectory(open_database(config.directory, data, upgrade=False), config.directory, ())
    collector = Collector(data, config.collection, directory, LocalMailService(places(data), MemoryBus()))
    record = SourceStore.record
    count = 0

    def recorded(*arguments: Any, **settings: Any) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        record(*arguments, **settings)

    SourceStore.record = recorded  # type: ignore[method-assign]  # this is what the actor is for
    source = next(one for one in collector.store.sources() if one.id == identity)
    await collector.visit(source)


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
