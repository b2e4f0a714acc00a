"""Passwords: who gets in, who is out, and how soon a change by another process counts."""

import asyncio
import hashlib
import hmac
import multiprocessing
from pathlib import Path

import pytest

from optimails.config.directory import DirectorySettings
from optimails.directory import passwords
from optimails.directory.admin import Admin
from optimails.directory.database import open_database
from optimails.model.account import AccountState, Service
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from tests.support.in_loop import in_loop

RIGHT = "correct horse"


@pytest.fixture
def demo(admin: Admin) -> Admin:
    admin.domain_add("demo.test")
    admin.account_add("anna@demo.test", password=RIGHT)
    return admin


async def enters(services, login="anna@demo.test", password=RIGHT, service=Service.IMAP) -> bool:
    try:
        account = await services.authenticate(login, password, service)
    except Refused as refusal:
        # One answer for every reason.
        if (refusal.reason, str(refusal)) != (Reason.AUTHENTICATION_FAILED, "Authentication failed"):
            raise
        return False
    return str(account.address) == "anna@demo.test"


@in_loop
async def test_the_right_password_and_no_other(demo, directory):
    demo.account_add("nopass@demo.test")
    async with directory() as services:
        for _ in range(2):
            assert await enters(services)
            assert await enters(services, "ANNA@Demo.Test")
            for login, password in [
                ("anna@demo.test", "correct hors"), ("anna@demo.test", ""), ("anna@demo.test", RIGHT + " "),
                ("anna@demo.test", RIGHT + "\0"), ("anna", RIGHT), ("anna+tag@demo.test", RIGHT), ("", RIGHT),
                ("nobody@demo.test", RIGHT), ("anna@elsewhere.test", RIGHT), ("nopass@demo.test", ""),
                ("nopass@demo.test", "None"), ("anna@demo.test", "x" * 2000), ("anna@demo.test", "\ud800"),
                ("\ud800@demo.test", RIGHT),
                ("'; DROP TABLE account; --@demo.test", RIGHT),
            ]:  # fmt: skip
                assert not await enters(services, login, password), (login, password)


@in_loop
async def test_an_alias_of_one_account_and_a_default_domain_are_logins_too(demo, directory):
    demo.account_add("bert@demo.test", password="another horse")
    demo.alias_add("a.nna@demo.test", ["anna@demo.test"])
    demo.alias_add("chief@demo.test", ["a.nna@demo.test"])
    demo.alias_add("both@demo.test", ["anna@demo.test", "bert@demo.test"])
    async with directory(default_domain="demo.test") as services:
        assert await enters(services, "a.nna@demo.test")
        assert await enters(services, "chief@demo.test")
        assert await enters(services, " Anna ")
        assert not await enters(services, "both@demo.test")
        assert not await enters(services, "postmaster@demo.test")


@pytest.mark.parametrize("change", ["password", "forgotten", "suspended", "removed", "domain removed"])
@in_loop
async def test_a_remembered_login_ends_with_the_next_attempt_after_a_change(demo, directory, change):
    async with directory() as services:
        assert await enters(services)
        demo.account_add("unrelated@demo.test")  # somebody else's change costs nobody the login
        assert await enters(services)
        if change == "password":
            demo.account_password("anna@demo.test", "battery staple")
        elif change == "forgotten":
            demo.account_password("anna@demo.test", None)
        elif change == "suspended":
            demo.account_set("anna@demo.test", state=AccountState.SUSPENDED)
        elif change == "removed":
            demo.account_remove("anna@demo.test")
        else:
            demo.domain_remove("demo.test")
        assert not await enters(services)
        if change == "password":
            assert await enters(services, password="battery staple")
        elif change == "suspended":
            demo.account_set("anna@demo.test", state=AccountState.ACTIVE)
            assert await enters(services)


@in_loop
async def test_a_remembered_login_brings_the_account_as_it_is_now(demo, directory):
    async with directory() as services:
        await services.authenticate("anna@demo.test", RIGHT, Service.IMAP)
        demo.account_set("anna@demo.test", plan="premium")
        assert (await services.authenticate("anna@demo.test", RIGHT, Service.IMAP)).plan == "premium"


@in_loop
async def test_bcrypt_runs_once_for_logins_that_repeat(demo, directory, monkeypatch):
    runs = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *args: runs.append(args) or real(*args))
    async with directory() as services:
        assert all(await asyncio.gather(*(enters(services) for _ in range(20))))
        assert all([await enters(services) for _ in range(20)])
        assert len(runs) == 1
        assert await enters(services, service=Service.POP3)  # what one service may, another need not
        assert len(runs) == 2
        demo.account_add("unrelated@demo.test")
        assert await enters(services)
        assert len(runs) == 2


@in_loop
async def test_application_passwords_open_what_they_are_for_and_nothing_else(demo, directory):
    phone, token = demo.app_password_add("anna@demo.test", "phone", [Service.IMAP, Service.SUBMISSION])
    async with directory() as services:
        for _ in range(2):
            assert await enters(services, password=token)
            assert await enters(services, password=token.replace("-", "").upper())
            assert not await enters(services, password=token, service=Service.POP3)
            assert not await enters(services, password=token, service=Service.WEB)
            assert await enters(services)
        demo.account_password("anna@demo.test", "battery staple")
        assert await enters(services, password=token)  # changing the password leaves the phone alone
        other, second = demo.app_password_add("anna@demo.test", "tablet")
        demo.app_password_remove("anna@demo.test", phone.id)
        assert not await enters(services, password=token)
        assert await enters(services, password=second, service=Service.DAV)
    (left,) = demo.app_password_list("anna@demo.test")
    assert (left.id, left.label, left.services) == (other.id, "tablet", frozenset(Service))
    assert left.last_used % 86_400 == 0
    assert token not in repr(demo.app_password_list("anna@demo.test"))


@in_loop
async def test_another_persons_application_password_is_worth_nothing(demo, directory):
    demo.account_add("bert@demo.test", password="another horse")
    _, token = demo.app_password_add("bert@demo.test", "phone")
    demo.app_password_add("anna@demo.test", "phone")
    async with directory() as services:
        assert not await enters(services, password=token)


@in_loop
async def test_scram_keys_fit_the_password_and_are_invented_for_strangers(demo, directory):
    async with directory() as services:
        keys = await services.scram_keys("Anna@demo.test", Service.IMAP)
        salted = hashlib.pbkdf2_hmac("sha256", RIGHT.encode(), keys.salt, keys.iterations)
        assert keys.stored_key == hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        assert keys.server_key == hmac.digest(salted, b"Server Key", "sha256")
        assert keys.real
        invented = await services.scram_keys("nobody@demo.test", Service.IMAP)
        assert not invented.real
        assert (len(invented.salt), invented.iterations) == (len(keys.salt), keys.iterations)
        assert (await services.scram_account("anna@demo.test", Service.IMAP)).address == EmailAddress(
            "anna", "demo.test"
        )
        demo.account_set("anna@demo.test", state=AccountState.SUSPENDED)
        suspended = await services.scram_keys("anna@demo.test", Service.IMAP)
        assert (suspended.salt, suspended.real) == (keys.salt, False)
        for login in ("anna@demo.test", "nobody@demo.test"):
            with pytest.raises(Refused):
                await services.scram_account(login, Service.IMAP)
    async with directory() as restarted:
        assert await restarted.scram_keys("nobody@demo.test", Service.IMAP) == invented


def _suspend(settings: DirectorySettings, folder: Path) -> None:
    Admin(open_database(settings, folder), settings).account_set("anna@demo.test", state=AccountState.SUSPENDED)


@in_loop
async def test_another_process_suspends_and_the_next_login_is_refused(demo, directory, settings, tmp_path):
    async with directory() as services:
        assert await enters(services)
        process = multiprocessing.get_context("spawn").Process(target=_suspend, args=(settings, tmp_path))
        process.start()
        while process.is_alive():  # logins go on meanwhile
            await enters(services)
            await asyncio.sleep(0.02)
        assert process.exitcode == 0
        assert not await enters(services)


@in_loop
async def test_under_a_storm_of_logins_no_old_password_outlives_its_change(demo, directory):
    async with directory() as services:
        old, over = RIGHT, False

        async def storm() -> None:
            while not over:
                await enters(services, password=old)
                await asyncio.sleep(0)

        storms = [asyncio.create_task(storm()) for _ in range(8)]
        for number in range(15):
            new = f"password {number}"
            await asyncio.to_thread(demo.account_password, "anna@demo.test", new)
            assert not await enters(services, password=old)
            assert await enters(services, password=new)
            old = new
        over = True
        await asyncio.gather(*storms)
