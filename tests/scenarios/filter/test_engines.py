"""Real antivirus engines: clamd and, through c-icap, one that speaks ICAP."""

import asyncio
import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from optimails.delivery.spool import Spool
from securemail.engines.clamd import Clamd
from securemail.engines.connection import Address
from securemail.engines.icap import Icap
from securemail.engines.self_test import CLEAN, EICAR_MAIL
from securemail.facts import Clean, Encrypted, EngineError, Infected, Outcome
from tests.support.antivirus import SAMPLES, clamd, icap
from tests.support.free_ports import free_ports
from tests.support.service import started
from tests.unit.securemail.test_structure import locked_zip

pytestmark = [pytest.mark.engine]
Engine = Clamd | Icap


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Engine]]:
    with clamd() as port, icap(port) as icap_port:
        yield {
            "clamd": Clamd("clamd", Address("127.0.0.1", port), 30),
            "icap": Icap("icap", Address("127.0.0.1", icap_port), "avscan", 30),
        }


def ask(engine: Engine, message: bytes) -> Outcome:
    return asyncio.run(engine.examine(Spool.of(message))).outcome


def attached(name: str, data: bytes) -> bytes:
    message = EmailMessage()
    message["From"] = "a@b.test"
    message.set_content("See the attachment.")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


@pytest.mark.parametrize("name", ["clamd", "icap"])
def test_what_is_clean_passes_and_the_test_file_does_not(engines: dict[str, Engine], name: str) -> None:
    assert isinstance(ask(engines[name], CLEAN), Clean)
    assert isinstance(ask(engines[name], CLEAN + b"x" * 76 + (b"\r\n" + b"y" * 76) * 50_000), Clean)
    assert ask(engines[name], EICAR_MAIL) == Infected("Ours.Eicar.UNOFFICIAL")


def test_every_sample_is_found_in_its_container(engines: dict[str, Engine]) -> None:
    missed = [
        path.name
        for path in sorted(SAMPLES.glob("clam*"))
        if path.name != "clam_cache_emax.tgz"  # holds another file: it is for clamd's cache
        and not isinstance(ask(engines["clamd"], attached(path.name, path.read_bytes())), Infected)
    ]
    assert missed == []


def test_a_service_lets_nothing_pass_that_an_engine_knows_or_does_not_answer_for(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = f"""
[securemail]
enabled = true

[[antivirus]]
name = "clamd"
kind = "clamd"
address = "127.0.0.1:{port}"
"""
    with started(tmp_path, users=1, settings=settings) as service:

        def receive(message: bytes) -> int:
            with smtplib.SMTP("127.0.0.1", service.peer.ports["smtp"], timeout=60) as client:
                try:
                    client.sendmail("a@b.test", service.peer.users[0].address, message)
                except smtplib.SMTPDataError as refused:
                    return refused.smtp_code
                return 250

        sample = attached("clam.zip", (SAMPLES / "clam.zip").read_bytes())
        assert receive(CLEAN) == 451  # nobody is there
        with clamd(port):
            assert (receive(CLEAN), receive(sample), receive(EICAR_MAIL)) == (250, 550, 550)
        assert receive(CLEAN) == 451
        (row,) = service.optimails("track", "find", "--state", "delivered")  # type: ignore[misc]
        assert row["health"] == "clean"
        found = service.optimails("track", "find", "--state", "rejected")
        assert isinstance(found, list)
        assert {one["rule"] for one in found} == {"global virus"}


def test_clamd_tells_locked_from_infected_and_which_signatures_it_has(engines: dict[str, Engine]) -> None:
    assert isinstance(ask(engines["clamd"], attached("locked.zip", locked_zip())), Encrypted)
    engine = engines["clamd"]
    assert isinstance(engine, Clamd)
    version, _ = asyncio.run(engine.version())
    assert version.split(".")[0].isdigit()


def test_an_engine_that_is_away_or_silent_or_talks_nonsense_is_an_error() -> None:
    (nobody,) = free_ports(1)
    assert isinstance(ask(Clamd("c", Address("127.0.0.1", nobody), 5), CLEAN), EngineError)
    assert isinstance(ask(Icap("i", Address("127.0.0.1", nobody), "avscan", 5), CLEAN), EngineError)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1])
        assert ask(Clamd("c", address, 0.2), CLEAN) == EngineError("TimeoutError")
        assert ask(Icap("i", address, "avscan", 0.2), CLEAN) == EngineError("TimeoutError")


@pytest.mark.parametrize("answer", [b"", b"\0", b"HTTP/1.1 200 OK\r\n\r\n", b"ICAP/1.0 abc\r\n\r\n", b"x" * 200_000])
def test_nonsense_is_an_error(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        writer.close()

    async def work() -> list[Outcome]:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            engines: list[Engine] = [Clamd("c", address, 5), Icap("i", address, "avscan", 5)]
            return [(await engine.examine(Spool.of(CLEAN))).outcome for engine in engines]

    assert all(isinstance(one, EngineError) for one in asyncio.run(work()))
