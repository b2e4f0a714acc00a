"""Mail for our own mailboxes that comes out of the queue."""

import contextlib

from optimails.delivery.api import SmtpEnvelope
from optimails.delivery.home import HomeCourier
from optimails.delivery.spool import Spool
from optimails.model.address import EmailAddress
from optimails.model.special_use import SpecialUse
from optimails.queue.api import Notify, Origin, QueuedRecipient, State
from optimails.queue.control import Choice
from optimails.queue.runner import Runner
from tests.support.in_loop import in_loop
from tests.support.outbound import job
from tests.support.queues import FakeCourier
from tests.support.smtp_door import SmtpDoor


def made() -> tuple[SmtpDoor, HomeCourier, FakeCourier]:
    door, abroad = SmtpDoor(), FakeCourier()
    return door, HomeCourier(door.door().delivery, door.directory, door.config(), abroad), abroad


@in_loop
async def test_each_recipient_here_gets_its_own_result_and_others_leave() -> None:
    door, courier, abroad = made()
    door.mail.broken.add(door.account("carol").id)
    content = b"Subject: x\r\n\r\n" + b"y" * 998 + b"\r\n"
    names = ("bob@demo.test", "carol@demo.test", "nobody@demo.test")
    results = await courier.deliver(job(door.data, *names, content=content * 400))
    assert [one.state for one in results] == [State.DELIVERED, State.DEFERRED, State.FAILED]
    assert results[2].status == "5.1.1"
    (stored,) = await door.inbox("bob")
    assert stored.startswith(b"Return-Path: <ann@here.example>\r\nDelivered-To: bob@demo.test\r\nSubject: x\r\n")
    assert stored.endswith(content)
    assert abroad.jobs == []
    await courier.deliver(job(door.data, "x@far.test"))
    assert abroad.delivered == [("m1", "x@far.test")]
    await door.close()


@in_loop
async def test_success_is_told_once_and_an_alias_still_leads_outside() -> None:
    door, courier, _ = made()
    alice, wish = door.account("alice").address, frozenset({Notify.SUCCESS})
    bob = QueuedRecipient(EmailAddress.parse("bob@demo.test"), wish)
    outside = QueuedRecipient(EmailAddress.parse("outside@demo.test"))
    (told, sent) = await courier.deliver(job(door.data, "bob@demo.test", sender=str(alice), recipients=(bob, outside)))
    assert (told.state, told.dsn, sent.state) == (State.DELIVERED, True, State.DELIVERED)
    (report,) = await door.inbox("alice")
    assert b"Action: delivered" in report
    assert await door.queued() == ["x@elsewhere.test"]
    await door.close()


@in_loop
async def test_what_was_on_hold_is_still_whose_it_was_and_junk_for_whom_it_was() -> None:
    door, courier, abroad = made()
    delivery, queue = door.door().delivery, door.queue
    assert queue is not None
    alice = door.account("alice")
    bob, outside = (EmailAddress(name, "demo.test") for name in ("bob", "outside"))
    with contextlib.closing(delivery.spool()) as spool:
        spool.write(b"Subject: x\r\n\r\n")
        envelope = SmtpEnvelope(
            alice.address, (bob, outside), account=alice, disowned=frozenset((bob,)), hold="looks bad"
        )
        await delivery.deliver(envelope, b"", spool)
    runner = Runner(queue, courier, abroad, "mx.demo.test")
    assert await queue.release(Choice()) == 2
    assert await runner.step() == 1
    await runner.settled()
    assert not await door.inbox("bob")
    async with await door.mail.open(door.account("bob")) as mail:
        junk = next(one.name for one in await mail.mailboxes() if one.special_use is SpecialUse.JUNK)
        assert (await mail.status(junk)).messages == 1
    (sent,) = await queue.find(Choice(recipient="x@elsewhere.test"))
    assert (sent.account, sent.sender, sent.origin) == (alice.id, str(alice.address), Origin.SUBMISSION)
    await door.close()


@in_loop
async def test_while_the_directory_is_away_everything_waits() -> None:
    door, courier, abroad = made()
    door.directory.away = True
    (result,) = await courier.deliver(job(door.data, "bob@demo.test"))
    assert (result.state, result.unreachable, abroad.jobs) == (State.DEFERRED, False, [])
    await door.close()


def test_small_files_are_read_and_large_ones_stay_where_they_are(tmp_path) -> None:
    path = tmp_path / "message"
    path.write_bytes(b"x" * 100)
    for memory in (100, 99):
        spool = Spool.read(path, memory)
        assert (spool.size, spool.whole() is None) == (100, memory == 99)
        assert b"".join(spool.pieces()) == b"x" * 100
        spool.close()
