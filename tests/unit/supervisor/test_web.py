"""A listening socket of the web worker: whoever comes as accepting ends is served, or left to the next worker."""

import asyncio
import contextlib
import socket

import pytest
from starlette.responses import PlainTextResponse

from optimails.config import Config, Listener
from optimails.supervisor.web import WebPort


async def answer(scope, receive, send):
    await PlainTextResponse("served")(scope, receive, send)


async def served(folder, turns):
    """Connect, end accepting so many turns of the loop later; whether an answer came, and whether others may accept."""
    config = Config.model_validate({"server": {"data": folder, "hostname": "mail.example.org"}})
    with socket.create_server(("127.0.0.1", 0)) as shared, socket.create_connection(shared.getsockname(), 20) as client:
        listener = Listener(protocol="http", address="127.0.0.1:0")
        port = await WebPort.adopt(shared.dup().detach(), answer, listener, config)
        for _ in range(turns):
            await asyncio.sleep(0)
        port.stopListening()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while port.connections:  # noqa: ASYNC110  # as the worker itself waits
            await asyncio.sleep(0.01)
        client.setblocking(False)
        shared.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return client.recv(65536).endswith(b"served"), False
        shared.accept()[0].close()
        return False, True


@pytest.mark.parametrize("turns", range(6))
def test_nobody_is_lost_between_two_workers(turns, tmp_path):
    answered, left = asyncio.run(served(tmp_path, turns))
    assert answered or left


def test_who_came_in_time_is_answered(tmp_path):
    assert asyncio.run(served(tmp_path, 5)) == (True, False)
