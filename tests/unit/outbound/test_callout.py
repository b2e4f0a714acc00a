"""Asking the server of a relay domain: what goes over the wire, and which answers mean something."""

from pathlib import Path

import pytest

from optimails.model.address import EmailAddress
from optimails.queue.api import Route, RouteTls
from smtp.outbound.callout import Callout
from tests.support.in_loop import in_loop
from tests.support.outbound import config
from tests.support.scripted_smtp import ScriptedSmtp, Tamper, scripted

ANN = EmailAddress.parse("ann@customer.test")


async def ask(folder: Path, server: ScriptedSmtp, who: EmailAddress = ANN) -> bool | None:
    callout = Callout(config(folder), {"customer.test": Route("127.0.0.1", server.port, RouteTls.NONE)})
    try:
        return await callout.exists(who)
    finally:
        await callout.close()


def at(step: str, reply: bytes) -> Tamper:
    return lambda _, now, usual: reply if now == step else usual


@in_loop
async def test_it_asks_with_the_null_sender_and_sends_no_message(tmp_path: Path) -> None:
    async with scripted() as server:
        assert await ask(tmp_path, server) is True
    verbs = [line for line in server.lines if not line.startswith(("EHLO", "QUIT"))]
    assert verbs[0].startswith("MAIL FROM:<>")
    assert verbs[1:] == ["RCPT TO:<ann@customer.test>"]
    assert server.messages == []


ANSWERS = {
    (b"RCPT", b"550 5.1.1 No such user\r\n"): False,
    (b"RCPT", b"550 unknown\r\n"): False,
    (b"RCPT", b"550 5.7.1 Your network is blocked\r\n"): None,
    (b"RCPT", b"552 5.2.2 Full\r\n"): None,
    (b"RCPT", b"450 4.2.0 Greylisted\r\n"): None,
    (b"RCPT", b"354 what\r\n"): None,
    (b"MAIL", b"550 5.7.1 No null sender\r\n"): None,
    (b"EHLO", b"421 4.3.2 Going down\r\n"): None,
    (b"GREETING", b"554 No\r\n"): None,
}


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
@in_loop
async def test_only_what_is_said_of_the_recipient_counts(tmp_path: Path, answer: tuple[bytes, bytes]) -> None:
    async with scripted(tamper=at(answer[0].decode(), answer[1])) as server:
        assert await ask(tmp_path, server) is ANSWERS[answer]


@in_loop
async def test_a_server_that_is_away_or_cuts_the_line_says_nothing(tmp_path: Path) -> None:
    async with scripted(tamper=lambda _, step, usual: None if step == "RCPT" else usual) as server:
        assert await ask(tmp_path, server) is None
    assert await ask(tmp_path, server) is None
    async with scripted(extensions=("PIPELINING",)) as old:
        assert await ask(tmp_path, old, EmailAddress.parse("zoé@customer.test")) is None, "it does not know SMTPUTF8"
