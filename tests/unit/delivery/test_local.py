"""Delivery: one copy per account, outcomes by recipient, warnings, reports, and messages that come again."""

import email
import sqlite3
from email.policy import default

from optimails.delivery.api import Delivered, Failed, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.notices import amount
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.mailbox.api import StoreMode
from optimails.model.account import AccountState, Limits, OverQuota
from optimails.model.address import EmailAddress
from optimails.model.flags import DELETED
from optimails.model.mailbox_name import INBOX
from tests.support.in_loop import in_loop
from tests.support.smtp_door import EVERYTHING, SmtpDoor

SENDER = EmailAddress.parse("a@b.test")
RECEIVED = b"Received: by mx\r\n"


def to(*names: str) -> tuple[EmailAddress, ...]:
    return tuple(EmailAddress.parse(f"{name}@demo.test") for name in names)


def new(**settings: object) -> tuple[SmtpDoor, LocalDelivery]:
    door = SmtpDoor(delivery_settings=settings)
    return door, LocalDelivery(door.directory, door.mail, door.config())


async def deliver(delivery: LocalDelivery, *names: str, content: bytes = b"x: y\r\n", again: tuple[str, ...] = ()):
    attempt = await delivery.deliver(SmtpEnvelope(SENDER, to(*names)), RECEIVED, Spool.of(content))
    await delivery.settle(attempt, to(*again))
    return [attempt.outcomes[address] for address in to(*names)]


@in_loop
async def test_an_account_named_twice_gets_one_copy() -> None:
    door, delivery = new()
    assert await deliver(delivery, "alice", "team", "alice+x", "staff") == [Delivered()] * 4
    for name, address in (("alice", "alice"), ("bob", "team"), ("carol", "team")):
        (stored,) = await door.inbox(name)
        assert (
            stored
            == f"Return-Path: <a@b.test>\r\nDelivered-To: {address}@demo.test\r\n".encode() + RECEIVED + b"x: y\r\n"
        )
    await door.close()


@in_loop
async def test_more_recipients_than_places() -> None:
    door, delivery = new(concurrency=2)
    assert await deliver(delivery, "alice", "bob", "carol", "dora", "zoé") == [Delivered()] * 5
    assert [len(await door.inbox(name)) for name in ("alice", "bob", "carol", "dora", "zoé")] == [1] * 5
    await door.close()


@in_loop
async def test_outcomes_by_state_and_quota() -> None:
    door, delivery = new()
    door.directory.change("alice", limits=Limits(50, None, 7))
    door.directory.change("bob", limits=Limits(50, None, 7), over_quota=OverQuota.PERMANENT)
    door.directory.change("carol", state=AccountState.SUSPENDED)
    door.directory.change("dora", state=AccountState.CLOSED)
    full, gone, stored, closed, unknown = await deliver(delivery, "alice", "bob", "carol", "dora", "nobody")
    assert full == Failed(permanent=False, status="4.2.2", text="The mailbox is full, try again later")
    assert gone == Failed(permanent=True, status="5.2.2", text="The mailbox is full")
    assert stored == Delivered()
    assert (closed.status, unknown.status) == ("5.2.1", "5.1.1")
    door.directory.away = True
    (away,) = await deliver(delivery, "carol")
    assert (away.permanent, away.status) == (False, "4.3.0")
    await door.close()


@in_loop
async def test_an_alias_is_as_bad_as_its_worst_account_unless_it_may_still_pass() -> None:
    door, delivery = new()
    door.directory.change("bob", limits=Limits(50, None, 7), over_quota=OverQuota.PERMANENT)
    (outcome,) = await deliver(delivery, "staff")
    assert outcome.status == "5.2.2"
    door.mail.broken.add(door.account("carol").id)
    (outcome,) = await deliver(delivery, "staff")
    assert outcome.status == "4.3.0"
    door.directory.change("carol", state=AccountState.CLOSED)
    (outcome,) = await deliver(delivery, "team")
    assert outcome.status == "5.2.2"
    await door.close()


@in_loop
async def test_check_at_rcpt() -> None:
    door, delivery = new()
    door.directory.change("alice", limits=Limits(1000, 1, 7))
    alice, team, nobody, outside = to("alice", "team", "nobody", "outside")
    assert await delivery.check(alice, 900) == Resolution((door.account("alice"),))
    assert (await delivery.check(alice, 1001)).status == "5.2.3"
    await deliver(delivery, "alice")
    assert (await delivery.check(alice, 0)).status == "4.2.2"  # one message is all it may have
    assert isinstance(await delivery.check(alice, None), Resolution)
    assert isinstance(await delivery.check(team, 0), Resolution)  # the others have room
    assert (await delivery.check(nobody, None)).status == "5.1.1"
    assert (await delivery.check(outside, None)).status == "5.7.1"
    assert (await delivery.check(EmailAddress.parse("x@elsewhere.test"), None)).status == "5.7.1"
    await door.close()


@in_loop
async def test_a_warning_comes_once_for_each_threshold_and_again_after_it_was_lower() -> None:
    door, delivery = new()
    door.directory.change("alice", limits=Limits(100_000, None, 7), language="fr")
    big = b"s: " + b"x" * 9_600 + b"\r\n"
    for _ in range(8):  # to 78 %
        await deliver(delivery, "alice", content=big)
    assert await warnings(door, "alice") == []
    await deliver(delivery, "alice", content=big)
    await deliver(delivery, "alice", content=b"small: one\r\n")
    assert await warnings(door, "alice") == ["Votre boîte aux lettres est remplie à 80\N{NO-BREAK SPACE}%"]
    mail = await door.world.mail.open(door.account("alice"))
    box = await mail.select(INBOX)
    await box.store(EVERYTHING, StoreMode.ADD, frozenset({DELETED}))
    await box.expunge()
    await box.close()
    await mail.close()
    for _ in range(10):
        await deliver(delivery, "alice", content=big)
    assert await warnings(door, "alice") == [
        f"Votre boîte aux lettres est remplie à {percent}\N{NO-BREAK SPACE}%" for percent in (80, 90)
    ]
    await door.close()


async def warnings(door: SmtpDoor, name: str) -> list[str]:
    return [
        str(parsed["subject"])
        for stored in await door.inbox(name)
        if (parsed := email.message_from_bytes(stored, policy=default))["auto-submitted"]
    ]


@in_loop
async def test_a_warning_needs_no_room_and_can_be_switched_off() -> None:
    door, delivery = new()
    door.directory.change("alice", limits=Limits(None, 1, 7))
    assert await deliver(delivery, "alice") == [Delivered()]
    _, warning = await door.inbox("alice")
    parsed = email.message_from_bytes(warning, policy=default)
    assert parsed["subject"] == "Your mailbox is 100 % full"
    assert parsed["to"] == "alice@demo.test"
    assert "Messages: 1 of 1." in parsed.get_content()
    door.directory.change("bob", limits=Limits(None, 1, 7))
    quiet = LocalDelivery(door.directory, door.mail, SmtpDoor(delivery_settings={"quota_warnings": False}).config())
    await deliver(quiet, "bob")
    assert len(await door.inbox("bob")) == 1
    await door.close()


@in_loop
async def test_addresses_are_written_in_ascii_where_the_message_is() -> None:
    door, delivery = new()
    sender = EmailAddress.parse("a@xn--bcher-kva.test")
    for smtputf8, shown in ((False, "a@xn--bcher-kva.test"), (True, "a@bücher.test")):
        envelope = SmtpEnvelope(sender, to("alice"), smtputf8=smtputf8)
        await delivery.deliver(envelope, RECEIVED, Spool.of(b"x: y\r\n"))
        assert (await door.inbox("alice"))[-1].startswith(f"Return-Path: <{shown}>\r\n".encode())
    await door.close()


@in_loop
async def test_a_report_names_who_failed_and_why() -> None:
    door, delivery = new()
    door.directory.change("alice", language="fr")
    failed = {to("zoé")[0]: Failed(permanent=True, status="5.2.2", text="The mailbox is full")}
    envelope = SmtpEnvelope(door.account("alice").address, to("bob", "zoé"))
    await delivery.bounce(door.account("alice"), envelope, failed, Spool.of(b"Subject: secret plan\r\n\r\nbody\r\n"))
    (stored,) = await door.inbox("alice")
    report = email.message_from_bytes(stored, policy=default)
    assert report.get_content_type() == "multipart/report"
    text, status, headers = report.iter_parts()
    assert "zoé@demo.test" in text.get_content()
    assert "Cette boîte aux lettres est pleine. (5.2.2)" in text.get_content()
    per_message, per_recipient = status.get_payload()
    assert per_message["Reporting-MTA"] == "dns; mx.demo.test"
    assert per_recipient["Final-Recipient"] == "utf-8; zo\\x{E9}@demo.test"
    assert (per_recipient["Action"], per_recipient["Status"]) == ("failed", "5.2.2")
    assert "secret plan" in headers.get_content()
    assert "body" not in headers.get_content()
    await door.close()


@in_loop
async def test_a_retry_stores_only_what_is_missing_also_in_another_worker() -> None:
    door, delivery = new()
    other = LocalDelivery(door.directory, door.mail, door.config())
    door.mail.broken.add(door.account("bob").id)
    first = await deliver(delivery, "alice", "bob", again=("alice", "bob"))
    assert [type(outcome) for outcome in first] == [Delivered, Failed]
    # Another message, and the same from another sender, are not mistaken for it.
    await deliver(other, "alice", content=b"x: z\r\n")
    assert len(await door.inbox("alice")) == 2
    door.mail.broken.clear()
    assert await deliver(other, "bob", "alice") == [Delivered(), Delivered()]
    assert (len(await door.inbox("alice")), len(await door.inbox("bob"))) == (2, 1)
    # Acknowledged: now it is a new message.
    await deliver(delivery, "alice")
    assert len(await door.inbox("alice")) == 3
    await door.close()


@in_loop
async def test_a_large_message_can_be_retried_too() -> None:
    door, delivery = new(memory=4096)
    door.mail.broken.add(door.account("bob").id)
    for attempt in range(2):
        spool = delivery.spool()
        for _ in range(10):
            spool.write(b"x" * 998 + b"\r\n")
        assert spool.whole() is None
        tried = await delivery.deliver(SmtpEnvelope(SENDER, to("alice", "bob")), RECEIVED, spool)
        await delivery.settle(tried, () if attempt else to("alice", "bob"))
        spool.close()
        door.mail.broken.clear()
    assert (len(await door.inbox("alice")), len(await door.inbox("bob"))) == (1, 1)
    await door.close()


@in_loop
async def test_nothing_is_noted_without_need_and_notes_expire() -> None:
    door, delivery = new(retry_days=1)
    notes = door.data / "run" / "pending.sqlite"
    await deliver(delivery, "alice", "bob")
    assert not notes.exists()
    door.mail.broken.add(door.account("bob").id)
    await deliver(delivery, "alice", "bob", again=("alice", "bob"))
    with sqlite3.connect(notes) as database:
        assert database.execute("UPDATE pending SET expires = 1").rowcount == 1
    database.close()
    await deliver(delivery, "alice", again=())
    assert len(await door.inbox("alice")) == 3  # forgotten: stored again
    await deliver(delivery, "carol", "bob", again=("carol", "bob"))
    with sqlite3.connect(notes) as database:
        assert database.execute("SELECT account FROM pending").fetchall() == [(door.account("carol").id,)]
    database.close()
    await door.close()


@in_loop
async def test_damaged_notes_stop_nothing() -> None:
    door, delivery = new()
    (door.data / "run").mkdir()
    (door.data / "run" / "pending.sqlite").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    assert await deliver(delivery, "alice") == [Delivered()]
    door.mail.broken.add(door.account("bob").id)
    outcomes = await deliver(delivery, "alice", "bob", again=("alice", "bob"))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Failed]
    await door.close()


def test_amounts_for_people() -> None:
    assert amount(999, "en") == "999 bytes"
    assert amount(1_500_000_000, "fr") == "1,5 Go"
    assert amount(25_000_000_000, "en") == "25 GB"


def test_a_spool_can_be_read_again_and_again() -> None:
    for memory in (4, 1_000_000):
        spool = Spool(memory=memory)
        for number in range(100):
            spool.write(b"%03d " % number)
        whole = b"".join(spool.pieces())
        assert whole == b"".join(spool.pieces())
        assert spool.size == len(whole) == 400
        assert whole.startswith(spool.head()[:4])
        assert spool.digest(b"a") == Spool.of(whole).digest(b"a") != Spool.of(whole).digest(b"b")
        spool.close()
        spool.close()
    assert Spool().whole() == b""
