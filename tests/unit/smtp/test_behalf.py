"""Writing on behalf of somebody else, where a dialogue would be too long."""

from optimails.config import Protocol
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor
from tests.support.world import PLANS

PADDING = b"X-Padding: " + b"x" * 900 + b"\r\n"


@in_loop
async def test_from_far_down_in_the_header_counts_as_well() -> None:
    made = SmtpDoor(Protocol.SUBMISSION, {"submission_from": "refuse"}, {"memory": 4096})
    try:
        for who in ("alice", "bob"):
            made.world.change(who, entitlements=PLANS["basic"])
        made.world.delegate("bob", "alice", "assistant")
        end = await made.connect()
        for line in (b"EHLO x", b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"MAIL FROM:<alice@demo.test>"):
            assert (await end.talk(line + b"\r\n"))[:1] == b"2"
        assert (await end.talk(b"RCPT TO:<carol@demo.test>\r\n"))[:3] == b"250"
        assert (await end.talk(b"DATA\r\n"))[:3] == b"354"
        assert (await end.talk(PADDING * 9 + b"From: bob@demo.test\r\nDate: x\r\n\r\n.\r\n"))[:3] == b"250"
        (message,) = await made.inbox("carol")
        assert b"\r\nSender: alice@demo.test\r\n" in message
        assert message.count(b"\r\nDate:") == 1
        assert [line[:3] for line in made.world.audit.lines] == [("alice@demo.test", "mail send", "bob@demo.test")]
    finally:
        await made.close()
