"""Logging in through the guard: what is counted, answered and written down."""

import logging

import pytest

from optimails.config.login import LoginSettings
from optimails.door.guard import Guard
from optimails.door.login import Login
from optimails.model.account import Service
from optimails.model.errors import Reason, Refused, Unavailable
from tests.support.in_loop import in_loop
from tests.support.memory_directory import MemoryDirectory

RIGHT, WRONG, PEER = "correct horse", "not-my-password", "198.51.100.1"


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory({"anna@demo.test": RIGHT})


@pytest.fixture
def login(directory) -> Login:
    return Login(directory, Guard(LoginSettings(delay_seconds=0, account_failures=3)))


async def reason(login: Login, password: str, name: str = "anna@demo.test") -> Reason | None:
    try:
        await login.password(name, password, Service.IMAP, PEER, session="s1")
    except Refused as refusal:
        return refusal.reason
    return None


@in_loop
async def test_after_too_many_failures_even_the_right_password_waits(login):
    for number in range(3):
        assert await reason(login, f"guess {number}", "Anna@Demo.test ") is Reason.AUTHENTICATION_FAILED
    assert await reason(login, RIGHT) is Reason.LIMIT
    for call in (login.scram_keys("anna@demo.test", Service.IMAP, PEER),
                 login.scram_finish("anna@demo.test", Service.IMAP, PEER, proven=True)):  # fmt: skip
        with pytest.raises(Refused) as refusal:
            await call
        assert refusal.value.reason is Reason.LIMIT


@in_loop
async def test_failed_scram_counts_as_well(login):
    for _ in range(3):
        with pytest.raises(Refused):
            await login.scram_finish("anna@demo.test", Service.IMAP, PEER, proven=False)
    assert await reason(login, RIGHT) is Reason.LIMIT


@in_loop
async def test_a_directory_that_is_away_counts_against_nobody(login, directory):
    directory.away = True
    for _ in range(10):
        with pytest.raises(Unavailable):
            await login.password("anna@demo.test", RIGHT, Service.IMAP, PEER)
    directory.away = False
    assert await reason(login, RIGHT) is None


@in_loop
async def test_the_log_tells_who_and_where_and_never_the_password(login, caplog):
    caplog.set_level(logging.INFO)
    await reason(login, RIGHT)
    await reason(login, WRONG)
    await reason(login, WRONG, "eve\r\nfake: line\x1b[2J@demo.test")
    events = {record.message: record.fields for record in caplog.records}
    assert set(events) == {"login", "login_failed"}
    shared = {"service": "imap", "peer": PEER, "session": "s1", "method": "password"}
    account = events["login"].pop("account")
    assert len(account) == 32
    assert events["login"] == {"login": "anna@demo.test", **shared}
    assert events["login_failed"] == {"login": "eve??fake: line?[2j@demo.test", **shared}
    everything = repr([record.__dict__ for record in caplog.records])
    assert RIGHT not in everything
    assert WRONG not in everything
