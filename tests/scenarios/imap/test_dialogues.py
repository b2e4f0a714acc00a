"""The dialogues of tests/transcripts once more, over sockets, with real processes, files and index."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.support.free_ports import free_ports
from tests.support.imap_door import MESSAGES
from tests.support.peer import MailUser
from tests.support.service import Service
from tests.support.transcript import Connection, Transcript

DIALOGUES = Path(__file__).parents[2] / "transcripts" / "imap"
# What needs other settings, another network, a broken directory, or reaches into the session.
INSIDE = ("@setting", "@far", "@limit", "@away", "@sessions", "@timeout", "@kick", "@account", "@changed")
INSIDE += ("@plan", "@delegate", "@refuse", "@folders", "@audit")  # rights of others are set up in the directory
ELSEWHERE = {"login", "authenticate_plain", "authenticate_login", "utf8_login", "literals", "byte_by_byte"}  # passwords
ELSEWHERE |= {"starttls_injection", "compress"}  # the stream itself changes: test_server.py
ELSEWHERE |= {"quota", "thunderbird"}  # limits of another plan


def _fits(path: Path) -> bool:
    return path.stem not in ELSEWHERE and not any(line.startswith(INSIDE) for line in path.read_text().split("\n"))


FILES = sorted(path for path in DIALOGUES.glob("*.txt") if _fits(path))


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    (port,) = free_ports(1)
    sieve = f'[[listener]]\nprotocol = "managesieve"\naddress = "127.0.0.1:{port}"\n[sieve]\nimap_patience = 30.0\n'
    service = Service(tmp_path_factory.mktemp("imap"), users=len(FILES), settings=sieve)
    service.start()
    yield service
    service.stop()


class SocketConnection:
    """``transcript.Connection``; alice of the dialogues is the test's own user."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user: MailUser) -> None:
        self.reader, self.writer, self.user = reader, writer, user

    async def send(self, data: bytes) -> None:
        login = f'LOGIN {self.user.login} "{self.user.password}"'.encode()
        self.writer.write(data.replace(b"LOGIN alice secret", login))
        await self.writer.drain()

    async def line(self) -> bytes | None:
        line = await self.reader.readline()
        return line.removesuffix(b"\n").removesuffix(b"\r") if line else None

    async def settle(self) -> bytes:
        return b""  # nobody can see from here that the server waits; what it says too much meets the next expected line

    async def close(self) -> None:
        self.writer.close()


class SocketDoor:
    def __init__(self, service: Service, user: MailUser) -> None:
        self.service, self.peer, self.user = service, service.peer, user

    async def connect(self) -> SocketConnection:
        context = ssl.create_default_context(cafile=str(self.peer.ca_file))
        reader, writer = await asyncio.open_connection(
            self.peer.host, self.peer.ports["imaps"], ssl=context, server_hostname=self.peer.host
        )
        return SocketConnection(reader, writer, self.user)

    async def given(self, words: list[str], connection: Callable[[], Awaitable[Connection]]) -> None:
        if words[0] == "sieve":
            self.service.scripts(self.user).put(words[1], " ".join(words[2:]).encode())
            return
        client = await connection()
        match words:
            case ["login"]:
                await self._quietly(client, b"@1 LOGIN alice secret\r\n")
            case ["select" | "examine" as command, name]:
                await self._quietly(client, f"@2 {command} {name}\r\n".encode())
            case ["messages", name, *kinds]:
                for text in (MESSAGES[kind] for kind in kinds):
                    await self._quietly(client, b"@3 APPEND %b {%d+}\r\n%b\r\n" % (name.encode(), len(text), text))
            case ["do", *rest]:
                await self._quietly(client, b"@4 %b\r\n" % " ".join(rest).encode())
            case _:
                raise AssertionError(words)

    async def _quietly(self, client: Connection, data: bytes) -> None:
        await client.send(data)
        while not (line := await client.line() or b"closed").startswith(data[:2]):
            assert line != b"closed", data
        assert line[3:5] == b"OK", line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path, service: Service) -> None:
    asyncio.run(Transcript(SocketDoor(service, service.peer.fresh_user()), path).run())
