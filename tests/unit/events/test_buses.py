"""Both buses: who hears what, merging, threads, and the datagrams between processes."""

import asyncio
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.events import DatagramBus, Kind, MemoryBus, Notice
from optimails.events.wire import MAGIC, MAX_DATAGRAM, pack, unpack

ANNA, BERT = "a1", "b2"


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in other processes
            await asyncio.sleep(0.005)


@contextmanager
def memory(_folder):
    yield MemoryBus()


@contextmanager
def datagram(folder):
    bus = DatagramBus(folder / "events", "one")
    bus.start()
    try:
        yield bus
    finally:
        bus.close()


@pytest.fixture(params=[memory, datagram])
def scenario(request, tmp_path):
    """Runs a coroutine function with the bus, in a loop."""

    def run(steps):
        async def body():
            with request.param(tmp_path) as bus:
                await steps(bus)

        asyncio.run(body())

    return run


def test_subscribers_hear_their_mailbox_their_account_or_accounts_at_large(scenario):
    async def steps(bus):
        mailbox, account, everybody = [], [], []
        bus.subscribe(ANNA, 1, mailbox.append)
        bus.subscribe(ANNA, None, account.append)
        bus.subscribe(None, None, everybody.append)
        bus.publish(ANNA, 1, 10)
        bus.publish(ANNA, 2, 11)
        bus.publish(BERT, 1, 12)
        bus.publish_account(BERT)
        bus.publish_account(ANNA, Kind.FOLDERS)
        await until(lambda: len(account) == 3)
        assert mailbox == [Notice(Kind.MAILBOX, ANNA, 1, 10)]
        assert {(notice.kind, notice.mailbox) for notice in account} == {
            (Kind.MAILBOX, 1),
            (Kind.MAILBOX, 2),
            (Kind.FOLDERS, 0),
        }
        assert everybody == [Notice(Kind.ACCOUNT, BERT)]

    scenario(steps)


def test_many_changes_of_one_mailbox_wake_once_with_the_newest(scenario):
    async def steps(bus):
        heard = []
        bus.subscribe(ANNA, 1, heard.append)
        for modseq in (3, 9, 5):
            bus.publish(ANNA, 1, modseq)
        await until(lambda: heard)
        await asyncio.sleep(0)
        assert [notice.modseq for notice in heard] == [9]

    scenario(steps)


def test_a_cancelled_subscription_is_silent_and_a_failing_one_harms_nobody(scenario):
    async def steps(bus):
        silent, heard = [], []
        cancelled = bus.subscribe(ANNA, 1, silent.append)
        bus.subscribe(ANNA, 1, lambda _: 1 / 0)
        bus.subscribe(ANNA, 1, heard.append)
        bus.publish(ANNA, 1, 1)
        cancelled.cancel()
        cancelled.cancel()
        await until(lambda: heard)
        assert silent == []

    scenario(steps)


def test_callbacks_run_in_the_loop_when_a_thread_publishes(scenario):
    async def steps(bus):
        threads = []
        bus.subscribe(ANNA, 1, lambda _: threads.append(threading.current_thread()))
        await asyncio.to_thread(bus.publish, ANNA, 1, 1)
        await until(lambda: threads)
        assert threads == [threading.main_thread()]

    scenario(steps)


PEER = """
import asyncio, sys
from pathlib import Path
from optimails.events import DatagramBus

async def main():
    bus = DatagramBus(Path(sys.argv[1]), sys.argv[2])
    bus.start()
    bus.subscribe("a1", None, lambda notice: print(notice.mailbox, notice.modseq, flush=True))
    print("listening", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@contextmanager
def peer(folder, name):
    process = subprocess.Popen(
        [sys.executable, "-c", PEER, str(folder), name], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout.readline() == "listening\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_processes_hear_each_other_also_from_one_that_only_publishes(tmp_path):
    folder = tmp_path / ("deep" * 30) / "events"  # longer than a socket path may be
    folder.mkdir(parents=True)
    with peer(folder, "two") as two, peer(folder, "three") as three:
        bus = DatagramBus(folder)
        bus.publish(ANNA, 7, 70)
        assert two.stdout.readline() == three.stdout.readline() == "7 70\n"

        async def from_a_worker():
            worker = DatagramBus(folder, "one")
            worker.start()
            worker.publish(ANNA, 8, 80)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            worker.close()

        asyncio.run(from_a_worker())
        assert two.stdout.readline() == three.stdout.readline() == "8 80\n"
        bus.close()


def test_a_dead_process_is_forgotten_and_its_socket_removed(tmp_path):
    with peer(tmp_path, "two"):
        pass
    assert (tmp_path / "two.sock").exists()
    bus = DatagramBus(tmp_path)
    bus.publish(ANNA, 1, 1)
    assert list(tmp_path.iterdir()) == []
    bus.close()


def test_rubbish_is_ignored(tmp_path):
    async def steps():
        with datagram(tmp_path) as bus:
            heard = []
            bus.subscribe(ANNA, None, heard.append)
            stranger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            for rubbish in (
                b"",
                b"O1",
                b"O1\x01",
                b"x" * 9000,
                b"O1" + bytes(40),
                *pack([Notice(Kind.MAILBOX, "ü", 1, 1)]),
            ):
                stranger.sendto(rubbish, str(tmp_path / "events" / "one.sock"))
            stranger.sendto(next(pack([Notice(Kind.MAILBOX, ANNA, 4, 5)])), str(tmp_path / "events" / "one.sock"))
            stranger.close()
            await until(lambda: heard)
            assert heard == [Notice(Kind.MAILBOX, ANNA, 4, 5)]

    asyncio.run(steps())


def test_a_burst_reaches_a_busy_process_in_the_end(tmp_path):
    """The kernel's queue holds few datagrams; the notices wait with the sender, merged."""

    async def steps():
        with datagram(tmp_path) as bus:
            slow = DatagramBus(tmp_path / "events", "slow")
            slow.start()
            slow_loop = asyncio.get_running_loop()
            slow_loop.remove_reader(slow._socket.fileno())  # it does not read
            heard = {}
            for mailbox in range(1, 400):
                bus.publish(ANNA, mailbox, mailbox)
                await asyncio.sleep(0)  # one datagram each
            await asyncio.sleep(0.02)
            slow.subscribe(ANNA, None, lambda notice: heard.update({notice.mailbox: notice.modseq}))
            slow_loop.add_reader(slow._socket.fileno(), slow._readable)  # it reads again
            await until(lambda: len(heard) == 399)
            slow.close()

    asyncio.run(steps())


def test_changes_in_quick_succession_go_together_and_none_is_lost(tmp_path):
    async def steps():
        sender, receiver = DatagramBus(tmp_path, "one"), DatagramBus(tmp_path, "two")
        sender.start()
        receiver.start()
        heard, here, sent = [], [], []
        receiver.subscribe(ANNA, None, heard.append)
        sender.subscribe(ANNA, None, here.append)
        send = sender._send
        sender._send = lambda notices: (sent.append(len(notices)), send(notices))
        for modseq in range(1, 101):
            sender.publish(ANNA, modseq % 3, modseq)
            await asyncio.sleep(0)
        await until(lambda: here and here[-1].modseq == 100)
        await until(lambda: {98, 99, 100} <= {notice.modseq for notice in heard})
        assert len(sent) < 50 < len(here)
        sender.publish(ANNA, 7, 101)
        sender.publish(ANNA, 7, 102)
        await asyncio.sleep(0)
        sender.close()  # what is waiting leaves before
        await until(lambda: heard[-1].modseq == 102)
        receiver.close()

    asyncio.run(steps())


def test_datagrams_hold_many_notices_and_stay_small():
    notices = [Notice(Kind.MAILBOX, f"{number:032x}", number, 2**63 + number) for number in range(500)]
    datagrams = list(pack(notices))
    assert all(len(one) <= MAX_DATAGRAM for one in datagrams)
    assert [notice for one in datagrams for notice in unpack(one)] == notices


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: MAGIC + rest))
def test_any_bytes_are_notices_or_nothing(data):
    notices = unpack(data)
    assert b"".join(pack(notices)) == (data if notices else b"")
