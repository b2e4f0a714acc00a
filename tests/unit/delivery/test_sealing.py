"""Whatever leads elsewhere gets a seal of the domain that sends it on, over what was found when it came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dkim
import pytest

from optimails.delivery.scripts import ScriptFiles
from optimails.dkim import KeyStore
from optimails.mailbox.service import account_directory
from optimails.model.address import EmailAddress
from tests.support.in_loop import in_loop
from tests.support.senders import dns_of, key_record, signed, txt
from tests.support.smtp_door import SmtpDoor

FAR = EmailAddress.parse("far@elsewhere.test")


@asynccontextmanager
async def world(*, keys: bool = True, **authentication: object) -> AsyncIterator[SmtpDoor]:
    door = SmtpDoor(authentication=authentication, far=True)
    door.dns.zone |= key_record("example.org") | {("example.org", "TXT"): txt("v=spf1 ip4:192.0.2.7 -all")}
    if keys:
        for key in KeyStore(door.data / "dkim").make("demo.test"):
            door.dns.zone[f"{key.selector}._domainkey.demo.test", "TXT"] = txt(key.record)
    try:
        yield door
    finally:
        await door.close()


async def send(door: SmtpDoor, recipient: str, message: bytes, sender: str = "ann@example.org") -> bytes:
    """By a stranger, over SMTP; gives what waits in the queue then."""
    end = await door.connect()
    said = await end.talk(
        b"EHLO x.test\r\nMAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender.encode(), recipient.encode())
        + message.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n"
    )  # fmt: skip
    assert b"250 2.0.0" in said, said
    files = [path for path in (door.data / "queue/spool").rglob("*") if path.is_file()]
    assert len(files) == 1, files
    return files[0].read_bytes()


def holds(message: bytes, door: SmtpDoor) -> bool:
    state, _, reason = dkim.arc_verify(message, dnsfunc=dns_of(door.dns))
    assert state in {dkim.CV_Pass, dkim.CV_None}, reason
    return state == dkim.CV_Pass


def script(door: SmtpDoor, name: str, text: str) -> None:
    files = ScriptFiles(account_directory(door.data, door.account(name).id), door.config().sieve)
    files.put("main", text.encode())
    files.activate("main")


@pytest.mark.parametrize("sender", ["ann@example.org", ""])
@in_loop
async def test_alias(sender: str) -> None:
    async with world() as door:
        queued = await send(door, "outside@demo.test", signed(), sender)
        assert holds(queued, door)
        assert queued.startswith(b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=demo.test;")
        assert b"ARC-Authentication-Results: i=1; mx.demo.test;" in queued
        assert b"dkim=pass header.d=example.org" in queued
        # What the author signed is untouched.
        assert dkim.verify(queued, dnsfunc=dns_of(door.dns), minkey=1024)


@in_loop
async def test_forward_of_an_account() -> None:
    async with world() as door:
        door.directory.change("alice", forward=(FAR,))
        assert holds(await send(door, "alice@demo.test", signed()), door)


@in_loop
async def test_redirect_of_a_script() -> None:
    async with world() as door:
        script(door, "alice", 'redirect "far@elsewhere.test";')
        assert holds(await send(door, "alice@demo.test", signed()), door)


@in_loop
async def test_without_a_key_and_switched_off() -> None:
    async with world(keys=False) as door:
        assert not holds(await send(door, "outside@demo.test", signed()), door)
    async with world(seal=False) as door:
        assert not holds(await send(door, "outside@demo.test", signed()), door)
