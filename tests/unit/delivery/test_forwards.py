"""Forwarding of an account: nothing is lost, nothing comes twice, nothing goes round in circles."""

from dataclasses import replace

import pytest

from optimails.delivery import failures
from optimails.delivery.api import Delivered, Failed, Outcome, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.scripts import ScriptFiles
from optimails.delivery.spool import Spool
from optimails.mailbox.service import account_directory
from optimails.model.account import Limits
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.queue.control import Choice
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

PEER = EmailAddress.parse("peer@far.test")
ALICE = EmailAddress.parse("alice@demo.test")
OUT = "x@elsewhere.test"
MAIL = b"From: Peer <peer@far.test>\r\nSubject: hello\r\n\r\ntext\r\n"


class Post:
    def __init__(self) -> None:
        self.door = SmtpDoor()
        delivery = self.door.door().delivery
        assert isinstance(delivery, LocalDelivery)
        self.delivery = delivery

    def forward(self, name: str, *targets: str, copy: bool = True) -> None:
        account = self.door.account(name)
        addresses = tuple(map(EmailAddress.parse, targets))
        self.door.directory.accounts[account.address.key] = replace(account, forward=addresses, forward_copy=copy)

    def script(self, name: str, script: str) -> None:
        files = ScriptFiles(account_directory(self.door.data, self.door.account(name).id), self.door.config().sieve)
        files.put("main", script.encode())
        files.activate("main")

    async def arrives(
        self, mail: bytes = MAIL, sender: EmailAddress | None = PEER, to: EmailAddress = ALICE
    ) -> Outcome:
        attempt = await self.delivery.deliver(SmtpEnvelope(sender, (to,)), b"Received: by mx\r\n", Spool.of(mail))
        outcome = attempt.outcomes[to]
        again = isinstance(outcome, Failed) and not outcome.permanent
        await self.delivery.settle(attempt, (to,) if again else ())
        return outcome

    async def inbox(self, name: str) -> list[bytes]:
        return await self.door.inbox(name)


@in_loop
async def test_with_a_copy_and_without() -> None:
    post = Post()
    post.forward("alice", OUT, "carol@demo.test")
    assert await post.arrives() == Delivered()
    assert len(await post.inbox("alice")) == 1
    (there,) = await post.inbox("carol")
    assert there == (
        b"Return-Path: <peer@far.test>\r\nDelivered-To: carol@demo.test\r\n"
        b"Delivered-To: alice@demo.test\r\nReceived: by mx\r\n" + MAIL
    )
    assert post.door.queue is not None
    (queued,) = await post.door.queue.find(Choice())
    assert queued.sender.endswith("=far.test=peer@demo.test"), "SPF of the next server holds"
    assert (queued.origin, queued.recipients[0].address) == ("forward", OUT)
    content = post.door.queue.contents.path(queued.id).read_bytes()
    assert content == b"Delivered-To: alice@demo.test\r\nReceived: by mx\r\n" + MAIL
    post.forward("alice", "carol@demo.test", copy=False)
    assert await post.arrives() == Delivered()
    assert len(await post.inbox("alice")) == 1
    assert len(await post.inbox("carol")) == 2
    await post.door.close()


@in_loop
async def test_a_bounce_goes_on_as_one() -> None:
    post = Post()
    post.forward("alice", OUT, copy=False)
    assert await post.arrives(sender=None) == Delivered()
    assert post.door.queue is not None
    (queued,) = await post.door.queue.find(Choice())
    assert queued.sender == ""
    await post.door.close()


@in_loop
async def test_a_mailbox_that_fails_for_now_delays_nothing_and_doubles_nothing() -> None:
    post = Post()
    post.forward("alice", OUT, "carol@demo.test")
    alice, carol = post.door.account("alice").id, post.door.account("carol").id
    post.door.mail.broken.update((alice, carol))
    for _ in range(2):
        assert isinstance(await post.arrives(), Failed)
        assert await post.door.queued() == [OUT], "at once, and once"
    post.door.mail.broken.discard(alice)
    assert isinstance(await post.arrives(), Failed), "carol has not got it"
    assert len(await post.inbox("alice")) == 1
    post.door.mail.broken.clear()
    assert await post.arrives() == Delivered()
    assert [len(await post.inbox("alice")), len(await post.inbox("carol"))] == [1, 1]
    assert await post.door.queued() == [OUT]
    assert await post.arrives() == Delivered()
    assert len(await post.inbox("alice")) == 2, "once acknowledged, the same again is another message"
    await post.door.close()


@in_loop
async def test_a_full_mailbox_does_not_refuse_what_goes_on() -> None:
    post = Post()
    account = post.door.account("alice")
    post.door.directory.accounts[account.address.key] = replace(account, limits=Limits(10, None, 30))
    assert await post.delivery.check(ALICE, 1000) == failures.TOO_BIG
    post.forward("alice", OUT, copy=False)
    assert not isinstance(await post.delivery.check(ALICE, 1000), Failed)
    assert await post.arrives() == Delivered()
    assert await post.door.queued() == [OUT]
    await post.door.close()


@in_loop
async def test_what_nobody_takes_stays() -> None:
    post = Post()
    post.forward("alice", "nobody@demo.test", copy=False)
    assert await post.arrives() == Delivered()
    assert len(await post.inbox("alice")) == 1
    await post.door.close()


@in_loop
async def test_a_queue_that_is_away_puts_off_only_what_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post()
    post.forward("alice", OUT)

    async def full(*_: object) -> str:
        raise Unavailable("No room")

    with monkeypatch.context() as patch:
        patch.setattr(post.door.queue, "accept", full)
        assert isinstance(await post.arrives(), Failed)
    assert len(await post.inbox("alice")) == 1
    assert await post.arrives() == Delivered()
    assert len(await post.inbox("alice")) == 1
    assert await post.door.queued() == [OUT]
    await post.door.close()


@in_loop
async def test_circles_end() -> None:
    post = Post()
    post.forward("alice", "bob@demo.test", copy=False)
    post.forward("bob", "alice@demo.test", copy=False)
    assert await post.arrives() == Delivered()
    assert [len(await post.inbox("alice")), len(await post.inbox("bob"))] == [1, 0]
    post.forward("alice", OUT, copy=False)
    came_back = b"Received: x\r\nDelivered-To: Alice@demo.test\r\n" + MAIL
    assert await post.arrives(came_back) == Delivered()
    travelled = b"Received: x\r\n" * 101 + MAIL
    assert await post.arrives(travelled) == Delivered()
    assert await post.door.queued() == []
    assert len(await post.inbox("alice")) == 3
    await post.door.close()


@in_loop
async def test_circles_end_though_scripts_edit_the_header() -> None:
    post = Post()
    for name, other in (("alice", "bob"), ("bob", "alice")):
        post.forward(name, f"{other}@demo.test", copy=False)
        post.script(name, 'require "editheader"; deleteheader "Delivered-To"; addheader "X-By" "' + name + '"; keep;')
    assert await post.arrives() == Delivered()
    (stored,) = await post.inbox("alice") + await post.inbox("bob")
    assert b"X-By: alice" in stored
    assert b"X-By: bob" in stored
    await post.door.close()


@in_loop
async def test_an_alias_of_the_account_means_its_copy() -> None:
    post = Post()
    post.forward("bob", "sales@demo.test", copy=False)
    assert await post.arrives(to=EmailAddress.parse("bob@demo.test")) == Delivered()
    assert len(await post.inbox("bob")) == 1
    await post.door.close()


@in_loop
async def test_scripts_decide_what_is_forwarded() -> None:
    post = Post()
    post.forward("alice", OUT)
    post.script("alice", 'require "fileinto"; if header :contains "subject" "spam" { fileinto "Junk"; }')
    assert await post.arrives(MAIL.replace(b"hello", b"spam")) == Delivered()
    assert await post.door.queued() == []
    assert await post.arrives() == Delivered()
    assert await post.door.queued() == [OUT]
    assert len(await post.inbox("alice")) == 1
    post.door.mail.broken.add(post.door.account("carol").id)
    post.forward("alice", "carol@demo.test")
    post.script("alice", "keep;")
    assert isinstance(await post.arrives(), Failed)
    post.door.mail.broken.clear()
    assert await post.arrives() == Delivered()
    assert [len(await post.inbox("alice")), len(await post.inbox("carol"))] == [2, 1]
    await post.door.close()
