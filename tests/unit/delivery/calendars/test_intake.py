"""Scheduling messages in delivered mail: who may send them, where they must lie, and that nothing disturbs delivery."""

import base64
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.audit import AuditLog
from optimails.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf
from optimails.delivery.api import Delivered, SmtpEnvelope
from optimails.delivery.calendars import carried
from optimails.delivery.calendars.proof import proves
from optimails.delivery.local import LocalDelivery
from optimails.delivery.scripts import ScriptFiles
from optimails.delivery.spool import Spool
from optimails.groupware.work import Arrival, Work
from optimails.mailbox.service import account_directory
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from optimails.model.rights import Bundle, Delegation, SendRight
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

BOB = EmailAddress.parse("bob@b.test")
ITIP = """\
BEGIN:VCALENDAR
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
UID:1
DTSTART:20261130T140000Z
SUMMARY:Réunion
ORGANIZER:MAILTO:Bob@b.test
ATTENDEE:mailto:alice@demo.test
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
REPLY = ITIP.replace("REQUEST", "REPLY").replace("MAILTO:Bob@b.test", "mailto:alice@demo.test").replace(
    "ATTENDEE:mailto:alice@demo.test", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@b.test"
)  # fmt: skip


def mail(itip: str = ITIP, *, sender: str = "Bob <bob@b.test>", kind: str = "text/calendar; charset=utf-8") -> bytes:
    encoded = base64.encodebytes(itip.encode()).decode().replace("\n", "\r\n")
    return "\r\n".join([
        f"From: {sender}", "Subject: Invitation", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "",
        "--b", "Content-Type: multipart/alternative; boundary=c", "", "--c", "Content-Type: text/plain", "", "Hello",
        "--c", f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", "", encoded, "--c--", "--b--", "",
    ]).encode()  # fmt: skip


def found(
    dmarc: Result = Result.PASS, *, of: str = "b.test", dkim: str = "", spf: str = "", spf_result: Result = Result.PASS
) -> Authentication:
    signatures = (Dkim(Result.PASS, dkim),) if dkim else ()
    senders = (Spf(spf_result if spf else Result.NONE, "mailfrom", spf, spf),)
    return Authentication("192.0.2.1", senders, signatures, Dmarc(dmarc, of), Arc(Result.NONE))


@pytest.mark.parametrize(
    ("authentication", "proven"),
    [
        (found(), True),
        (found(of="c.test"), False),
        (found(Result.FAIL, dkim="b.test", spf="b.test"), False),
        (found(Result.PERMERROR, dkim="b.test"), False),
        (found(Result.NONE), False),
        (found(Result.NONE, dkim="mail.b.test"), True),
        (found(Result.NONE, dkim="c.test"), False),
        (found(Result.NONE, spf="bounces.b.test"), True),
        (found(Result.NONE, spf="b.test", spf_result=Result.SOFTFAIL), False),
        (found(Result.TEMPERROR, dkim="b.test"), True),
        (found(Result.TEMPERROR), False),
    ],
)
def test_who_proves_to_write_from_a_domain(authentication: Authentication, proven: bool) -> None:  # noqa: FBT001
    assert proves(authentication, BOB) is proven


def test_the_calendar_text_is_found_however_it_is_packed() -> None:
    assert carried.carried(mail()) == ITIP.encode()
    latin = mail().replace(base64.encodebytes(ITIP.encode()).replace(b"\n", b"\r\n"), b"").replace(b"utf-8", b"latin1")
    assert carried.carried(latin) == b""
    plain = b"Content-Type: Text/Calendar; charset=iso-8859-1; method=REQUEST\r\n\r\n" + ITIP.encode("latin-1")
    assert carried.carried(plain) == ITIP.encode()
    quoted = (
        b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSUMMARY:R=C3=A9u=\r\nnion"
    )
    assert carried.carried(quoted) == "SUMMARY:Réunion".encode()


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Type: message/rfc822\r\n\r\n" + mail(),
        mail(kind="application/ms-tnef"),
        mail(kind="application/ics; name=invite.ics"),
        b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nx",
        b"Subject: text/calendar\r\n\r\ntext/calendar",
    ],
)
def test_what_is_no_scheduling_message(message: bytes) -> None:
    assert carried.carried(message) is None


def test_in_whose_name_it_speaks() -> None:
    assert carried.speakers(ITIP.encode())[1] == {"bob@b.test"}
    assert carried.speakers(REPLY.encode())[1] == {"bob@b.test"}
    two = ITIP.replace("END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nORGANIZER:mailto:eve@b.test\r\nEND:VEVENT")
    assert carried.speakers(two.encode())[1] == frozenset()
    for wrong in (ITIP.replace("REQUEST", "PUBLISH"), ITIP.replace("METHOD:REQUEST\r\n", ""), "", "BEGIN:X\r\n"):
        with pytest.raises(BadSyntax):
            carried.speakers(wrong.encode())


@pytest.mark.parametrize(
    ("header", "author"),
    [
        (b"From: Bob <bob@b.test>\r\n", BOB),
        (b"From: bob@b.test, eve@b.test\r\n", None),
        (b"From: bob@b.test\r\nFrom: eve@b.test\r\n", None),
        (b"From: friends: bob@b.test;\r\n", None),
        (b"From: nonsense\r\n", None),
        (b"To: bob@b.test\r\n", None),
    ],
)
def test_the_author_is_one(header: bytes, author: EmailAddress | None) -> None:
    assert carried.author(header) == author


@given(st.binary(max_size=300), st.sampled_from([b"", b"Content-Type: text/calendar\r\n\r\n", ITIP.encode()[:60]]))
def test_any_bytes_are_a_message_or_none(data: bytes, before: bytes) -> None:
    itip = carried.carried(before + data)
    for text in (itip or b"", before + data):
        with contextlib.suppress(BadSyntax):
            carried.speakers(text)
    carried.author(before + data)


class Desk:
    """A delivery that notes invitations."""

    def __init__(self, **settings: object) -> None:
        self.door = SmtpDoor()
        config = self.door.config()
        config = config.model_copy(update={"calendar_mail": config.calendar_mail.model_copy(update=settings)})
        self.work = Work(config.server.data)
        self.config = config
        self.delivery = LocalDelivery(self.door.directory, self.door.mail, config, calendars=self.work)

    def script(self, script: str) -> None:
        files = ScriptFiles(
            account_directory(self.config.server.data, self.door.account("alice").id), self.config.sieve
        )
        files.put("main", script.encode())
        files.activate("main")

    async def taken(self, content: bytes | None = None, **more: object) -> list[Arrival]:
        """What is noted after that mail for Alice, which is always delivered."""
        alice = EmailAddress.parse("alice@demo.test")
        envelope = replace(SmtpEnvelope(BOB, (alice,), authentication=found()), **more)
        attempt = await self.delivery.deliver(
            envelope, b"Received: by mx\r\n", Spool.of(mail() if content is None else content)
        )
        assert attempt.outcomes == {alice: Delivered()}
        noted = self.work.arrivals()
        for one in noted:
            self.work.arrived(one)
        return noted

    async def close(self) -> None:
        self.work.close()
        await self.door.close()


@in_loop
async def test_an_invitation_is_noted_for_its_recipient() -> None:
    desk = Desk()
    (noted,) = await desk.taken()
    assert (noted.account, noted.sender, noted.text) == (desk.door.account("alice").id, "bob@b.test", ITIP.encode())
    (again,) = await desk.taken()
    assert again.identity == noted.identity
    (answer,) = await desk.taken(mail(REPLY))
    assert answer.identity != noted.identity
    await desk.close()


@in_loop
async def test_what_is_only_delivered() -> None:
    desk = Desk()
    assert await desk.taken(mail(sender="Eve <eve@b.test>")) == [], "somebody else in that domain"
    assert await desk.taken(authentication=found(Result.FAIL)) == [], "a forged sender"
    assert await desk.taken(authentication=None) == [], "nobody knows who brought it"
    assert await desk.taken(junk=True) == [], "a filter put it aside"
    assert await desk.taken(disowned=frozenset({EmailAddress.parse("alice@demo.test")})) == []
    assert await desk.taken(mail(ITIP.replace("REQUEST", "PUBLISH"))) == []
    assert await desk.taken(mail("BEGIN:VCALENDAR\r\n" * 5_000)) == []
    await desk.close()


@in_loop
async def test_who_logged_in_speaks_for_his_own_addresses() -> None:
    desk = Desk()
    bob = desk.door.account("bob")
    own = ITIP.replace("Bob@b.test", "bob@demo.test")
    inside = {"account": bob, "authentication": None, "sender": bob.address}
    assert len(await desk.taken(mail(own, sender="bob@demo.test"), **inside)) == 1
    assert await desk.taken(mail(), **inside) == [], "his address elsewhere proves nothing"
    carol = ITIP.replace("Bob@b.test", "carol@demo.test")
    assert await desk.taken(mail(carol, sender="carol@demo.test"), **inside) == []
    await desk.close()


@pytest.mark.parametrize(
    ("script", "taken"),
    [
        ("keep;", True),
        ("discard;", False),
        ('require "fileinto"; fileinto "Junk";', False),
        ('require "fileinto"; fileinto "Trash";', False),
        ('require "fileinto"; fileinto "Archive";', True),
        ('redirect "bob@demo.test";', False),
    ],
)
def test_scripts_have_their_say_first(script: str, taken: bool) -> None:  # noqa: FBT001
    @in_loop
    async def run() -> None:
        desk = Desk()
        desk.script(script)
        assert bool(await desk.taken()) is taken
        await desk.close()

    run()


@in_loop
async def test_it_can_be_switched_off() -> None:
    for settings in (
        {"incoming": False},
        {"incoming_except": ("alice@demo.test",)},
        {"incoming_except": ("@demo.test",)},
    ):
        desk = Desk(**settings)
        assert await desk.taken() == []
        await desk.close()
    desk = Desk(incoming_except=("@other.test",))
    assert len(await desk.taken()) == 1
    await desk.close()


@in_loop
async def test_delegates_get_copies_of_what_comes_for_the_calendar() -> None:
    desk = Desk()
    alice, bob, carol = (desk.door.account(name) for name in ("alice", "bob", "carol"))
    rights = desk.door.directory.rights
    await rights.delegate(Delegation(alice.id, bob.id, Bundle.ASSISTANT, SendRight.NO, invitations=True))
    await rights.delegate(Delegation(alice.id, carol.id, Bundle.ASSISTANT, SendRight.NO))
    await rights.delegate(Delegation(bob.id, carol.id, Bundle.ASSISTANT, SendRight.NO, invitations=True))
    (noted,) = await desk.taken()
    assert noted.account == alice.id, "a copy touches no calendar"
    (copy,) = await desk.door.inbox("bob")
    assert b"X-Optimails-Invitation-For: alice@demo.test\r\n" in copy
    assert copy.count(b"Delivered-To:") == 1
    assert copy.endswith(mail())
    assert await desk.door.inbox("carol") == [], "nobody's delegate gets a copy of a copy"
    await desk.taken(mail(ITIP.replace("UID:1", "UID:1\r\nCLASS:PRIVATE")))
    await desk.taken(b"From: bob@b.test\r\n\r\nNo invitation, though it says text/calendar.\r\n")
    assert len(await desk.door.inbox("bob")) == 1
    audit = AuditLog(desk.config.server.data)
    acts = [(one.actor, one.act, one.subject) for one in audit.entries()]
    assert acts == [("bob@demo.test", "invitation copy", "alice@demo.test")]
    await desk.close()
