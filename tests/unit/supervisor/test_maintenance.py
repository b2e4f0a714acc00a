"""The periodic jobs: expired mail and accounts go, everything else stays."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from optimails.config import parse
from optimails.directory.admin import Admin
from optimails.directory.database import open_database
from optimails.directory.local import LocalDirectory
from optimails.events import MemoryBus
from optimails.mailbox.api import NewMessage
from optimails.mailbox.service import LocalMailService, account_directory, places
from optimails.model.errors import Refused
from optimails.model.flags import DELETED
from optimails.supervisor.maintenance import ROUNDS, Maintenance


def test_accounts_and_messages_go_when_their_time_is_over(tmp_path, monkeypatch):
    path = tmp_path / "optimails.toml"
    config = parse("[directory]\nkeep_removed_days = 0\nbcrypt_cost = 4", path, {})
    database = open_database(config.directory, tmp_path)
    admin = Admin(database, config.directory)
    admin.domain_add("demo.test")
    admin.plan_add("short", storage=None, retention=0)
    gone = admin.account_add("gone@demo.test", plan="short").id
    stays = admin.account_add("stays@demo.test", plan="short").id

    async def steps():
        directory = LocalDirectory(database, config.directory)
        mail = LocalMailService(places(tmp_path), MemoryBus())
        jobs = Maintenance(config, database, directory, mail)
        for account in (gone, stays):
            async with await mail.open(await directory.account(account)) as opened:
                await opened.append("INBOX", [NewMessage(b"Subject: x\r\n\r\n", frozenset({DELETED}))])
                await opened.append("INBOX", [NewMessage(b"Subject: y\r\n\r\n")])
                inbox = await opened.select("INBOX")
                await inbox.expunge()
                await inbox.close()
        admin.account_remove("gone@demo.test")
        later = SimpleNamespace(time=lambda: time.time() + 10)  # both times are over a moment from now
        monkeypatch.setattr("optimails.mailbox.removing.time", later)
        done = [await jobs.run(turn) for turn in range(ROUNDS)]
        assert sum(one["removed_accounts"] for one in done) == 1
        assert sum(one["accounts"] for one in done) == 1
        assert not account_directory(tmp_path, gone).exists()
        assert not list((tmp_path / "mail").glob("*/.removed-*"))
        async with await mail.open(await directory.account(stays)) as opened:
            assert (await opened.usage()).messages == 1
        await mail.close()
        await directory.close()
        return sum(one["purged_messages"] for one in done)

    purged = asyncio.run(steps())
    assert purged == 1
    with pytest.raises(Refused):
        admin.account_restore(gone)
    database.close()
