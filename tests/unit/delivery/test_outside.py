"""Mail that leaves: mixed messages, retries that queue once, relay lists, what the service sends by itself."""

import asyncio
import os
from pathlib import Path

import pytest

from optimails.config.relay import RelaySettings
from optimails.delivery import failures
from optimails.delivery.api import Delivered, Failed, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.outgoing import OutgoingMail
from optimails.delivery.relays import Relays
from optimails.delivery.spool import Spool
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.queue.api import Notify, QueuedRecipient
from optimails.queue.control import Choice
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

MESSAGE = b"Subject: hello\r\n\r\ntext\r\n"
OUT = EmailAddress.parse("x@elsewhere.test")


def made() -> tuple[SmtpDoor, LocalDelivery]:
    door = SmtpDoor()
    delivery = door.door().delivery
    assert isinstance(delivery, LocalDelivery)
    return door, delivery


def to(door: SmtpDoor, *names: str) -> tuple[EmailAddress, ...]:
    return tuple(EmailAddress.parse(name if "@" in name else f"{name}@demo.test") for name in names)


def envelope(door: SmtpDoor, *names: str, **more: object) -> SmtpEnvelope:
    alice = door.account("alice")
    return SmtpEnvelope(alice.address, to(door, *names), account=alice, **more)  # type: ignore[arg-type]  # as given


@in_loop
async def test_what_failed_inside_is_not_queued_twice_outside() -> None:
    door, delivery = made()
    door.mail.broken.add(door.account("bob").id)
    mixed = envelope(door, "bob", str(OUT))
    for _ in range(2):
        attempt = await delivery.deliver(mixed, b"", Spool.of(MESSAGE))
        assert isinstance(attempt.outcomes[mixed.recipients[0]], Failed)
        await delivery.settle(attempt, mixed.recipients)
        assert await door.queued() == [str(OUT)]
    door.mail.broken.clear()
    attempt = await delivery.deliver(mixed, b"", Spool.of(MESSAGE))
    await delivery.settle(attempt, ())
    assert await door.queued() == [str(OUT)]
    assert len(await door.inbox("bob")) == 1
    attempt = await delivery.deliver(mixed, b"", Spool.of(MESSAGE))
    assert await door.queued() == [str(OUT)] * 2, "once acknowledged, the same again is another message"
    await door.close()


@in_loop
async def test_a_queue_that_cannot_be_written_to_puts_the_sender_off(monkeypatch: pytest.MonkeyPatch) -> None:
    door, delivery = made()

    async def full(*_: object) -> str:
        raise Unavailable("No room")

    assert door.queue is not None
    monkeypatch.setattr(door.queue, "accept", full)
    attempt = await delivery.deliver(envelope(door, "bob", str(OUT)), b"", Spool.of(MESSAGE))
    assert attempt.outcomes[OUT] == failures.QUEUE_AWAY
    assert isinstance(attempt.outcomes[to(door, "bob")[0]], Delivered)
    await door.close()


@in_loop
async def test_success_inside_is_reported_to_who_asked() -> None:
    door, delivery = made()
    bob = to(door, "bob")[0]
    wishes = {bob: QueuedRecipient(bob, frozenset({Notify.SUCCESS}))}
    attempt = await delivery.deliver(envelope(door, "bob", "carol", wishes=wishes), b"", Spool.of(MESSAGE))
    await delivery.settle(attempt, ())
    (report,) = await door.inbox("alice")
    assert b"Action: delivered" in report
    assert b"bob@demo.test" in report
    assert b"carol@demo.test" not in report
    await door.close()


@in_loop
async def test_the_service_sends_in_and_out_by_itself() -> None:
    door, delivery = made()
    outgoing = OutgoingMail(delivery, door.directory, door.config())
    everybody = (OUT, *to(door, "bob", "nobody"))
    outcomes = await outgoing.submit(None, everybody, Spool.of(MESSAGE))
    assert [isinstance(outcomes[who], Delivered) for who in everybody] == [True, True, False]
    assert door.queue is not None
    (queued,) = await door.queue.find(Choice())
    assert (queued.sender, queued.origin) == ("", "notice")
    assert door.queue.contents.path(queued.id).read_bytes() == MESSAGE
    await outgoing.send(to(door, "carol")[0], MESSAGE)
    assert len(await door.inbox("carol")) == 1
    assert await outgoing.language(OUT) == "en"
    await door.close()


@in_loop
async def test_an_alias_that_leads_outside_says_where_it_came_from() -> None:
    door, delivery = made()
    sender = EmailAddress.parse("peer@far.test")
    attempt = await delivery.deliver(SmtpEnvelope(sender, to(door, "outside")), b"", Spool.of(MESSAGE))
    assert isinstance(attempt.outcomes[to(door, "outside")[0]], Delivered)
    assert door.queue is not None
    (queued,) = await door.queue.find(Choice())
    assert (queued.origin, queued.recipients[0].address) == ("forward", str(OUT))
    assert queued.sender.startswith("SRS0=")
    assert queued.sender.endswith("=far.test=peer@demo.test")
    await door.close()


@in_loop
async def test_relay_lists(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("# people\nAnn@Customer.test\nbob@customer.test # the boss\nnonsense\n")
    relays = Relays([RelaySettings(domain="Customer.test", recipients=path), RelaySettings(domain="open.test")])

    async def check(text: str) -> Failed | None:
        return await relays.check(EmailAddress.parse(text))

    assert await check("ann@customer.test") is None
    assert await check("BOB+tag@customer.test") is None
    assert await check("carol@customer.test") == failures.UNKNOWN
    assert await check("a@other.test") == failures.NOT_LOCAL
    assert await check("any@open.test") is None
    for routed in ("a%b.test@open.test", "b.test!a@open.test", '"a@b.test"@open.test'):
        assert await check(routed) == failures.NOT_LOCAL
    path.write_text("@customer.test\n")
    assert await check("carol@customer.test") is None
    assert await check("a%b.test@customer.test") == failures.NOT_LOCAL
    path.unlink()
    assert await check("carol@customer.test") == failures.DIRECTORY_AWAY, "a list that is away refuses nobody for good"


@in_loop
async def test_a_list_of_recipients_is_read_beside_the_event_loop(tmp_path: Path) -> None:
    path = tmp_path / "recipients.txt"
    os.mkfifo(path)  # whoever reads it waits for who writes it
    relays = Relays([RelaySettings(domain="customer.test", recipients=path)])
    asked = asyncio.create_task(relays.check(EmailAddress.parse("ann@customer.test")))
    await asyncio.sleep(0)  # it reads
    await asyncio.to_thread(path.write_text, "ann@customer.test\n")
    assert await asked is None
