"""Scripts over stored messages: which ones run, what they see, what becomes of the messages."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from optimails.config import ConfigError, parse
from optimails.delivery.scripts import ScriptFiles
from optimails.delivery.stored import events as events_module
from optimails.delivery.stored.api import Cause, Happened
from optimails.delivery.stored.events import sieve_url
from optimails.delivery.stored.rules import ENTRY
from optimails.mailbox.api import AnnotationLimits, MessageSet, NewMessage, StoreMode, Want
from optimails.mailbox.service import account_directory
from optimails.model.account import Limits
from optimails.model.errors import Reason, Refused
from optimails.model.flags import flag_set
from optimails.model.mailbox_name import INBOX, MailboxName
from optimails.model.number_set import NumberSet
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.support.in_loop import in_loop
from tests.support.mail_events import mail_events
from tests.support.smtp_door import PostDirectory
from tests.support.world import World

MAIL = (
    b"Return-Path: <bob@demo.test>\r\nDelivered-To: alice+x@demo.test\r\nFrom: Bob <bob@demo.test>\r\n"
    b"Subject: Hello\r\nMessage-ID: <1@demo.test>\r\n\r\nHi\r\n"
)
JUNK = MailboxName("Junk")


class Post:
    """Alice's mailboxes, and scripts for what she does."""

    def __init__(self, settings: str = "[sieve]\nimap_patience = 60.0\n", *, queue=None) -> None:
        self.world = World(directory=PostDirectory())
        self.events = mail_events(self.world, settings, queue)
        self.alice = self.world.directory.accounts["alice@demo.test"]

    async def __aenter__(self):
        self.mail = await self.world.mail.open(self.alice)
        return self

    async def __aexit__(self, *_):
        await self.events.close()
        await self.mail.close()
        await self.world.close()
        self.events.stays.cleanup()

    async def script(self, script: str, mailbox: str | None = "INBOX") -> None:
        files = ScriptFiles(account_directory(self.events.data, self.alice.id), self.events._settings)
        files.put("main", script.encode())
        await self.mail.annotations.set(mailbox, {ENTRY: b"main"}, AnnotationLimits(10, 10_000))

    async def append(self, mailbox: str = "INBOX", flags=(), mail: bytes = MAIL, count: int = 1):
        new = [NewMessage(mail, flag_set(flags))] * count
        appended = await self.mail.append(MailboxName(mailbox), new)
        return await self.events.happened(self.alice, Happened(Cause.APPEND, MailboxName(mailbox), appended.uids))

    async def read(self, mailbox: str = "INBOX") -> list[tuple[bytes, set[str]]]:
        box = await self.mail.select(MailboxName(mailbox))
        found = []
        async for rows in box.fetch(MessageSet(NumberSet(((1, 0),)), by_uid=True), Want.FLAGS):
            for row in rows:
                file = await box.open_message(row.uid)
                found.append((bytes(file.view()[:]), set(map(str, self.mail.keywords.names(row.flags)))))
                file.close()
        await box.close()
        return found

    async def flags(self, mailbox: str = "INBOX") -> list[set[str]]:
        return [flags for _, flags in await self.read(mailbox)]


@in_loop
async def test_what_a_script_sees() -> None:
    async with Post() as post:
        await post.script(
            'require ["environment", "envelope", "imap4flags", "imapsieve", "variables", "subaddress"];'
            'if allof(environment "location" "MS", environment "phase" "post", environment "imap.cause" "FLAG",'
            ' environment "imap.user" "alice@demo.test", environment "imap.email" "alice@demo.test",'
            ' environment "imap.mailbox" "INBOX", environment "imap.changedflags" "\\\\Flagged $Gone",'
            ' envelope "from" "bob@demo.test", envelope :detail "to" "x", hasflag "\\\\Flagged", not hasflag "$Gone",'
            ' hasflag "$Old") { addflag "$Seen"; }'
        )
        assert await post.append(flags=("\\Flagged", "$Old")) == []
        assert await post.flags() == [{"\\Flagged", "$Old"}]
        box = await post.mail.select(INBOX)
        first = MessageSet(NumberSet.of([1]), by_uid=True)
        await box.store(first, StoreMode.REPLACE, flag_set(["$Old", "$Gone"]))
        changed = (await box.store(first, StoreMode.REPLACE, flag_set(["$Old", "\\Flagged"]))).differences
        await box.close()
        assert await post.events.happened(post.alice, Happened(Cause.FLAG, INBOX, [1], changed=changed)) == []
        assert await post.flags() == [{"\\Flagged", "$Old", "$Seen"}]


@pytest.mark.parametrize(
    ("script", "inbox", "sent"),
    [
        ("keep;", [{"$Old"}], []),
        ("discard;", [{"$Old", "\\Deleted"}], []),
        ('require "imap4flags"; setflag "\\\\Seen";', [{"\\Seen"}], []),
        ('require "imap4flags"; keep :flags "\\\\Answered";', [{"\\Answered"}], []),
        ('require "imap4flags"; removeflag "$OLD"; discard;', [{"$Old", "\\Deleted"}], []),
        ('require "fileinto"; fileinto "Sent";', [{"$Old", "\\Deleted"}], [{"$Old"}]),
        ('require ["fileinto", "copy"]; fileinto :copy "Sent";', [{"$Old"}], [{"$Old"}]),
        ('require ["fileinto", "imap4flags"]; fileinto :flags "$New" "Sent"; keep;', [{"$Old"}], [{"$New"}]),
        ('require "fileinto"; fileinto "inbox";', [{"$Old"}], []),
        ('require "fileinto"; fileinto "Sent"; fileinto "INBOX";', [{"$Old"}], [{"$Old"}]),
        ('require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Sent" "x";',
         [{"$Old", "\\Deleted"}], [{"$Old"}]),
        ('require ["fileinto", "special-use"]; fileinto :specialuse "\\\\All" "INBOX";', [{"$Old"}], []),
        ('require "fileinto"; fileinto "Nowhere";', [{"$Old"}], []),
        ('require ["fileinto", "mailbox"]; fileinto :create "Sent/More"; fileinto "Sent";',
         [{"$Old", "\\Deleted"}], [{"$Old"}]),
        ('require ["fileinto", "reject"]; fileinto "Sent"; reject "No";', [{"$Old"}], []),
        ('require "reject"; reject "No";', [{"$Old"}], []),
        ('require ["include"]; include "nothing";', [{"$Old"}], []),
    ],
)  # fmt: skip
def test_what_becomes_of_a_message(script: str, inbox: list[set[str]], sent: list[set[str]]) -> None:
    @in_loop
    async def run() -> None:
        async with Post() as post:
            await post.script(script)
            problems = await post.append(flags=("$Old",))
            bad = any(word in script for word in ("Nowhere", "reject", "nothing"))
            assert bool(problems) == bad, problems
            assert await post.flags() == inbox
            assert await post.flags("Sent") == sent

    run()


@in_loop
async def test_discarded_messages_may_go_at_once_and_stay_recent_until_then() -> None:
    async with Post("[sieve]\nimap_expunge = true\nimap_patience = 60.0\n") as post:
        await post.script(
            'require ["fileinto"]; if size :over 500 { fileinto "Sent"; } elsif size :over 400 { discard; }'
        )
        await post.append(mail=MAIL + b"x" * 500)
        await post.append(mail=MAIL + b"x" * 300)
        await post.append()
        box = await post.mail.select(INBOX)
        assert box.exists == 1
        assert box.is_recent(3)
        await box.close()
        assert len(await post.read("Sent")) == 1


@in_loop
async def test_an_edited_header_is_in_the_copy_alone() -> None:
    async with Post() as post:
        await post.script('require ["editheader", "fileinto", "copy"]; addheader "X-New" "yes"; fileinto :copy "Sent";')
        await post.append(flags=("\\Seen",))
        assert await post.read() == [(MAIL, {"\\Seen"})]
        assert await post.read("Sent") == [(b"X-New: yes\r\n" + MAIL, {"\\Seen"})]


RULES = """
[sieve]
imap_patience = 60.0
[[imapsieve]]
mailbox = "\\\\Junk"
from_mailbox = "INBOX"
causes = ["COPY"]
before = "one.sieve"
after = "two.sieve"
[[imapsieve]]
mailbox = "Work/%"
before = "one.sieve"
"""


@in_loop
async def test_scripts_of_the_service_run_around_the_users() -> None:
    async with Post(RULES) as post:
        folder = post.events.data
        one = 'require ["imap4flags", "variables", "environment"]; addflag "one";'
        one += 'if environment :matches "vnd.optimails.mailbox-from" "*" { addflag "from-${1}"; }'
        (folder / "one.sieve").write_text(one)
        (folder / "two.sieve").write_text('require "imap4flags"; if hasflag "users" { addflag "two"; }')
        await post.script('require "imap4flags"; if hasflag "one" { addflag "users"; }', "Junk")
        await post.append("Junk")  # none of the rules: their cause is another
        await post.mail.append(JUNK, [NewMessage(MAIL)] * 2)
        assert await post.events.happened(post.alice, Happened(Cause.COPY, JUNK, [2], INBOX)) == []
        assert await post.events.happened(post.alice, Happened(Cause.COPY, JUNK, [3], MailboxName("Sent"))) == []
        assert await post.flags("Junk") == [set(), {"one", "from-INBOX", "users", "two"}, set()]
        for name, flags in (("Work", set()), ("Work/A", {"one"}), ("Work/A/B", set())):
            await post.mail.create(name)
            await post.append(name)
            assert await post.flags(name) == [flags]
        (folder / "one.sieve").write_text("nonsense")
        (problem,) = await post.append("Work/A")
        assert "before Work/%" in problem


@in_loop
async def test_what_the_service_throws_away_the_user_never_sees() -> None:
    async with Post(RULES) as post:
        (post.events.data / "one.sieve").write_text("discard;")
        (post.events.data / "two.sieve").write_text("keep;")
        await post.script('require "fileinto"; fileinto "Sent";', "Junk")
        await post.mail.append(JUNK, [NewMessage(MAIL)])
        await post.events.happened(post.alice, Happened(Cause.COPY, JUNK, [1], INBOX))
        assert await post.flags("Junk") == [{"\\Deleted"}]
        assert await post.read("Sent") == []


@in_loop
async def test_what_is_sent_on_counts_as_mail_of_the_user(tmp_path: Path) -> None:
    limits = "[queue]\nrecipients_per_hour = 2\nrecipients_per_day = 2\n[sieve]\nimap_patience = 60.0\n"
    config = parse(f'[server]\ndata = "{tmp_path}"\n{limits}', tmp_path / "x.toml", {})
    queue = Queue(config.server.data, config.queue)
    async with Post(limits, queue=queue) as post:
        await post.script('redirect "carol@elsewhere.test";')
        problems = await post.append(count=4)
        assert len(problems) == 1, problems
        flags = await post.flags()
        assert flags.count({"\\Deleted"}) == 2
        assert flags.count(set()) == 2  # what could not be sent on is still there
        assert len(await queue.find(Choice())) == 2
    queue.close()


@in_loop
async def test_notifications_duplicates_and_edited_mail_that_is_sent_on() -> None:
    async with Post() as post:
        await post.script(
            'require ["enotify", "duplicate", "editheader", "copy"];'
            'if duplicate { discard; } else { notify :message "News" "mailto:carol@demo.test";'
            ' addheader "X-Large" "yes"; redirect :copy "bob@demo.test"; }'
        )
        large = MAIL + b"x" * 1_000_000
        assert await post.append(mail=large) == []
        assert await post.append() == []  # the same Message-ID
        assert [(len(mail), flags) for mail, flags in await post.read()] == [
            (len(large), set()),
            (len(MAIL), {"\\Deleted"}),
        ]
        for name, wanted in (("carol", b"\r\nSubject: News\r\n"), ("bob", b"\r\nX-Large: yes\r\n")):
            async with await post.world.mail.open(post.world.directory.accounts[f"{name}@demo.test"]) as mail:
                box = await mail.select(INBOX)
                assert box.exists == 1
                file = await box.open_message(1)
                assert wanted in bytes(file.view()[:])
                file.close()
                await box.close()


@in_loop
async def test_a_message_that_came_round_is_not_sent_on_again() -> None:
    async with Post() as post:
        await post.script('redirect "bob@demo.test";')
        await post.append()
        async with await post.world.mail.open(post.world.directory.accounts["bob@demo.test"]) as bob:
            box = await bob.select(INBOX)
            file = await box.open_message(1)
            got = bytes(file.view()[:])
            file.close()
            await box.close()
        assert got.startswith(
            b"Return-Path: <alice@demo.test>\r\nDelivered-To: bob@demo.test\r\nX-Sieve-Redirected-From: alice@"
        )
        assert got.count(b"Delivered-To") == 1
        (problem,) = await post.append(mail=got)
        assert "circle" in problem
        assert await post.flags() == [{"\\Deleted"}, set()]


@in_loop
async def test_a_session_does_not_wait_for_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BATCH", 7)
    async with Post("[sieve]\nimap_patience = 0.0\n") as post:
        await post.script('require ["fileinto", "mailbox"]; fileinto :create "Done";')
        assert await post.append(count=40) == []
        assert await post.append(count=3) == []  # waits for its turn
        waiting = post.events._waiting[post.alice.id]
        assert len(waiting) == 2
        await asyncio.wait(list(waiting))
        assert post.events._waiting == {}
        assert len(await post.read("Done")) == 43


@in_loop
async def test_scripts_that_take_too_long_leave_the_rest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "LONGEST", -1.0)
    async with Post() as post:
        await post.script("discard;")
        (problem,) = await post.append(count=2)
        assert "too long" in problem
        assert await post.flags() == [set(), set()]


@in_loop
async def test_events_of_one_account_wait_for_each_other_and_the_crowded_for_all(monkeypatch) -> None:
    monkeypatch.setattr(events_module, "MOST_WAITING", 2)
    async with Post("[sieve]\nimap_patience = 0.0\n") as post:
        await post.script('require "imap4flags"; addflag "$Done";')
        for _ in range(6):
            await post.append()
            assert len(post.events._waiting.get(post.alice.id, ())) <= 2


@in_loop
async def test_a_worker_that_ends_lets_scripts_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Post("[sieve]\nimap_patience = 0.0\n") as post:
        await post.script('require "imap4flags"; addflag "$Done";')
        await post.append(count=60)
        await post.events.close()
        assert await post.flags() == [{"$Done"}] * 60
        monkeypatch.setattr(events_module, "FAREWELL", 0.0)
        await post.append(count=60)
        await post.events.close()  # what is left is left alone
        assert len(await post.read()) == 120


@in_loop
async def test_a_mailbox_that_went_meanwhile_is_no_trouble() -> None:
    async with Post("[sieve]\nimap_patience = 0.0\n") as post:
        await post.script("discard;", None)
        await post.mail.create("Gone")
        await post.append("Gone", count=3)
        await post.mail.delete(MailboxName("Gone"))
        await asyncio.gather(*post.events._waiting.get(post.alice.id, ()))
        assert await post.append() == []


@in_loop
async def test_limits_that_were_lowered_meanwhile_stay() -> None:
    async with Post() as post:
        await post.script("keep;")
        await post.append()
        post.world.mail.changed(replace(post.alice, limits=Limits(None, 2, 30)))
        await post.append()  # by a session that knows the account as it was
        with pytest.raises(Refused) as refused:
            await post.append()
        assert refused.value.reason is Reason.OVER_QUOTA


@in_loop
async def test_switched_off_nothing_runs_and_nothing_is_announced() -> None:
    async with Post("[sieve]\nimap_events = false\n") as post:
        await post.script("discard;")
        assert await post.append() == []
        assert await post.flags() == [set()]
        assert post.events.url == ""


def test_where_managesieve_is() -> None:
    head = '[server]\nhostname = "mx.demo.test"\n'
    at = '[[listener]]\nprotocol = "managesieve"\naddress = "*:{}"\n'
    for text, url in (
        (head, ""),
        (head + at.format(4190), "sieve://mx.demo.test"),
        (head + at.format(2000), "sieve://mx.demo.test:2000"),
        (head + at.format(2000) + at.format(4190), "sieve://mx.demo.test"),
        (head + '[sieve]\nurl = "sieve://sieve.demo.test:9"\n', "sieve://sieve.demo.test:9"),
    ):
        assert sieve_url(parse(text, Path("/x.toml"), {})) == url


@pytest.mark.parametrize(
    "rule", ['mailbox = "Junk"', 'before = "x.sieve"', 'mailbox = "x"\nbefore = "x.sieve"\ncauses = ["MOVE"]']
)
def test_rules_that_make_no_sense_are_refused(rule: str) -> None:
    with pytest.raises(ConfigError):
        parse(f"[[imapsieve]]\n{rule}\n", Path("/x.toml"), {})
