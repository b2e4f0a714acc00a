"""Random and mutated byte streams into every listener: no client sees our insides, memory stays, the service goes on.

``OPTIMAILS_HOSTILE`` is the number of streams for each listener (300 by default), ``OPTIMAILS_HOSTILE_SEED`` the dice.
"""

import asyncio
import contextlib
import os
import random
import ssl
from collections.abc import Iterator

import pytest

from tests.scenarios.hostile.streams import Stream, hostile_stream
from tests.support.imap_control import Control
from tests.support.service import Service, resident, started

COUNT = int(os.environ.get("OPTIMAILS_HOSTILE", "300"))
SEED = int(os.environ.get("OPTIMAILS_HOSTILE_SEED", "1"))
AT_ONCE = 20
PATIENCE = 0.3  # seconds without an answer, after which the client hangs up
BYTES_READ = 2_000_000
GROWTH = (
    32 * 1024
)  # KiB of a worker in the second half: what waits for the garbage collector, not what each stream leaves
INSIDES = (b"Traceback", b'File "', b"Error(", b"Exception", b".py", b"<class", b"NoneType", b"0x7f", b"twisted")
LISTENERS = {
    "imap": "imap", "imaps": "imap", "pop3": "pop3", "pop3s": "pop3",
    "lmtp": "lmtp", "smtp": "smtp", "submission": "smtp", "submissions": "smtp",
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with started(tmp_path_factory.mktemp("hostile"), users=6) as running:
        yield running


async def attack(service: Service, listener: str, stream: Stream, dice: random.Random) -> bytes:
    """Send, sometimes half-close, read what comes, hang up; gives the answer."""
    port = service.peer.ports[listener]
    context = None
    if listener.endswith("s") and dice.random() < 0.8:  # else: noise instead of a handshake
        context = ssl.create_default_context(cafile=service.peer.ca_file)
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", port, ssl=context, limit=BYTES_READ), 30
        )
    except ssl.SSLError:
        return b""
    answer = bytearray()

    async def listen() -> None:
        while len(answer) < BYTES_READ:
            try:
                data = await asyncio.wait_for(reader.read(65536), PATIENCE)
            except TimeoutError:
                return
            if not data:
                return
            answer.extend(data)

    listening = asyncio.create_task(listen())
    with contextlib.suppress(OSError, TimeoutError):
        for piece in stream:
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 2)
            if len(piece) == 1:
                await asyncio.sleep(0.001)
        if context is None and dice.random() < 0.3:
            writer.write_eof()
    with contextlib.suppress(OSError):
        await listening
    writer.transport.abort()
    return bytes(answer)


async def attack_all(service: Service, numbers: range) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(listener: str, name: str, stream: Stream) -> None:
        try:
            answer = await attack(service, listener, stream, random.Random(name))
        finally:
            gate.release()
        for inside in INSIDES:
            assert inside not in answer, (name, answer[max(0, answer.find(inside) - 300) :][:1000])

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            for listener, protocol in LISTENERS.items():
                await gate.acquire()
                name, stream = hostile_stream(protocol, SEED, number)
                group.create_task(one(listener, f"{listener} {name}", stream))


@pytest.mark.slow
@pytest.mark.timeout(180 + COUNT)
def test_every_listener_survives(service: Service) -> None:
    for user in service.peer.users:
        with Control(service.peer, user) as control:
            control.append("INBOX", b"From: x@example.org\r\nSubject: quiet\r\n\r\nquiet\r\n")
    workers = service.workers()
    memory = []  # of each worker, after each tenth
    for tenth in range(10):
        asyncio.run(attack_all(service, range(COUNT * tenth // 10, COUNT * (tenth + 1) // 10)))
        assert not service.times_logged("worker_died"), service.output()
        memory.append([resident(pid) // 1024 for pid in workers])
    print(f"{COUNT * len(LISTENERS)} streams; KiB of each worker after each tenth: {memory}")  # noqa: T201
    for half, end in zip(memory[4], memory[9], strict=True):  # by half-time caches are full and code is imported
        assert end - half < GROWTH, memory
    with Control(service.peer, service.peer.users[5]) as control:
        assert len(control.messages()) == 1
    assert b'"traceback"' not in service.log.read_bytes()
