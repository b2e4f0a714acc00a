"""Passwords are checked in a few threads, and not without end."""

import asyncio
import threading

import pytest

from optimails.directory import passwords
from optimails.directory.verifier import QUEUE_PER_THREAD, Verifier
from optimails.model.account import Service
from optimails.model.errors import Unavailable
from tests.support.in_loop import in_loop


@in_loop
async def test_a_flood_of_guesses_is_put_off_and_the_service_goes_on(monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(passwords, "matches", lambda octets, hashed: go.wait(10) and octets == b"right")
    verifier = Verifier(threads=1, cost=4, cache_size=10)
    waiting = [asyncio.create_task(verifier.check("guess", "hash")) for _ in range(QUEUE_PER_THREAD)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await verifier.check("right", "hash")
    go.set()
    assert set(await asyncio.gather(*waiting)) == {False}
    assert await verifier.check("right", "hash")
    verifier.close()


@in_loop
async def test_without_a_hash_the_work_is_done_all_the_same():
    verifier = Verifier(threads=1, cost=4, cache_size=10)
    checked = []
    real = passwords.matches
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "matches", lambda octets, hashed: checked.append(hashed) or real(octets, hashed))
        for password, hashed in (("x", None), ("", None), ("\0", passwords.hash_password(b"x", 4))):
            assert not await verifier.check(password, hashed)
    assert [hashed[:7] for hashed in checked] == ["$2b$04$"] * 3
    verifier.close()


def test_what_is_remembered_shows_neither_login_nor_password():
    one, other = (Verifier(threads=1, cost=4, cache_size=10) for _ in range(2))
    ticket = one.ticket("anna@demo.test", Service.IMAP, "secret")
    assert ticket == one.ticket("anna@demo.test", Service.IMAP, "secret")
    different = [
        other.ticket("anna@demo.test", Service.IMAP, "secret"),
        one.ticket("anna@demo.test", Service.POP3, "secret"),
        one.ticket("anna@demo.test", Service.IMAP, "secrets"),
    ]
    assert ticket not in different
    assert len(ticket) == 32
