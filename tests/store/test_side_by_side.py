"""Several processes use one account: they open it, take what was left in ``new/``, and repair it at the same time."""

import asyncio
import os
import subprocess
import threading

import pytest

from optimails.index.database import Database
from optimails.mailbox import folders, ingest, recovery, storing
from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.mailbox.engine import process_started
from optimails.mailbox.findings import Kind
from optimails.mailbox.service import LocalMailService, account_directory, open_engine, places
from optimails.model.errors import Reason, Refused
from optimails.model.flags import Flag
from optimails.model.number_set import STAR, NumberSet
from optimails.model.query import HasFlag
from tests.support.disk import NoBus
from tests.support.memory import account
from tests.support.run import run

ANN = account()
ALL = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


def opened(tmp_path):
    return open_engine(ANN.id, places(tmp_path), NoBus())


def test_a_new_account_is_whole_for_whoever_opens_it_second(tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    create = folders.create_standard

    def slow(engine):
        begun.set()
        go_on.wait(10)
        create(engine)

    monkeypatch.setattr(folders, "create_standard", slow)
    first = threading.Thread(target=lambda: opened(tmp_path).close())
    first.start()
    assert begun.wait(10)
    names = []
    second = threading.Thread(target=lambda: names.append(opened(tmp_path).mailbox("INBOX").name))
    second.start()
    go_on.set()
    second.join(10)
    first.join(10)
    assert names == ["INBOX"]


def test_an_account_whose_creation_was_interrupted_is_finished_at_the_next_opening(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(folders, "create_standard", lambda _: (_ for _ in ()).throw(InterruptedError()))
        with pytest.raises(InterruptedError):
            opened(tmp_path)
    engine = opened(tmp_path)
    assert [engine.mailbox(name).name for name in ("INBOX", "Sent")] == ["INBOX", "Sent"]
    engine.close()


def test_what_was_left_in_new_is_taken_once(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    new = account_directory(tmp_path, ANN.id) / "Maildir" / "new"
    (new / "1.left").write_bytes(b"Subject: left\n\ntext\n")
    read = one.files.read_arrival

    def slow(folder, name):
        assert ingest.ingest(other, other.mailbox("INBOX")) == 0  # another worker looks just now
        return read(folder, name)

    one.files.read_arrival = slow
    assert ingest.ingest(one, one.mailbox("INBOX")) == 1
    assert ingest.ingest(other, other.mailbox("INBOX")) == 0
    assert other.mailbox("INBOX").messages == 1
    one.close()
    other.close()


def test_what_cannot_be_taken_from_new_keeps_nobody_from_the_rest(tmp_path):
    engine = opened(tmp_path)
    new = account_directory(tmp_path, ANN.id) / "Maildir" / "new"
    (new / "1.odd").write_bytes(b"Subject: odd\n\ntext\n")
    (new / "2.folder").mkdir()
    (new / "3.good").write_bytes(b"Subject: good\n\ntext\n")
    read = engine.files.read_arrival
    engine.files.read_arrival = lambda folder, name: (b"", 2**40) if name == "1.odd" else read(folder, name)
    assert ingest.ingest(engine, engine.mailbox("INBOX")) == 1
    assert not ingest.waiting(engine, "") or ingest.ingest(engine, engine.mailbox("INBOX")) == 0
    assert not ingest.waiting(engine, "")
    engine.close()


def test_repair_leaves_alone_what_a_process_is_storing_that_came_later(tmp_path):
    engine = opened(tmp_path)
    late = subprocess.Popen(["sleep", "60"])
    try:
        with engine.database.write() as connection:
            connection.execute("INSERT INTO opener VALUES (?, ?)", (late.pid, process_started(late.pid)))
        cur = account_directory(tmp_path, ANN.id) / "Maildir" / "cur"
        (cur / f"1.M000001P{late.pid}Q1.host").write_bytes(b"Subject: on its way\r\n\r\n")
        assert recovery.recover(engine, frozenset(), adopt=False) == []
    finally:
        late.kill()
        late.wait()
    assert [found.kind for found in recovery.recover(engine, frozenset(), adopt=False)] == [Kind.UNACKNOWLEDGED]
    engine.close()


@run
async def test_an_opening_that_nobody_waits_for_any_more_serves_the_next(tmp_path):
    service = LocalMailService(places(tmp_path), NoBus())
    gone = asyncio.create_task(service.open(ANN))
    await asyncio.sleep(0)
    gone.cancel()
    first, second = await asyncio.gather(service.open(ANN), service.open(ANN))
    assert first.engine is second.engine
    before = len(os.listdir("/proc/self/fd"))
    await first.close()
    await second.close()
    await service.close()
    assert len(os.listdir("/proc/self/fd")) < before
    index = Database(account_directory(tmp_path, ANN.id) / "index.sqlite")
    with index.read() as connection:
        assert connection.execute("SELECT count(*) FROM opener").fetchone() == (0,)
    index.close()


@run
async def test_an_account_opened_again_while_it_is_being_closed_is_noted_as_open(tmp_path):
    service = LocalMailService(places(tmp_path), NoBus(), open_accounts=0)
    for _ in range(5):
        await (await service.open(ANN)).close()
        async with await service.open(ANN) as mail:
            await asyncio.sleep(0.02)  # for a closing that would come too late
            with mail.engine.database.read() as connection:
                assert connection.execute("SELECT pid FROM opener").fetchall() == [(os.getpid(),)]
    await service.close()


@run
async def test_a_keyword_of_another_worker_is_found_and_removed(tmp_path):
    ours, theirs = LocalMailService(places(tmp_path), NoBus()), LocalMailService(places(tmp_path), NoBus())
    async with await ours.open(ANN) as mail, await theirs.open(ANN) as other:
        await mail.append("INBOX", [NewMessage(b"Subject: x\r\n\r\n")])
        here, there = await mail.select("INBOX"), await other.select("INBOX")
        await here.store(ALL, StoreMode.ADD, frozenset({Flag("$Work")}))
        assert await there.search(HasFlag(Flag("$work"))) == [1]
        await here.store(ALL, StoreMode.ADD, frozenset({Flag("$Home")}))
        await there.store(ALL, StoreMode.REMOVE, frozenset({Flag("$home")}))
        assert [other.keywords.names(mask) for _, _, mask in await there.flags(ALL)] == [["$Work"]]
    await ours.close()
    await theirs.close()


def test_storing_in_a_mailbox_that_is_deleted_meanwhile_is_refused(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    storing.append(one, "INBOX", [NewMessage(b"Subject: x\r\n\r\n")])
    look = one.mailbox
    for attempt in (
        lambda: storing.append(one, "Old", [NewMessage(b"Subject: x\r\n\r\n")]),
        lambda: storing.copy(one, look("INBOX"), ((1, 1),), "Old", move=False),
    ):
        folders.create(other, "Old")

        def late(name):
            row = look(name)
            if name == "Old":
                folders.delete(other, "Old")
            return row

        one.mailbox = late
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.reason is Reason.NON_EXISTENT
        one.mailbox = look
    one.close()
    other.close()


def test_nobody_else_can_look_into_the_mail(tmp_path):
    before = os.umask(0)
    try:
        opened(tmp_path).close()
    finally:
        os.umask(before)
    mail = tmp_path / "mail"
    assert {oct(path.stat().st_mode & 0o777) for path in [mail, *mail.rglob("*")] if path.is_dir()} == {"0o700"}
