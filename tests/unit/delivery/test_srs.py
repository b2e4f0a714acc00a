"""Rewritten senders: read back by nobody but us, for three weeks, whatever the mail went through."""

import stat
import time
from pathlib import Path

import pytest

from optimails.delivery import failures
from optimails.delivery.api import Delivered, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.outgoing import OutgoingMail
from optimails.delivery.spool import Spool
from optimails.delivery.srs import KEY, Srs, is_rewritten
from optimails.model.address import EmailAddress
from optimails.queue.control import Choice
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

MESSAGE = b"Subject: hello\r\n\r\ntext\r\n"


def address(text: str) -> EmailAddress:
    return EmailAddress.parse(text)


@pytest.mark.parametrize(
    "sender",
    [
        "peer@far.test",
        "Peer+tag=x@far.test",
        "-odd-@far.test",
        "zoé@far.test",
        "peer@bücher.test",
        '"quoted one"@far.test',
        "peer@[192.0.2.1]",
        "bounces+123456-abcd-somebody=demo.test@a-long-name-of-a-machine.mail.far.test",
        "SRS0=aaaa=bb=origin.test=user@other.test",
        "SRS0+aaaa=bb=origin.test=user@other.test",
    ],
)
@in_loop
async def test_there_and_back(tmp_path: Path, sender: str) -> None:
    written = await Srs(tmp_path).rewrite(address(sender), "demo.test")
    assert is_rewritten(written)
    assert EmailAddress.parse(str(written)) == written, "it is an address that every server takes"
    assert sender.isascii() <= str(written).isascii()
    other_worker = Srs(tmp_path)
    assert await other_worker.read(written) == address(sender)
    lower = await other_worker.read(address(str(written).lower()))
    assert lower is not None
    assert lower.key == address(sender).key


@in_loop
async def test_a_chain_of_forwarders_leads_back_to_the_first(tmp_path: Path) -> None:
    srs = Srs(tmp_path)
    second = address("SRS1=hhhh=first.test==aaaa=bb=origin.test=user@second.test")
    third = await srs.rewrite(second, "demo.test")
    assert third.local.startswith("SRS1=")
    assert "second.test" not in str(third)
    assert await srs.read(third) == address("SRS0=aaaa=bb=origin.test=user@first.test")


@in_loop
async def test_strangers_cannot_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    srs = Srs(tmp_path)
    written = await srs.rewrite(address("peer@far.test"), "demo.test")
    for forged in (
        str(written).replace("far.test", "victim.test"),
        str(written).replace("peer@", "other@"),
        "SRS0=peer@demo.test",
        "SRS0=aaaaaaaa=aa==nothing@demo.test",
        "SRS1=aaaaaaaa=far.test==x@demo.test",
    ):
        assert await srs.read(address(forged)) is None
    (tmp_path / "other").mkdir()
    assert await Srs(tmp_path / "other").read(written) is None, "another service has another secret"
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 20 * 86_400)
    assert await srs.read(written) is not None
    monkeypatch.setattr(time, "time", lambda: now + 22 * 86_400)
    assert await srs.read(written) is None


def made() -> tuple[SmtpDoor, LocalDelivery]:
    door = SmtpDoor()
    delivery = door.door().delivery
    assert isinstance(delivery, LocalDelivery)
    return door, delivery


@in_loop
async def test_a_bounce_goes_on_to_who_wrote_and_nothing_else_does() -> None:
    door, delivery = made()
    sender, recipient = address("peer@far.test"), address("outside@demo.test")
    await delivery.deliver(SmtpEnvelope(sender, (recipient,)), b"", Spool.of(MESSAGE))
    assert door.queue is not None
    (forwarded,) = await door.queue.find(Choice())
    back = address(forwarded.sender)
    known = await delivery.check(back, None)
    assert getattr(known, "remote", None) == (sender,)
    attempt = await delivery.deliver(SmtpEnvelope(sender, (back,)), b"", Spool.of(MESSAGE), {back: known})
    assert attempt.outcomes[back] == failures.ONLY_BOUNCES
    forged = address("SRS0=aaaaaaaa=aa=victim.test=x@demo.test")
    assert await delivery.check(forged, None) == failures.UNKNOWN
    attempt = await delivery.deliver(SmtpEnvelope(None, (back,)), b"", Spool.of(MESSAGE), {back: known})
    assert attempt.outcomes[back] == Delivered()
    assert sorted((one.sender, one.recipients[0].address) for one in await door.queue.find(Choice())) == [
        ("", str(sender)),
        (str(back), "x@elsewhere.test"),
    ]
    await door.close()


@in_loop
async def test_our_own_queue_reports_to_who_wrote() -> None:
    door, delivery = made()
    sender, recipient = address("peer@far.test"), address("outside@demo.test")
    await delivery.deliver(SmtpEnvelope(sender, (recipient,)), b"", Spool.of(MESSAGE))
    assert door.queue is not None
    (forwarded,) = await door.queue.find(Choice())
    await OutgoingMail(delivery, door.directory, door.config()).send(address(forwarded.sender), MESSAGE)
    assert str(sender) in await door.queued()
    await door.close()


@in_loop
async def test_those_who_are_here_keep_their_address() -> None:
    door, delivery = made()
    await delivery.deliver(
        SmtpEnvelope(address("bob@demo.test"), (address("outside@demo.test"),)), b"", Spool.of(MESSAGE)
    )
    assert door.queue is not None
    (queued,) = await door.queue.find(Choice())
    assert queued.sender == "bob@demo.test"
    await door.close()
