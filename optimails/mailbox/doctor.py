"""Examining and repairing an account, as ``optimails doctor`` does."""

import asyncio
import os

from optimails.index.database import storage_errors
from optimails.mailbox import recovery
from optimails.mailbox.engine import Engine
from optimails.mailbox.findings import Finding, Kind
from optimails.mailbox.service import LocalMailService
from optimails.model.account import Account


async def examine(service: LocalMailService, account: Account, *, repair: bool) -> list[Finding]:
    """Compare files, rows and counters of an account, also while others use it; put right with ``repair``.

    A lost or damaged index is rebuilt by opening the account, whatever ``repair`` says; that is a finding, too.
    """
    async with await service.open(account) as mail:
        engine = mail.engine
        return await asyncio.get_running_loop().run_in_executor(None, lambda: _examine(engine, repair=repair))


@storage_errors
def _examine(engine: Engine, *, repair: bool) -> list[Finding]:
    damage = [Finding(Kind.INDEX, "", line, repaired=False) for line in engine.database.check()]
    with engine.database.read() as connection:
        living = {pid for (pid,) in connection.execute("SELECT pid FROM opener")}
    opened, engine.opening_findings = engine.opening_findings, []
    return opened + damage + recovery.recover(engine, {*living, os.getpid()}, adopt=False, repair=repair)
