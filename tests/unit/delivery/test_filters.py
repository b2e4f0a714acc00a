"""Scripts at delivery: where mail goes, what is sent, and that nothing is lost when something fails."""

import email
from email.policy import default
from pathlib import Path

import pytest

from optimails.config.sieve import SieveSettings
from optimails.delivery.api import Delivered, Failed, SmtpEnvelope
from optimails.delivery.local import LocalDelivery
from optimails.delivery.scripts import ScriptFiles
from optimails.delivery.spool import Spool
from optimails.mailbox.api import MessageSet
from optimails.mailbox.service import account_directory
from optimails.model.account import Limits
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import NumberSet
from sieve.language import SieveError
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

SENDER = EmailAddress.parse("bob@demo.test")
RECEIVED = b"Received: by mx; Mon, 02 Nov 2026 10:00:00 +0000\r\n"
MAIL = b"From: Bob <bob@demo.test>\r\nTo: alice@demo.test\r\nSubject: Hello\r\nMessage-ID: <1@demo.test>\r\n\r\nHi\r\n"


class World:
    """An account with a script, and a delivery."""

    def __init__(self, script: str = "", name: str = "alice") -> None:
        self.door = SmtpDoor()
        self.config = self.door.config()
        self.delivery = LocalDelivery(self.door.directory, self.door.mail, self.config)
        if script:
            self.script(script, name)

    def account(self, name: str):
        return self.door.directory.accounts[f"{name}@demo.test"]

    def directory(self, name: str) -> Path:
        return account_directory(self.config.server.data, self.account(name).id)

    def script(self, script: str, name: str = "alice") -> None:
        files = ScriptFiles(self.directory(name), self.config.sieve)
        files.put("main", script.encode())
        files.activate("main")

    def of_domain(self, name: str, script: str) -> None:
        folder = self.config.server.data / "sieve" / "demo.test"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.sieve").write_text(script)

    async def arrives(self, mail: bytes = MAIL, *, sender: EmailAddress | None = SENDER, to: str = "alice"):
        recipient = EmailAddress.parse(f"{to}@demo.test")
        attempt = await self.delivery.deliver(SmtpEnvelope(sender, (recipient,)), RECEIVED, Spool.of(mail))
        return attempt.outcomes[recipient]

    async def read(self, mailbox: str = "INBOX", name: str = "alice") -> list[tuple[bytes, set[str]]]:
        async with await self.door.mail.open(self.account(name)) as mail:
            box = await mail.select(MailboxName(mailbox))
            everything = MessageSet(NumberSet(((1, 0),)), by_uid=True)
            found = []
            for _, uid, mask in list(await box.flags(everything)):
                file = await box.open_message(uid)
                found.append((bytes(file.view()), set(map(str, mail.keywords.names(mask)))))
                file.close()
            await box.close()
        return found


@in_loop
async def test_fileinto_with_flags() -> None:
    world = World('require ["fileinto", "imap4flags"]; fileinto :flags ["\\\\Seen", "work"] "Archive";')
    assert await world.arrives() == Delivered()
    ((stored, flags),) = await world.read("Archive")
    assert stored == b"Return-Path: <bob@demo.test>\r\nDelivered-To: alice@demo.test\r\n" + RECEIVED + MAIL
    assert flags == {"\\Seen", "work"}
    assert await world.read() == []
    await world.door.close()


@in_loop
async def test_missing_mailboxes_are_made_where_the_script_says_so_and_else_it_is_the_inbox() -> None:
    world = World('require ["fileinto", "mailbox"]; fileinto :create "New/Sub"; fileinto "Missing";')
    assert await world.arrives() == Delivered()
    assert len(await world.read("New/Sub")) == 1
    assert len(await world.read()) == 1
    await world.door.close()


@in_loop
async def test_by_special_use_and_by_identity() -> None:
    world = World(r'require ["fileinto", "special-use"]; fileinto :specialuse "\\Junk" "Missing";')
    assert await world.arrives() == Delivered()
    assert len(await world.read("Junk")) == 1
    async with await world.door.mail.open(world.account("alice")) as mail:
        identity = (await mail.status(MailboxName("Archive"))).object_id
    world.script(f'require ["fileinto", "mailboxid"]; fileinto :mailboxid "{identity}" "Missing";')
    assert await world.arrives() == Delivered()
    assert len(await world.read("Archive")) == 1
    await world.door.close()


@in_loop
async def test_discard_and_reject() -> None:
    world = World("discard;")
    assert await world.arrives() == Delivered()
    assert await world.read() == []
    world.script('require "reject"; reject "Not\r\nwanted é";')
    assert await world.arrives() == Failed(permanent=True, status="5.7.1", text="Not wanted ?")
    await world.door.close()


@in_loop
async def test_a_script_that_fails_keeps_the_mail() -> None:
    world = World('require ["fileinto", "variables"]; fileinto "Archive"; redirect "${none}";')
    assert await world.arrives() == Delivered()
    assert len(await world.read()) == 1
    assert await world.read("Archive") == []
    (world.directory("alice") / "sieve" / "main.sieve").write_text("not a script")
    assert await world.arrives() == Delivered()
    assert len(await world.read()) == 2
    await world.door.close()


@in_loop
async def test_redirect_to_somebody_here() -> None:
    world = World('redirect "carol@demo.test";')
    assert await world.arrives() == Delivered()
    assert await world.read() == []
    ((stored, _),) = await world.read(name="carol")
    assert stored.startswith(
        b"Return-Path: <bob@demo.test>\r\nDelivered-To: carol@demo.test\r\n"
        b"X-Sieve-Redirected-From: alice@demo.test\r\n" + RECEIVED
    )
    assert stored.endswith(MAIL)
    await world.door.close()


@in_loop
async def test_redirects_in_a_circle_end_in_a_mailbox() -> None:
    world = World('redirect "carol@demo.test";')
    world.script('redirect "alice@demo.test";', "carol")
    assert await world.arrives() == Delivered()
    assert len(await world.read()) + len(await world.read(name="carol")) == 1
    await world.door.close()


@in_loop
async def test_what_cannot_be_sent_on_is_kept() -> None:
    world = World('redirect "nobody@demo.test"; redirect "x@elsewhere.example";')
    assert await world.arrives() == Delivered()
    assert len(await world.read()) == 1
    await world.door.close()


@in_loop
async def test_an_edited_header_is_stored_and_sent_on() -> None:
    world = World(
        'require ["editheader", "copy"]; deleteheader "Subject"; addheader "X-Mark" "yes";'
        'redirect :copy "carol@demo.test";'
    )
    assert await world.arrives() == Delivered()
    ((stored, _),), ((sent, _),) = await world.read(), await world.read(name="carol")
    for message in (stored, sent):
        head, _, body = message.partition(b"\r\n\r\n")
        assert b"X-Mark: yes" in head
        assert b"Subject" not in head
        assert body == b"Hi\r\n"
        assert head.count(b"Delivered-To") == 1
    await world.door.close()


@in_loop
async def test_a_large_message_is_edited_too() -> None:
    world = World('require "editheader"; addheader "X-Mark" "yes";')
    spool = Spool(memory=4_096)
    spool.write(MAIL + b"x" * 70 * 1000)
    recipient = EmailAddress.parse("alice@demo.test")
    attempt = await world.delivery.deliver(SmtpEnvelope(SENDER, (recipient,)), RECEIVED, spool)
    assert attempt.outcomes[recipient] == Delivered()
    ((stored, _),) = await world.read()
    assert stored.startswith(b"X-Mark: yes\r\nReturn-Path:")
    assert stored.endswith(b"\r\n\r\nHi\r\n" + b"x" * 70_000)
    spool.close()
    await world.door.close()


@in_loop
async def test_scripts_of_the_domain_run_before_and_after() -> None:
    world = World('require ["fileinto", "editheader"]; if header "X-Before" "1" { keep; } else { discard; }')
    world.of_domain("before", 'require "editheader"; addheader "X-Before" "1";')
    world.of_domain("after", 'require ["fileinto"]; fileinto "Archive";')
    assert await world.arrives() == Delivered()
    assert len(await world.read("Archive")) == 1
    assert await world.read() == []
    world.of_domain("before", "discard;")
    assert await world.arrives() == Delivered()
    assert len(await world.read("Archive")) == 1
    await world.door.close()


@in_loop
async def test_included_scripts() -> None:
    world = World('require "include"; include "other"; include :global "all";')
    ScriptFiles(world.directory("alice"), world.config.sieve).put("other", b"keep;")
    world.of_domain("all", 'require "fileinto"; fileinto "Archive";')
    assert await world.arrives() == Delivered()
    assert (len(await world.read()), len(await world.read("Archive"))) == (1, 1)
    await world.door.close()


@in_loop
async def test_duplicates_are_dropped() -> None:
    world = World('require "duplicate"; if duplicate { discard; }')
    assert [await world.arrives(), await world.arrives()] == [Delivered()] * 2
    assert len(await world.read()) == 1
    await world.door.close()


@in_loop
async def test_a_full_account_is_a_matter_of_the_sender_and_remembers_nothing() -> None:
    world = World('require ["duplicate", "fileinto"]; if duplicate { discard; stop; } fileinto "Archive";')
    world.door.directory.change("alice", limits=Limits(50, None, 7))
    assert (await world.arrives()).status == "4.2.2"
    world.door.directory.change("alice", limits=Limits(None, None, 7))
    assert await world.arrives() == Delivered()
    assert len(await world.read("Archive")) == 1
    await world.door.close()


VACATION = 'require "vacation"; vacation :addresses "a.lice@demo.test" "Je suis à la plage.";'


@in_loop
async def test_vacation_answers_once() -> None:
    world = World(VACATION)
    assert [await world.arrives(), await world.arrives()] == [Delivered()] * 2
    assert len(await world.read()) == 2
    ((stored, _),) = await world.read(name="bob")
    answer = email.message_from_bytes(stored, policy=default)
    assert answer["Return-Path"] == "<>"
    assert answer["From"].addresses[0].addr_spec == "alice@demo.test"
    assert answer["To"].addresses[0].addr_spec == "bob@demo.test"
    assert answer["Subject"] == "Auto: Hello"
    assert answer["In-Reply-To"] == "<1@demo.test>"
    assert answer["Auto-Submitted"] == "auto-replied (vacation)"
    assert answer.get_content().splitlines() == ["Je suis à la plage."]
    await world.door.close()


@pytest.mark.parametrize(
    ("mail", "sender"),
    [
        (MAIL, None),
        (MAIL, "mailer-daemon@demo.test"),
        (MAIL, "alice+tag@demo.test"),
        (MAIL, "list-request@demo.test"),
        (MAIL, "owner-list@demo.test"),
        (b"Auto-Submitted: auto-generated\r\n" + MAIL, "bob@demo.test"),
        (b"List-Id: <l.demo.test>\r\n" + MAIL, "bob@demo.test"),
        (b"Precedence: bulk\r\n" + MAIL, "bob@demo.test"),
        (b"X-Auto-Response-Suppress: DR, OOF\r\n" + MAIL, "bob@demo.test"),
        (MAIL.replace(b"To: alice@", b"To: others@"), "bob@demo.test"),
    ],
    ids=["null", "daemon", "own", "request", "owner", "automatic", "list", "bulk", "suppressed", "not to us"],
)
def test_vacation_keeps_silent(mail: bytes, sender: str | None) -> None:
    @in_loop
    async def run() -> None:
        world = World(VACATION)
        sent = []

        class Spy:
            async def submit(self, *arguments: object):
                sent.append(arguments)
                return {}

        world.delivery.filters.outgoing = Spy()
        address = EmailAddress.parse(sender) if sender else None
        assert await world.arrives(mail, sender=address) == Delivered()
        assert sent == []
        assert len(await world.read()) == 1
        answered = MAIL.replace(b"To: alice@", b"Cc: a.lice@")
        assert await world.arrives(answered) == Delivered()
        assert len(sent) == 1
        await world.door.close()

    run()


@in_loop
async def test_scripts_ask_who_handed_the_mail_over() -> None:
    world = World(
        'require ["environment", "imap4flags"]; if environment "remote-ip" "192.0.2.7" { addflag "ip"; }'
        'if environment :matches "remote-host" "*.example" { addflag "host"; }'
    )
    alice = EmailAddress.parse("alice@demo.test")
    for client in (("192.0.2.7", "mx.example"), ("192.0.2.7", ""), ("", "")):
        envelope = SmtpEnvelope(SENDER, (alice,), client=client[0], client_name=client[1])
        assert (await world.delivery.deliver(envelope, RECEIVED, Spool.of(MAIL))).outcomes == {alice: Delivered()}
    assert [flags for _, flags in await world.read()] == [{"ip", "host"}, {"ip"}, set()]
    await world.door.close()


@in_loop
async def test_notifications() -> None:
    world = World(
        'require ["enotify", "fcc", "mailbox"]; notify :importance "1" :fcc "Told" :create "mailto:carol@demo.test";'
    )
    assert await world.arrives() == Delivered()
    ((stored, _),) = await world.read(name="carol")
    note = email.message_from_bytes(stored, policy=default)
    assert note["Subject"] == "New mail from Bob <bob@demo.test>"
    assert note["Importance"] == "high"
    assert note["Auto-Submitted"].startswith("auto-notified")
    assert len(await world.read("Told")) == 1
    assert await world.arrives(b"Auto-Submitted: auto-notified\r\n" + MAIL) == Delivered()
    assert len(await world.read(name="carol")) == 1
    await world.door.close()


def test_script_files(tmp_path: Path) -> None:
    files = ScriptFiles(tmp_path / "account", SieveSettings(max_scripts=2, max_script_size=1_024))
    assert files.list() == []
    files.put("one", b"keep;")
    files.put("zwei é", b"discard;")
    files.put("one", b"stop;")
    files.activate("one")
    assert [(script.name, script.size, script.active) for script in files.list()] == [
        ("one", 5, True),
        ("zwei é", 8, False),
    ]
    assert files.get("one") == b"stop;"
    for reason, call in (
        (Reason.OVER_QUOTA, lambda: files.put("three", b"keep;")),
        (Reason.TOO_BIG, lambda: files.put("one", b"#" * 2_000)),
        (Reason.CANNOT, lambda: files.put("../x", b"keep;")),
        (Reason.NON_EXISTENT, lambda: files.get("three")),
        (Reason.NON_EXISTENT, lambda: files.activate("three")),
        (Reason.NON_EXISTENT, lambda: files.delete("three")),
        (Reason.NON_EXISTENT, lambda: files.rename("three", "four")),
        (Reason.ALREADY_EXISTS, lambda: files.rename("one", "zwei é")),
        (Reason.IN_USE, lambda: files.delete("one")),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.reason is reason
    with pytest.raises(SieveError):
        files.put("one", b"keep")
    files.rename("one", "uno")
    assert files.active() == "uno"
    files.activate(None)
    files.delete("uno")
    assert [script.name for script in files.list()] == ["zwei é"]
    assert sorted(path.name for path in files.folder.iterdir()) == ["zwei é.sieve"]


class Queue:
    """Takes everything."""

    def __init__(self) -> None:
        self.taken = []

    async def accept(self, message, pieces) -> str:
        self.taken.append((str(message.sender or ""), str(message.recipients[0].address), b"".join(pieces)))
        return "x"


@in_loop
async def test_what_leaves_goes_through_the_queue() -> None:
    world = World('require "vacation"; redirect "x@elsewhere.example"; vacation "Away";')
    queue = Queue()
    world.delivery = LocalDelivery(world.door.directory, world.door.mail, world.config, queue)
    assert await world.arrives(sender=EmailAddress.parse("far@away.example")) == Delivered()
    (redirected, answer) = queue.taken
    assert redirected[0].startswith("SRS0=")
    assert redirected[0].endswith("=away.example=far@demo.test"), "SPF of the next server holds for our domain"
    assert redirected[1] == "x@elsewhere.example"
    assert redirected[2] == b"X-Sieve-Redirected-From: alice@demo.test\r\n" + RECEIVED + MAIL
    assert answer[:2] == ("", "far@away.example")
    assert b"Auto-Submitted: auto-replied (vacation)\r\n" in answer[2]
    assert await world.read() == []
    await world.door.close()
