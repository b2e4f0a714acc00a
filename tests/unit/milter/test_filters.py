"""Filters in line, over a real socket, as a client of SMTP meets them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from optimails.config import Protocol
from optimails.config.dns import DnsSettings
from optimails.config.milter import MilterSettings
from optimails.delivery.home import HomeCourier
from optimails.dns import Resolver
from optimails.model.account import Limits, OverQuota
from optimails.model.address import EmailAddress
from optimails.model.mailbox_name import mailbox_name
from optimails.model.special_use import SpecialUse
from optimails.queue.control import Choice
from optimails.queue.runner import Runner
from smtp.milter.probe import trouble
from tests.support import fake_milter
from tests.support.dns_server import local_dns
from tests.support.fake_milter import FakeMilter, add_header, change_header, insert_header
from tests.support.in_loop import in_loop
from tests.support.smtp_door import MemoryEnd, SmtpDoor

MESSAGE = b"From: a@b.test\r\nSubject: one\r\n two\r\nX-Old: 1\r\nX-Old: 2\r\n\r\nHello.\r\n..dot\r\n"
STORED = MESSAGE.replace(b"..dot", b".dot")
NOBODY: Any = None  # who is not needed
QUIET = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000


@contextlib.asynccontextmanager
async def door(*filters: FakeMilter, protocol: Protocol = Protocol.SMTP, **settings: object) -> AsyncIterator[SmtpDoor]:
    """A listener with these filters in line."""
    made = SmtpDoor(protocol)
    patience = {"connect_timeout": 2, "command_timeout": 2, "content_timeout": 2, "protocols": [protocol.value]}
    made.milters = [{"address": one.address} | patience | settings for one in filters]
    async with contextlib.AsyncExitStack() as stack:
        for one in filters:
            await stack.enter_async_context(one)
        try:
            yield made
        finally:
            await made.close()


async def greeted(made: SmtpDoor) -> MemoryEnd:
    end = await made.connect()
    await end.talk(b"LHLO client.test\r\n" if made.protocol is Protocol.LMTP else b"EHLO client.test\r\n")
    return end


async def send(made: SmtpDoor, *recipients: str, content: bytes = MESSAGE, end: MemoryEnd | None = None) -> list[bytes]:
    """The replies to MAIL, each RCPT, DATA and the content, as far as they are positive."""
    end = end or await greeted(made)
    commands = [b"MAIL FROM:<a@b.test> SIZE=100 BODY=8BITMIME\r\n"]
    commands += [b"RCPT TO:<%b@demo.test>\r\n" % one.encode() for one in recipients or ("alice",)]
    replies = []
    for command in [*commands, b"DATA\r\n", content + b".\r\n"]:
        replies.append(await end.talk(command))
        if replies[-1][:1] not in b"23" and not command.startswith(b"RCPT"):
            break
    return [reply.removesuffix(b"\r\n") for reply in replies]


def codes(replies: list[bytes]) -> list[bytes]:
    return [reply[:3] for reply in replies]


async def only(made: SmtpDoor, name: str = "alice") -> bytes:
    """What came of the message in that INBOX, without what we put above it."""
    (message,) = await made.inbox(name)
    return message[message.index(b";\r\n\t") :].split(b"\r\n", 2)[2]


@in_loop
async def test_a_filter_sees_everything_and_the_message_is_what_it_was() -> None:
    filter_ = FakeMilter()
    async with door(filter_) as made:
        assert codes(await send(made, "alice", "bob")) == [b"250", b"250", b"250", b"354", b"250"]
        assert await only(made) == STORED
    assert filter_.offer is not None
    assert filter_.offer[0] == 6
    assert filter_.letters() == b"OCHMRRTLLLLNBEQ"
    heard = dict(filter_.heard)
    assert heard[b"C"] == b"unknown\x004\0\x00127.0.0.1\0"
    assert heard[b"H"] == b"client.test\0"
    assert heard[b"M"] == b"<a@b.test>\0SIZE=100\0BODY=8BITMIME\0"
    assert (b"R", b"<bob@demo.test>\0") in filter_.heard
    assert (b"L", b"Subject\0one\n two\0") in filter_.heard
    assert filter_.body() == b"Hello.\r\n.dot\r\n"
    name = filter_.macros[b"M"]["i"]
    assert filter_.macros[b"C"]["j"] == "mx.demo.test"
    assert filter_.macros[b"C"]["{client_addr}"] == "127.0.0.1"
    assert filter_.macros[b"C"]["_"] == "unknown [127.0.0.1]"
    assert filter_.macros[b"C"]["{daemon_port}"] == "25"
    assert filter_.macros[b"M"]["{mail_addr}"] == "a@b.test"
    assert filter_.macros[b"R"] == {
        "i": name, "{rcpt_addr}": "bob@demo.test", "{rcpt_host}": "demo.test", "{rcpt_mailer}": "local"
    }  # fmt: skip
    assert filter_.macros[b"E"] == {"i": name}


@in_loop
async def test_what_a_filter_does_not_want_is_not_said_and_not_waited_for() -> None:
    filter_ = FakeMilter(steps=QUIET | 0x2 | 0x40)
    filter_.chosen = b"\0\0\0\3{rcpt_addr} j\0\0\0\0\x63nonsense\0"
    async with door(filter_) as made:
        assert (await send(made))[-1].startswith(b"250 ")
    assert filter_.letters() == b"OCMRTLLLLBEQ"
    assert filter_.macros[b"R"] == {"{rcpt_addr}": "alice@demo.test", "j": "mx.demo.test"}
    reluctant = FakeMilter(steps=0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x200)
    async with door(reluctant) as made:
        assert (await send(made))[-1].startswith(b"250 ")
    assert reluctant.letters() == b"OEQ"


@in_loop
async def test_a_client_has_a_name_when_it_leads_back_to_its_address() -> None:
    reverse = ("7.2.0.192.in-addr.arpa", "PTR")
    zone = {
        reverse: ["mail.liar.test.", "Mail.Client.test."],
        ("mail.liar.test", "A"): ["192.0.2.1"],
        ("mail.client.test", "A"): ["192.0.2.6", "192.0.2.7"],
    }
    for records, name in ((zone[reverse], b"mail.client.test"), (["mail.liar.test."], b"unknown"), ([], b"unknown")):
        filter_ = FakeMilter()
        with local_dns(zone | {reverse: records}) as dns:
            async with door(filter_) as made:
                made.far = True
                made.resolver = Resolver(DnsSettings(nameservers=(dns.address,), timeout=0.2, lifetime=0.5))
                assert (await send(made))[-1].startswith(b"250 ")
        assert dict(filter_.heard)[b"C"] == name + b"\x004\0\x00192.0.2.7\0"
        assert filter_.macros[b"C"]["{client_name}"] == name.decode()


@in_loop
async def test_submission_tells_who_logged_in_and_what_the_program_left_out() -> None:
    filter_ = FakeMilter()
    async with door(filter_, protocol=Protocol.SUBMISSION) as made:
        end = await greeted(made)
        await end.talk(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
        sent = b"MAIL FROM:<alice@demo.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n"
        assert b"250 2.0.0 Accepted" in await end.talk(sent)
        stored = await only(made, "bob")
    assert filter_.macros[b"M"]["{auth_authen}"] == "alice@demo.test"
    assert filter_.macros[b"M"]["{auth_type}"] == "PLAIN"
    told = next(data for letter, data in filter_.heard if letter == b"L" and data.startswith(b"Message-ID\0"))
    assert b"Message-ID: " + told.split(b"\0")[1] + b"\r\n" in stored
    assert stored.count(b"Message-ID:") == stored.count(b"Date:") == 1


@pytest.mark.parametrize(
    ("letter", "answer", "said"),
    [
        (b"C", fake_milter.REJECT, [b"550"]),
        (b"H", fake_milter.TEMPFAIL, [b"451"]),
        (b"M", b"y554 5.7.1 100%% no\0", [b"554"]),
        (b"R", fake_milter.REJECT, [b"250", b"550", b"503"]),
        (b"T", b"y451 4.3.0 later\0", [b"250", b"250", b"451"]),
        (b"L", fake_milter.REJECT, [b"250", b"250", b"354", b"550"]),
        (b"N", fake_milter.TEMPFAIL, [b"250", b"250", b"354", b"451"]),
        (b"B", b"y550-5.7.1 first\r\n550 5.7.1 second\0", [b"250", b"250", b"354", b"550"]),
        (b"E", b"y421 4.7.0 go away\0", [b"250", b"250", b"354", b"421"]),
        (b"E", b"y200 what\0", [b"250", b"250", b"354", b"550"]),
        (b"M", b"f", [b"421"]),
    ],
)
@in_loop
async def test_a_refusal_is_heard_where_it_is_said(letter: bytes, answer: bytes, said: list[bytes]) -> None:
    filter_ = FakeMilter({letter: answer})
    async with door(filter_) as made:
        end = await greeted(made)
        replies = await send(made, end=end)
        assert codes(replies) == said
        assert not await made.inbox("alice")
        assert end.session.closing == (said[-1] == b"421")
    if b"100" in answer:
        assert replies[-1] == b"554 5.7.1 100% no"
    if b"first" in answer:
        assert replies[-1] == b"550-5.7.1 first\r\n550 5.7.1 second"


@in_loop
async def test_a_recipient_is_refused_alone() -> None:
    filter_ = FakeMilter({b"R": lambda data: b"y550 5.7.1 no\0" if b"bob" in data else b"c"})
    async with door(filter_) as made:
        assert codes(await send(made, "alice", "bob", "carol")) == [b"250", b"250", b"550", b"250", b"354", b"250"]
        assert [len(await made.inbox(one)) for one in ("alice", "bob", "carol")] == [1, 0, 1]


@in_loop
async def test_what_is_said_of_the_client_goes_for_all_it_sends() -> None:
    for answer, code in ((fake_milter.ACCEPT, b"250"), (fake_milter.REJECT, b"550")):
        filter_ = FakeMilter({b"C": answer})
        async with door(filter_) as made:
            end = await greeted(made)
            for _ in range(3):
                assert (await send(made, end=end))[-1][:3] == code
            assert filter_.connections == 1
            await end.talk(b"EHLO client.test\r\n")
            await send(made, end=end)
            assert filter_.connections == 2


@pytest.mark.parametrize("letter", [b"M", b"R", b"T", b"L", b"B", b"E"])
@in_loop
async def test_accepted_and_discarded(letter: bytes) -> None:
    first, second = FakeMilter({letter: fake_milter.ACCEPT}), FakeMilter()
    async with door(first, second) as made:
        assert (await send(made))[-1][:3] == b"250"
        assert await only(made) == STORED
        assert first.letters().split(letter)[1] in (b"AQ", b"Q")
        assert second.letters().endswith(b"EQ")
    for protocol in (Protocol.SMTP, Protocol.LMTP):
        async with door(FakeMilter({letter: fake_milter.DISCARD}), FakeMilter(), protocol=protocol) as made:
            assert (await send(made, "alice", "bob"))[-1].count(b"250 2.0.0") == (2 if made.door().lmtp else 1)
            assert not await made.inbox("alice")


@in_loop
async def test_changes_of_the_header() -> None:
    wishes = [
        add_header(b"X-Added", b"yes"),
        add_header(b"X-Folded", b"one\n\ttwo\r\nthree\n\nX-Smuggled: no"),
        insert_header(1, b"X-Top", b"1"),
        insert_header(99, b"X-Far", b"2"),
        change_header(1, b"subject", b"changed"),
        change_header(2, b"X-Old", b""),
        change_header(7, b"X-New", b"made"),
        change_header(7, b"X-None", b""),
        fake_milter.PROGRESS,
        fake_milter.CONTINUE,
    ]
    second = FakeMilter()
    async with door(FakeMilter({b"E": wishes}), second) as made:
        assert (await send(made))[-1][:3] == b"250"
        stored = await only(made)
    assert stored == (
        b"X-Top: 1\r\nFrom: a@b.test\r\nsubject: changed\r\nX-Old: 1\r\nX-Added: yes\r\n"
        b"X-Folded: one\r\n\ttwo\r\n\tthree\r\n\tX-Smuggled: no\r\nX-Far: 2\r\nX-New: made\r\n\r\nHello.\r\n.dot\r\n"
    )
    assert (b"L", b"X-Top\x001\0") in second.heard
    spaces = FakeMilter({b"E": [add_header(b"X-A", b"tight"), fake_milter.CONTINUE]}, steps=0x100000)
    async with door(spaces) as made:
        await send(made)
        assert b"\r\nX-A:tight\r\n\r\n" in await only(made)
    assert (b"L", b"Subject\0 one\n two\0") in spaces.heard


@in_loop
async def test_changes_of_body_and_envelope() -> None:
    wishes = [
        *(b"bNew\r", b"b\nbody\rx\n", b"e<other@b.test>\0", b"-<alice@demo.test>\0", b"+<bob@demo.test>\0"),
        *(b"2<archive@elsewhere.test>\0NOTIFY=NEVER\0", b"+<nobody@demo.test>\0", b"+nonsense\0", fake_milter.ACCEPT),
    ]
    for protocol in (Protocol.SMTP, Protocol.LMTP):
        async with door(FakeMilter({b"E": wishes}), protocol=protocol) as made:
            assert (await send(made, "alice", "carol"))[-1].count(b"250 2.0.0") == (2 if made.door().lmtp else 1)
            assert [len(await made.inbox(one)) for one in ("alice", "bob", "carol")] == [0, 1, 1]
            (message,) = await made.inbox("bob")
            assert message.startswith(b"Return-Path: <other@b.test>\r\n")
            assert message.endswith(b"\r\n\r\nNew\r\nbody\r\nx\r\n")
            assert await made.queued() == ["archive@elsewhere.test"]
    async with door(FakeMilter({b"E": [b"-<alice@demo.test>\0", b"e<>\0", fake_milter.CONTINUE]})) as made:
        assert (await send(made))[-1][:3] == b"250"
        assert not await made.inbox("alice")


@in_loop
@pytest.mark.parametrize("protocol", [Protocol.SMTP, Protocol.LMTP])
async def test_a_message_is_not_lost_with_whom_a_filter_puts_in_its_recipients_place(protocol: Protocol) -> None:
    wishes = {b"E": [b"-<alice@demo.test>\0", b"+<bob@demo.test>\0", fake_milter.CONTINUE]}
    async with door(FakeMilter(wishes), protocol=protocol) as made:
        made.mail.broken.add(made.account("bob").id)
        assert (await send(made))[-1][:3] == b"451"
        made.mail.broken.clear()
        made.directory.change("bob", limits=Limits(10, None, 30), over_quota=OverQuota.PERMANENT)
        assert (await send(made))[-1][:3] == b"552"
        assert not await made.inbox("alice")
    async with door(FakeMilter(wishes), protocol=protocol) as made:
        assert (await send(made))[-1][:3] == b"250"
        assert [len(await made.inbox(one)) for one in ("alice", "bob")] == [0, 1]
    nobody = FakeMilter({b"E": [b"-<alice@demo.test>\0", b"+<nobody@demo.test>\0", fake_milter.CONTINUE]})
    async with door(nobody, protocol=protocol) as made:
        assert (await send(made))[-1][:3] == b"451"


@in_loop
@pytest.mark.parametrize("protocol", [Protocol.SMTP, Protocol.LMTP])
async def test_whom_a_filter_adds_gets_it_once_however_often_it_is_tried(protocol: Protocol) -> None:
    adding = FakeMilter({b"E": [b"+<bob@demo.test>\0", b"+<carol@demo.test>\0", fake_milter.CONTINUE]})
    async with door(adding, protocol=protocol) as made:
        made.mail.broken.add(made.account("bob").id)
        assert (await send(made))[-1][:3] == b"451"
        made.mail.broken.clear()
        assert (await send(made))[-1][:3] == b"250"
        assert [len(await made.inbox(one)) for one in ("alice", "bob", "carol")] == [1, 1, 1]
        assert (await send(made))[-1][:3] == b"250"  # the same once more, by intent
        assert [len(await made.inbox(one)) for one in ("alice", "bob", "carol")] == [2, 2, 2]


@in_loop
@pytest.mark.parametrize("protocol", [Protocol.SMTP, Protocol.LMTP])
async def test_what_a_filter_writes_anew_each_time_doubles_nothing(protocol: Protocol) -> None:
    filter_ = FakeMilter()
    async with door(filter_, protocol=protocol) as made:
        made.directory.aliases["both"] = ("alice", "bob")
        made.mail.broken.add(made.account("bob").id)
        for number in (b"1", b"2"):
            filter_.answers[b"E"] = [add_header(b"X-Looked", number), b"e<a+%b@b.test>\0" % number, fake_milter.ACCEPT]
            answer = (await send(made, "both"))[-1]
            assert answer[:3] == (b"451" if number == b"1" else b"250")
            made.mail.broken.clear()
        assert [len(await made.inbox(one)) for one in ("alice", "bob")] == [1, 1]


@in_loop
async def test_quarantine_in_junk_past_scripts_and_forwards() -> None:
    wishes = [b"qlooks bad\0", add_header(b"X-Why", b"bad"), fake_milter.CONTINUE]
    async with door(FakeMilter({b"E": wishes})) as made:
        made.relays = [{"domain": "relayed.test", "target": "inside.test:25"}]
        made.directory.change("bob", forward=(EmailAddress("x", "elsewhere.test"),))
        end = await greeted(made)
        await end.talk(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nRCPT TO:<bob@demo.test>\r\n")
        assert b"250 2.0.0" in await end.talk(b"RCPT TO:<x@relayed.test>\r\nDATA\r\n" + MESSAGE + b".\r\n")
        for name in ("alice", "bob"):
            assert not await made.inbox(name)
            async with await made.mail.open(made.account(name)) as mail:
                junk = next(one.name for one in await mail.mailboxes() if one.special_use is SpecialUse.JUNK)
                assert (await mail.status(junk)).messages == 1
        assert made.queue is not None
        (message,) = await made.queue.find(Choice())
        assert [(one.address, one.state, one.reply) for one in message.recipients] == [
            ("x@relayed.test", "held", "A filter put it into quarantine")
        ]


@in_loop
async def test_quarantine_on_hold() -> None:
    async with door(FakeMilter({b"E": [b"qlooks bad\0", fake_milter.CONTINUE]}), quarantine="hold") as made:
        assert (await send(made, "alice", "bob"))[-1][:3] == b"250"
        assert not await made.inbox("alice")
        assert made.queue is not None
        (message,) = await made.queue.find(Choice())
        assert {(one.address, one.state, one.reply) for one in message.recipients} == {
            ("alice@demo.test", "held", "looks bad"),
            ("bob@demo.test", "held", "looks bad"),
        }
        home = HomeCourier(made.door().delivery, made.directory, made.config(), NOBODY)
        runner = Runner(made.queue, home, NOBODY, "mx.demo.test")
        assert await runner.step() == 0
        assert await made.queue.release(Choice()) == 2
        assert await runner.step() == 1
        await runner.settled()
        assert [len(await made.inbox(one)) for one in ("alice", "bob")] == [1, 1]


@in_loop
async def test_a_filter_that_has_seen_enough_of_a_large_message() -> None:
    content = b"Subject: x\r\n\r\n" + b"0123456789abcde\r\n" * 40_000
    for steps, answer in ((0x400, fake_milter.SKIP), (0, fake_milter.CONTINUE), (QUIET, None)):
        filter_ = FakeMilter({b"B": answer, b"E": [add_header(b"X-Seen", b"1"), b"c"]}, steps=steps)
        async with door(filter_) as made:
            assert (await send(made, content=content))[-1][:3] == b"250"
            assert await only(made) == content.replace(b"\r\n\r\n", b"\r\nX-Seen: 1\r\n\r\n", 1)
        body = content.split(b"\r\n\r\n", 1)[1]
        assert filter_.body() == (body[:65_535] if answer == fake_milter.SKIP else body)


@pytest.mark.parametrize(
    ("letter", "answer"),
    [
        *((b"O", None), (b"O", b""), (b"O", b"c"), (b"O", b"O\0\0\0\x01" + bytes(8)), (b"O", b"O\0")),
        *((b"C", b"s"), (b"R", b""), (b"R", b"h"), (b"L", b"\xff"), (b"B", b"!\xff\xff\xff\xff"), (b"E", b"!\0\0\0\0")),
        *((b"E", [add_header(b"X-Half", b"1"), b""]), (b"E", [add_header(b"bad name", b"1"), b"c"])),
        *((b"E", [b"m\0\0", b"c"]), (b"E", [b"h\0", b"c"]), (b"E", [b"b" + b"x" * 700_000] * 100)),
        *((b"E", b"!" + b"\0\0\0\x01p" * 9), (b"M", None), (b"E", [b"+<x@demo.test>\0"] * 1_001)),
    ],
)
@in_loop
async def test_a_filter_that_fails(letter: bytes, answer: fake_milter.Said) -> None:
    for setting, code in (("tempfail", b"451"), ("reject", b"550"), ("accept", b"250")):
        filter_ = FakeMilter({letter: answer})
        async with door(filter_, on_failure=setting, command_timeout=0.1, content_timeout=0.1) as made:
            replies = await send(made)
            assert replies[-1][:3] == code or (letter == b"R" and replies[1][:3] == code)
            if setting == "accept":
                assert await only(made) == STORED
            else:
                assert not await made.inbox("alice")
            assert made.ends[0].session.transaction is None or letter == b"R"


@in_loop
async def test_a_filter_that_is_away_and_one_that_is_full() -> None:
    away = FakeMilter()
    async with door(away) as made:
        made.milters[0]["address"] = "unix:/nonexistent/socket"
        assert codes(await send(made)) == [b"451"]
    busy = FakeMilter()
    async with door(busy, connections=1, connect_timeout=0.1) as made:
        one, two = await greeted(made), await greeted(made)
        assert (await one.talk(b"MAIL FROM:<>\r\n"))[:3] == b"250"
        assert (await two.talk(b"MAIL FROM:<>\r\n"))[:3] == b"451"
        await one.talk(b"RSET\r\n")
        await asyncio.sleep(0)
        assert (await two.talk(b"MAIL FROM:<>\r\n"))[:3] == b"250"
        await two.close()
        assert (await one.talk(b"MAIL FROM:<>\r\n"))[:3] == b"250"
    assert busy.connections == 3


@in_loop
async def test_a_header_without_end_is_refused_where_filters_look() -> None:
    async with door(FakeMilter()) as made:
        content = b"X: " + b"x" * 1_100_000 + b"\r\n\r\nbody\r\n"
        assert (await send(made, content=content))[-1].startswith(b"552 5.3.4 ")
        for content in (b"", b"no header at all\r\n", b"\r\nonly body\r\n", b"X: only header\r\n"):
            assert (await send(made, content=content))[-1][:3] == b"250"


@in_loop
async def test_content_in_chunks_and_a_filter_over_tcp() -> None:
    for answer, said in ((fake_milter.CONTINUE, b"250 2.0.0"), (fake_milter.REJECT, b"550 5.7.1")):
        filter_ = FakeMilter({b"T": answer}, tcp=True)
        async with door(filter_) as made:
            end = await greeted(made)
            await end.talk(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\n")
            assert (await end.talk(b"BDAT 7\r\nX: 1\r\n\r")).startswith(b"250 2.0.0")
            assert (await end.talk(b"BDAT 6 LAST\r\n\nbody\n")).startswith(said)


@in_loop
async def test_who_is_at_work_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp.milter.chain.LONGEST_LOOK", 0.2)
    async with door(FakeMilter({b"E": [fake_milter.PROGRESS] * 3})) as made:
        assert (await send(made))[-1].startswith(b"451 4.7.1 ")


@in_loop
async def test_a_removed_junk_mailbox_is_made_again() -> None:
    async with door(FakeMilter({b"E": [b"q\0", fake_milter.CONTINUE]})) as made:
        for change in ("delete", "take its name"):
            async with await made.mail.open(made.account("alice")) as mail:
                await mail.delete(mailbox_name("Junk"))
                if change != "delete":
                    await mail.create("Junk")
            assert (await send(made))[-1][:3] == b"250"
            async with await made.mail.open(made.account("alice")) as mail:
                assert (await mail.status(mailbox_name("Junk"))).messages == 1


@in_loop
async def test_headers_that_grow_without_end_are_a_failure() -> None:
    wishes = [add_header(b"X", b"x" * 60_000)] * 15
    filters = [FakeMilter({b"E": [*wishes, fake_milter.CONTINUE]}) for _ in range(3)]
    async with door(*filters) as made:
        assert (await send(made))[-1].startswith(b"451 4.7.1 ")


@in_loop
async def test_the_operator_is_told_whether_a_filter_can_be_used() -> None:
    async with (
        FakeMilter() as good,
        FakeMilter({b"O": fake_milter.CONTINUE}) as strange,
        FakeMilter({b"O": b""}) as rude,
    ):
        told = [await trouble(MilterSettings(address=one.address)) for one in (good, strange, rude)]
    assert told == [None, "no agreement on what is spoken", "it closed the connection"]
