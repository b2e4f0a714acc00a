"""Filter workers under hostile messages: they may die, the service goes on, and nothing passes because they did."""

import asyncio
import os
import random
import socket
import sys
from collections.abc import Coroutine
from dataclasses import replace
from email.message import EmailMessage
from typing import Any, TypeVar

import pytest

from optimails.delivery.spool import Spool
from securemail.analysis import Analysis
from securemail.case import Health
from securemail.context import Context
from securemail.engines.self_test import EICAR_MAIL
from securemail.facts import Infected, Undeterminable
from securemail.workers.pool import Pool, PoolSettings
from tests.unit.securemail.test_structure import EICAR, locked_zip, seven, tarred, zipped

MANGLED, SEED = int(os.environ.get("OPTIMAILS_MANGLED", "60")), int(os.environ.get("OPTIMAILS_MANGLED_SEED", "1"))
DEADLY = PoolSettings(seconds=1.0, memory=400_000_000, program=(sys.executable, "-m", "tests.support.deadly_filter"))
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def ask(pool: Pool, message: bytes) -> Analysis:
    return await pool.analyse(Spool.of(message), Context(people={}))


def message(subject: str, **fields: str) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"From: a@b.test\r\nSubject: {subject}\r\n{more}\r\nHello.\r\n".encode()


@pytest.mark.parametrize("death", ["segfault", "loop", "sleep", "eat", "raise"])
def test_a_message_that_kills_its_worker_is_undeterminable_and_the_next_is_looked_at(death: str) -> None:
    async def work() -> tuple[Analysis, Analysis]:
        pool = Pool(DEADLY)
        try:
            return await ask(pool, message(death)), await ask(pool, message("plain"))
        finally:
            await pool.close()

    dead, alive = run(work())
    assert dead.findings.health is Health.UNDETERMINABLE
    assert [fact.symbol for fact in alive.findings.facts] == ["SEEN"]


def test_a_worker_reaches_no_network() -> None:
    async def work() -> Analysis:
        pool = Pool(DEADLY)
        try:
            with socket.create_server(("127.0.0.1", 0)) as server:
                return await ask(pool, message("call", **{"X-Port": str(server.getsockname()[1])}))
        finally:
            await pool.close()

    found = run(work())
    assert not found.findings.facts
    assert found.findings.health is Health.UNDETERMINABLE


def test_workers_are_replaced_and_none_is_left_behind() -> None:
    async def work() -> list[int]:
        pool = Pool(replace(DEADLY, recycle=2))
        pids = []
        for _ in range(4):
            found = await ask(pool, message("pid"))
            pids.append(int(found.findings.facts[0].evidence[0]))
        await pool.close()
        return pids

    first, second, third, fourth = run(work())
    assert first == second != third == fourth
    for pid in (first, third):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def mangled(dice: random.Random) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.test", "mangled"
    mail.set_content("Hello.")
    for name, data in (
        ("a.zip", zipped(("b/c.txt", b"x" * 500), ("d.exe", b"MZ" + bytes(100)))),
        ("e.7z", seven("f.txt", b"text " * 50)),
        ("g.tar", tarred("h.txt", b"y" * 300)),
        ("i.zip", locked_zip()),
        ("j.pdf", b"%PDF-1.7\n1 0 obj << /Encrypt 2 0 R /JS (x) >> endobj\ntrailer << /Root 1 0 R >>\n"),
        ("k.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 8),
    ):
        spoilt = bytearray(data)
        for _ in range(dice.randrange(6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        mail.add_attachment(bytes(spoilt), maintype="application", subtype="octet-stream", filename=name)
    text = bytearray(mail.as_bytes().replace(b"\n", b"\r\n"))
    for _ in range(dice.randrange(30)):
        where = dice.randrange(len(text))
        match dice.randrange(4):
            case 0:
                text[where] = dice.randrange(256)
            case 1:
                del text[where : where + dice.randrange(200)]
            case 2:
                text[where:where] = text[dice.randrange(len(text)) :][: dice.randrange(300)]
            case _:
                text[where:where] = dice.randbytes(dice.randrange(20))
    return bytes(text)


@pytest.mark.slow
def test_mangled_messages_get_an_answer_each_and_what_is_infected_stays_so() -> None:
    dice = random.Random(SEED)

    async def work() -> list[Analysis]:
        pool = Pool(PoolSettings(workers=2, seconds=20))
        try:
            answers = await asyncio.gather(*(ask(pool, mangled(dice)) for _ in range(MANGLED)))
            # Beside whatever was mangled, a file that is known to be bad is found.
            for _ in range(5):
                infected = EICAR_MAIL.replace(b"Subject: test", b"Subject: " + dice.randbytes(40).replace(b"\n", b""))
                answers.append(await ask(pool, infected))
            return answers
        finally:
            await pool.close()

    answers = run(work())
    assert len(answers) == MANGLED + 5
    for one in answers[:MANGLED]:
        reasons = [x.outcome.reason for x in one.findings.examinations if isinstance(x.outcome, Undeterminable)]
        assert not any(why in ("killed", "time", "answer") or why.startswith("exit") for why in reasons), reasons
    assert all(isinstance(one.findings.examinations[0].outcome, Infected) for one in answers[MANGLED:])
    assert EICAR not in answers[0].dumps()
