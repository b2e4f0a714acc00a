"""What the session does with a message: trace headers, smuggling, loops, limits, and that replies leave together."""

import base64
import re

import pytest

from optimails.config import Protocol
from optimails.delivery.api import Delivered, Failed, Outcome
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from smtp.session.answers import verdict
from tests.support.in_loop import in_loop
from tests.support.smtp_door import MemoryEnd, SmtpDoor
from tests.support.world import scram_final, scram_first

MESSAGE = (
    b"From: a@b.test\r\nSubject: hello\r\n"
    b"Date: Mon, 1 Jun 2026 10:00:00 +0200\r\nMessage-ID: <1@b.test>\r\n\r\nHello\r\n"
)
LOGIN = b"EHLO laptop\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"


async def started(
    protocol: Protocol = Protocol.SMTP, *, far: bool = False, **settings: object
) -> tuple[SmtpDoor, MemoryEnd]:
    door = SmtpDoor(protocol, settings=settings, far=far)
    end = await door.connect()
    hello = {Protocol.SMTP: b"EHLO client.test\r\n", Protocol.LMTP: b"LHLO client.test\r\n"}.get(protocol, LOGIN)
    await end.talk(hello)
    return door, end


async def send(end: MemoryEnd, content: bytes, *recipients: str, sender: str = "a@b.test", more: str = "") -> bytes:
    """The answer to a message sent by DATA."""
    lines = [f"MAIL FROM:<{sender}>{more}", *(f"RCPT TO:<{one}>" for one in recipients or ["alice@demo.test"]), "DATA"]
    out = await end.talk("".join(f"{line}\r\n" for line in lines).encode())
    assert out.endswith(b"<CR><LF>.<CR><LF>\r\n"), out
    stuffed = re.sub(rb"(?:\A|(?<=\r\n))\.", b"..", content)
    return await end.talk(stuffed + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))


@in_loop
async def test_trace_headers_stand_on_top_and_the_content_is_as_received() -> None:
    door, end = await started()
    assert (await send(end, MESSAGE)).startswith(b"250 2.0.0 Accepted as ")
    (stored,) = await door.inbox("alice")
    top, rest = stored[: -len(MESSAGE)], stored[-len(MESSAGE) :]
    assert rest == MESSAGE
    assert re.fullmatch(
        rb"Return-Path: <a@b\.test>\r\nDelivered-To: alice@demo\.test\r\n"
        rb"Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n\tby mx\.demo\.test with ESMTP id [0-9a-f]{16}\r\n"
        rb"\tfor <alice@demo\.test>;\r\n\t\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n",
        top,
    ), top
    await door.close()


@in_loop
async def test_recipients_do_not_learn_of_each_other() -> None:
    door, end = await started()
    await send(end, MESSAGE, "alice@demo.test", "bob@demo.test", sender="")
    for name in ("alice", "bob"):
        (stored,) = await door.inbox(name)
        assert stored.startswith(b"Return-Path: <>\r\nDelivered-To: %b@demo.test\r\n" % name.encode())
        assert b"\tfor <" not in stored
        assert stored.count(b"@demo.test") == 1
    await door.close()


@in_loop
async def test_dots_are_unstuffed() -> None:
    door, end = await started()
    content = b".first\r\n..\r\n.\r\nx.\r\n...y\r\n"
    await send(end, content)
    assert (await door.inbox("alice"))[0].endswith(b"\r\n" + content)
    await door.close()


LONE = [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\r", b"\n\n.\r\n", b"\r\r\n.\n", b"\n.\r\r\n"]
ENVELOPE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n"


@in_loop
@pytest.mark.parametrize("protocol", [Protocol.SMTP, Protocol.LMTP])
@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("lone", LONE)
async def test_nothing_can_be_smuggled_in_or_on(lone: bytes, step: int, protocol: Protocol) -> None:
    door, end = await started(protocol)
    await end.talk(ENVELOPE)
    evil = b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nevil"
    sent = b"x: y\r\n\r\nx" + lone + evil + b"\r\n.\r\n"
    out = b"".join([await end.talk(sent[at : at + step]) for at in range(0, len(sent), step)])
    assert out.count(b"\r\n") == 1  # one message, and no command
    assert out.startswith(b"250 ")
    (stored,) = await door.inbox("alice")
    assert stored.endswith(evil + b"\r\n")
    assert stored.replace(b"\r\n", b"").count(b"\r") == stored.replace(b"\r\n", b"").count(b"\n") == 0
    assert await door.inbox("bob") == []
    assert await end.talk(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    await door.close()


@in_loop
@pytest.mark.parametrize("lone", LONE)
async def test_bare_line_ends_are_refused_where_that_is_wanted(lone: bytes) -> None:
    door, end = await started(refuse_bare_line_ends=["smtp"])
    await end.talk(ENVELOPE)
    inner = b"x: y\r\n\r\nx" + lone + b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nevil\r\n.\r\n"
    assert await end.talk(inner) == b"550 5.6.0 A line of the message ends with CR or LF alone\r\n"
    assert await door.inbox("alice") == await door.inbox("bob") == []
    assert await end.talk(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    await door.close()


@in_loop
async def test_line_ends_are_repaired_and_what_that_adds_counts() -> None:
    door, end = await started(Protocol.SUBMISSION, refuse_bare_line_ends=["smtp"], max_message_size=65_536)
    await end.talk(b"MAIL FROM:<alice@demo.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\n")
    assert (await end.talk(b"Subject: x\n\nline\n.\nline\rline\r\n.\r\n")).startswith(b"250 ")
    assert (await door.inbox("bob"))[0].endswith(b"Subject: x\r\n\r\nline\r\n.\r\nline\r\nline\r\n")
    out = await send(end, b"\n" * 40_000, "bob@demo.test", sender="alice@demo.test")
    assert out.startswith(b"552 5.3.4 ")
    await door.close()


@in_loop
async def test_chunks_may_part_a_line_end_but_not_break_it() -> None:
    door, end = await started()
    envelope = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\n"
    out = await end.talk(envelope + b"BDAT 5\r\nx: y\rBDAT 2 LAST\r\n\nz")
    assert out.count(b"250 ") == 4
    out = await end.talk(envelope + b"BDAT 5\r\nx: y\rBDAT 1 LAST\r\nz")
    assert out.count(b"250 ") == 4
    assert [message[-7:] for message in await door.inbox("alice")] == [b"x: y\r\nz"] * 2
    await door.close()
    door, end = await started(refuse_bare_line_ends=["smtp", "lmtp"])
    out = await end.talk(envelope + b"BDAT 5\r\nx: y\rBDAT 1 LAST\r\nz")
    assert out.endswith(b"550 5.6.0 A line of the message ends with CR or LF alone\r\n")
    assert await door.inbox("alice") == []
    await door.close()


@in_loop
async def test_a_loop_is_broken() -> None:
    door, end = await started(max_hops=10)
    assert (await send(end, b"Received: by x\r\n" * 10 + MESSAGE + b"Received: in the body\r\n")).startswith(b"250 ")
    assert (await send(end, b"rEceived: by x\r\n" * 11 + MESSAGE)).startswith(b"554 5.4.6 ")
    await door.close()


@in_loop
async def test_submission_adds_what_is_missing_and_hides_where_the_sender_sits() -> None:
    door, end = await started(Protocol.SUBMISSION)
    await send(end, b"Subject: x\r\n\r\nDate: in the body\r\n", "bob@demo.test", sender="alice@demo.test")
    await send(end, MESSAGE, "bob@demo.test", sender="alice@demo.test")
    first, second = await door.inbox("bob")
    assert re.search(rb"\r\nMessage-ID: <[0-9a-f]{24}@mx\.demo\.test>\r\nDate: \w{3}, [^\r]+\r\nSubject: x\r\n", first)
    assert b"Received: from localhost (authenticated user)\r\n\tby mx.demo.test with ESMTPA id " in first
    assert b"laptop" not in first
    assert b"127.0.0.1" not in first
    assert second.endswith(b"\r\n" + MESSAGE)
    assert second.lower().count(b"message-id:") == 1
    await door.close()
    door, end = await started(Protocol.SUBMISSION, show_client_address=True)
    await send(end, MESSAGE, "bob@demo.test", sender="alice@demo.test")
    assert b"Received: from laptop ([127.0.0.1])\r\n" in (await door.inbox("bob"))[0]
    await door.close()


@in_loop
async def test_the_protocol_is_named_in_the_trace() -> None:
    door = SmtpDoor()
    for tls, hello, more, name in (
        (False, b"HELO c\r\n", "", b"SMTP"),
        (True, b"EHLO c\r\n", "", b"ESMTPS"),
        (True, b"EHLO c\r\n", " SMTPUTF8", b"UTF8SMTPS"),
    ):
        end = MemoryEnd(door.session(tls=tls))
        await end.talk(hello)
        await send(end, MESSAGE, more=more)
        assert b" with " + name + b" id " in (await door.inbox("alice"))[-1]
    await door.close()
    door, end = await started(Protocol.LMTP)
    await send(end, MESSAGE, more=" SMTPUTF8")
    assert b" with UTF8LMTP id " in (await door.inbox("alice"))[-1]
    await door.close()


@in_loop
async def test_scram() -> None:
    door = SmtpDoor(Protocol.SUBMISSION)
    end = await door.connect()
    await end.talk(b"EHLO laptop\r\n")
    out = await end.talk(b"AUTH SCRAM-SHA-256 " + base64.b64encode(scram_first("bob")) + b"\r\n")
    challenge = base64.b64decode(out.removeprefix(b"334 "))
    out = await end.talk(base64.b64encode(scram_final(challenge, "bob", "büro 1")) + b"\r\n")
    assert out.startswith(b"334 ")
    assert await end.talk(b"\r\n") == b"235 2.7.0 Authentication successful\r\n"
    await door.close()


@in_loop
async def test_an_authentication_line_that_is_too_long_ends_the_exchange() -> None:
    door = SmtpDoor(Protocol.SUBMISSION)
    end = await door.connect()
    await end.talk(b"EHLO laptop\r\nAUTH PLAIN\r\n")
    assert await end.talk(b"A" * 20_000 + b"\r\n") == b"500 5.5.6 Line too long\r\n"
    assert await end.talk(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    await door.close()


@in_loop
async def test_a_large_message_goes_to_disk_as_it_comes() -> None:
    door, end = await started(Protocol.LMTP)
    await end.talk(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\nSubject: large\r\n\r\n")
    line = b"x" * 998 + b"\r\n"
    for _ in range(20):
        await end.send(line * 100)
    transaction = end.session.transaction
    assert transaction is not None
    assert transaction.spool is not None
    assert transaction.spool.whole() is None
    assert (await end.talk(b".\r\n")).startswith(b"250 ")
    (stored,) = await door.inbox("alice")
    assert stored.endswith(b"Subject: large\r\n\r\n" + line * 2000)
    assert list((door.data / "run" / "spool").iterdir()) == []
    await door.close()


@in_loop
async def test_who_ignores_the_size_limit_altogether_is_cut_off() -> None:
    door, end = await started(max_message_size=65_536)
    await end.talk(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n")
    assert await end.talk(b"x" * 70_000) == b""
    assert (await end.talk(b"x" * 70_000)).startswith(b"552 5.3.4 ")
    assert end.session.closing
    await door.close()


@in_loop
async def test_limits_of_recipients_and_messages() -> None:
    door, end = await started(max_recipients=100, max_messages_per_connection=3)
    out = await end.talk(b"MAIL FROM:<>\r\n" + b"".join(b"RCPT TO:<alice+%d@demo.test>\r\n" % n for n in range(101)))
    assert out.count(b"250 2.1.5 ") == 100
    assert out.endswith(b"452 4.5.3 Too many recipients, send the message again to the others\r\n")
    await end.talk(b"RSET\r\n")
    await send(end, MESSAGE)
    await send(end, MESSAGE)
    assert (await end.talk(b"MAIL FROM:<>\r\n")).startswith(b"421 4.7.0 ")
    assert end.session.closing
    assert len(await door.inbox("alice")) == 2
    await door.close()


@in_loop
async def test_one_question_to_the_directory_for_each_recipient() -> None:
    door, end = await started()
    await send(end, MESSAGE, "alice@demo.test", "alice@demo.test", "bob@demo.test")
    assert door.directory.questions == 2
    await door.close()


@in_loop
async def test_a_full_disk_is_a_temporary_answer() -> None:
    door, end = await started(Protocol.LMTP)
    await end.talk(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n")
    (door.data / "run").mkdir(exist_ok=True)
    (door.data / "run" / "spool").write_text("in the way")  # no folder can be made there
    out = await end.talk((b"x" * 998 + b"\r\n") * 400 + b".\r\n")
    assert out == b"452 4.3.1 No room for the message now, try again later\r\n"
    assert await end.talk(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    await door.close()


@in_loop
async def test_the_hello_can_be_optional_and_postmaster_always_exists() -> None:
    door = SmtpDoor(settings={"helo_required": False, "postmaster": "postmaster@demo.test"})
    end = await door.connect()
    out = await end.talk(b"MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 4 LAST\r\nx: y")
    assert out.count(b"250 ") == 3
    assert (await door.inbox("bob"))[0].startswith(b"Return-Path: <>\r\nDelivered-To: postmaster@demo.test\r\n")
    await door.close()


@in_loop
async def test_while_the_directory_is_away_nothing_is_refused_for_good() -> None:
    door, end = await started(Protocol.SUBMISSION)
    door.directory.away = True
    assert await end.talk(b"MAIL FROM:<alice@demo.test>\r\n") == b"451 4.3.0 The directory is away\r\n"
    other = MemoryEnd(door.session())
    out = await other.talk(LOGIN)
    assert out.endswith(b"\r\n454 4.7.0 Temporary authentication failure\r\n")
    await door.close()


@in_loop
async def test_a_locked_account_is_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    door = SmtpDoor(Protocol.SUBMISSION)
    end = await door.connect()
    monkeypatch.setattr(door.world.login._guard, "locked", lambda *_: 0.0)
    assert (await end.talk(LOGIN)).endswith(b"\r\n454 4.7.0 Too many failed logins, try again later\r\n")
    await door.close()


@in_loop
async def test_an_error_of_ours_shows_an_id_and_the_session_goes_on() -> None:
    door, end = await started()
    door.mail.strange.add(door.account("alice").id)
    out = await end.talk(b"MAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nRCPT TO:<bob@demo.test>\r\n")
    assert re.search(rb"\r\n451 4\.3\.0 Internal error [0-9a-f]{8}, try again later\r\n250 ", out)
    await door.close()


@in_loop
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError(), rb"451 4\.3\.0 Internal error [0-9a-f]{8}, try again later"),
        (Unavailable("Cannot read"), b"451 4.3.0 Cannot read"),
    ],
)
async def test_lmtp_counts_its_answers_whatever_happens(error: Exception, said: bytes) -> None:
    door, end = await started(Protocol.LMTP)

    async def fail(*_: object) -> None:
        raise error

    end.session.door.delivery.deliver = fail
    out = await send(end, MESSAGE, "alice@demo.test", "bob@demo.test")
    assert re.fullmatch(b"(?:%b\r\n){2}" % said, out)
    assert await end.talk(b"NOOP\r\n") == b"250 2.0.0 Ok\r\n"
    await door.close()


@in_loop
async def test_the_log_tells_what_became_of_a_message_and_not_what_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    door, end = await started(Protocol.LMTP)
    await send(end, MESSAGE, "alice@demo.test", "bob@demo.test")
    (fields,) = [record.fields for record in caplog.records if record.message == "message"]
    assert (fields["recipients"], fields["delivered"], fields["sender"]) == (2, 2, "a@b.test")
    assert "Hello" not in str(fields)
    await door.close()


def test_the_verdict_on_several_recipients() -> None:
    gone, later = Failed(permanent=True, status="5.2.2", text="x"), Failed(permanent=False, status="4.2.2", text="y")
    one, two = EmailAddress("a", "b.test"), EmailAddress("c", "b.test")

    def judged(first: Outcome, second: Outcome, *, can_bounce: bool) -> tuple[str, int]:
        got = verdict([one, two], {one: first, two: second}, can_bounce=can_bounce)
        return got.failed.status if got.failed else "2.0.0", len(got.bounce)

    stored = Delivered()
    for can_bounce in (True, False):
        assert judged(stored, stored, can_bounce=can_bounce) == ("2.0.0", 0)
        assert judged(stored, later, can_bounce=can_bounce) == ("4.3.0", 0)
        assert judged(gone, later, can_bounce=can_bounce) == ("4.3.0", 0)
        assert judged(gone, gone, can_bounce=can_bounce) == ("5.2.2", 0)
    assert judged(stored, gone, can_bounce=True) == ("2.0.0", 1)
    assert judged(stored, gone, can_bounce=False) == ("4.3.0", 0)


@in_loop
async def test_guessing_addresses_becomes_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    door = SmtpDoor(far=True, traffic={"tarpit_after": 2, "tarpit_seconds": 3})
    end = await door.connect()
    monkeypatch.setattr("smtp.session.policy.asyncio.sleep", sleep)
    guesses = b"".join(b"RCPT TO:<guess%d@demo.test>\r\n" % number for number in range(5))
    out = await end.talk(b"EHLO x\r\nMAIL FROM:<>\r\n" + guesses + b"RCPT TO:<alice@demo.test>\r\n")
    assert waits == [3, 3, 3]
    assert out.count(b"550 5.1.1 ") == 5
    assert out.endswith(b"250 2.1.5 Recipient ok\r\n")
    await door.close()
