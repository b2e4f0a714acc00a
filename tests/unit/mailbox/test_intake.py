"""What many sessions bring at once is stored together, and nobody waits for somebody else's trouble."""

import asyncio
import errno
import sqlite3

import pytest

from optimails.events.memory import MemoryBus
from optimails.mailbox import intake
from optimails.mailbox.api import NewMessage
from optimails.mailbox.intake import Intake, _Job
from optimails.mailbox.service import INDEX, LocalMailService, account_directory, open_journal, places
from optimails.model.errors import Refused, Unavailable
from optimails.model.mailbox_name import INBOX
from optimails.store.maildir import MaildirFiles
from tests.support.in_loop import in_loop
from tests.support.memory import account

NAMES = ("ann", "ben", "cem", "dan", "eva", "fay")


def mail(number):
    return NewMessage(b"Subject: %d\r\n\r\ntext\r\n" % number)


class House:
    def __init__(self, data, **limits):
        self.data = data
        self.journal = open_journal(data)
        self.bus = MemoryBus()
        self.service = LocalMailService(places(data, self.journal), self.bus)
        self.accounts = {name: account(name, messages=limits.get(name)) for name in NAMES}
        self.opened = {}

    async def append(self, name, number, mailbox=INBOX):
        if name not in self.opened:
            self.opened[name] = await self.service.open(self.accounts[name])
        return await self.opened[name].append(mailbox, (mail(number),))

    async def counts(self):
        return {name: (await one.usage()).messages for name, one in self.opened.items()}

    def lock(self, name):
        """The account's index, locked as another process may do."""
        index = account_directory(self.data, self.accounts[name].id) / INDEX
        other = sqlite3.connect(index, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        return other

    async def close(self):
        for one in self.opened.values():
            await one.close()
        await self.service.close()
        self.journal.close()


@in_loop
async def test_messages_that_come_together_share_a_sync(tmp_path, monkeypatch):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)
    writes, write = [], house.journal.write
    monkeypatch.setattr(house.journal, "write", lambda records: (writes.append(len(records)), write(records)))
    appended = await asyncio.gather(*(house.append(name, number) for number in range(1, 9) for name in NAMES))
    assert sum(writes) == len(appended) == 48
    assert len(writes) < 10
    assert await house.counts() == dict.fromkeys(NAMES, 9)
    uids = [one.uids[0] for one in appended[::6]]  # ann's
    assert sorted(uids) == list(range(2, 10))
    await house.close()


@in_loop
async def test_a_locked_index_holds_up_nobody_else(tmp_path):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)
    other = house.lock("ann")
    waiting = [asyncio.create_task(house.append("ann", number)) for number in range(1, 4)]
    others = [house.append(name, number) for number in range(1, 4) for name in NAMES[1:]]
    await asyncio.wait_for(asyncio.gather(*others), 10)  # SQLite would wait for 15 seconds
    assert not any(task.done() for task in waiting)
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(*waiting)
    assert await house.counts() == dict.fromkeys(NAMES, 4)
    await house.close()


@in_loop
async def test_each_message_has_its_own_answer(tmp_path):
    house = House(tmp_path, ben=2)
    for name in NAMES:
        await house.append(name, 0)
    answers = await asyncio.gather(
        *(house.append(name, number) for name in ("ann", "ben", "cem") for number in (1, 2)),
        house.append("dan", 1, "Nowhere"),
        return_exceptions=True,
    )
    assert [type(one) for one in answers].count(Refused) == 2
    assert await house.counts() == {"ann": 3, "ben": 2, "cem": 3, "dan": 1, "eva": 1, "fay": 1}
    for name in ("ben", "dan"):
        cur = account_directory(tmp_path, house.accounts[name].id) / "Maildir" / "cur"
        assert len(list(cur.iterdir())) == (await house.counts())[name]  # what was refused left nothing
    await house.close()


@in_loop
async def test_when_the_disk_is_full_all_hear_of_it_and_later_it_works(tmp_path, monkeypatch):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)
    with monkeypatch.context() as full:

        def commit(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(MaildirFiles, "commit", commit)
        answers = await asyncio.gather(*(house.append(name, 1) for name in NAMES), return_exceptions=True)
    assert {type(one) for one in answers} == {Unavailable}
    assert await house.counts() == dict.fromkeys(NAMES, 1)
    await asyncio.gather(*(house.append(name, 2) for name in NAMES))
    assert await house.counts() == dict.fromkeys(NAMES, 2)
    await house.close()


@in_loop
async def test_a_session_that_goes_away_leaves_the_others_theirs(tmp_path):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)
    tasks = [asyncio.create_task(house.append(name, 1)) for name in NAMES]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks[1:])
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert (await house.counts())["fay"] == 2
    await house.close()


@in_loop
@pytest.mark.parametrize(("owner", "step"), [(Intake, "_make_durable"), (_Job, "finish"), (Intake, "_next")])
async def test_when_the_storing_thread_breaks_down_nobody_waits_for_ever(tmp_path, monkeypatch, owner, step):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)
    original, broken = getattr(owner, step), []

    def breaks_once(*arguments):
        if not broken:
            broken.append(True)
            raise MemoryError
        return original(*arguments)

    monkeypatch.setattr(owner, step, breaks_once)
    tasks = [house.append(name, number) for number in (1, 2) for name in NAMES]
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert broken
    stored = sum((await house.counts()).values()) - len(NAMES)
    assert stored == sum(not isinstance(one, BaseException) for one in answers)
    again = await asyncio.wait_for(asyncio.gather(*(house.append(name, 3) for name in NAMES)), 10)
    assert len(again) == len(NAMES)
    await house.close()


@in_loop
async def test_an_error_that_no_future_takes_keeps_nobody_waiting(tmp_path, monkeypatch):
    house = House(tmp_path)
    for name in NAMES:
        await house.append(name, 0)

    def place(*_):
        raise StopIteration

    with monkeypatch.context() as broken:
        broken.setattr(MaildirFiles, "place", place)
        tasks = [house.append(name, 1) for name in NAMES]
        answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert {type(one) for one in answers} == {RuntimeError}
    await house.close()


@in_loop
@pytest.mark.parametrize("staying", [0.0, 0.002, 5.0])
async def test_a_thread_that_waits_for_more_misses_nothing(tmp_path, monkeypatch, staying):
    monkeypatch.setattr(intake, "STAYING", staying)
    house = House(tmp_path)
    for number in range(30):
        together = NAMES[: 1 + number % 3]
        await asyncio.wait_for(asyncio.gather(*(house.append(name, number) for name in together)), 10)
        await asyncio.sleep(number % 5 / 1000)
    assert await house.counts() == {"ann": 30, "ben": 20, "cem": 10}
    await house.close()


@in_loop
async def test_listeners_hear_of_what_a_session_did_not_wait_for(tmp_path):
    house = House(tmp_path)
    await house.append("ann", 0)
    heard = asyncio.Event()
    subscription = house.bus.subscribe(house.accounts["ann"].id, None, lambda _: heard.set())
    task = asyncio.create_task(house.append("ann", 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait_for(heard.wait(), 10)
    assert (await house.counts())["ann"] == 2
    subscription.cancel()
    await house.close()
