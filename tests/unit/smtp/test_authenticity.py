"""What becomes of mail that its author's domain disowns, when its recipients' domains think differently of it."""

import pytest

from optimails.authentication import Policy
from optimails.config import Protocol
from optimails.config.authentication import AuthenticationSettings
from optimails.model.address import EmailAddress
from smtp.session.authenticity import _disowned
from smtp.session.transaction import Transaction
from smtp.wire.commands import Mail
from tests.support.in_loop import in_loop
from tests.support.smtp_door import SmtpDoor

STRICT, LAX, CAREFUL = (EmailAddress("ann", domain) for domain in ("strict.test", "lax.test", "careful.test"))
SETTINGS = AuthenticationSettings(dmarc_domains={"Strict.test": "reject", "careful.test": "quarantine"})


@pytest.mark.parametrize(
    ("wish", "recipients", "refused", "junk"),
    [
        (Policy.NONE, [STRICT], False, set()),
        (Policy.REJECT, [STRICT], True, set()),
        (Policy.REJECT, [LAX], False, set()),
        (Policy.REJECT, [CAREFUL], False, {CAREFUL}),
        (Policy.REJECT, [STRICT, LAX, CAREFUL], False, {STRICT, CAREFUL}),
        (Policy.QUARANTINE, [STRICT], False, {STRICT}),
        (Policy.QUARANTINE, [LAX], False, set()),
    ],
)
def test_each_domain_has_its_way(
    wish: Policy, recipients: list[EmailAddress], refused: object, junk: set[EmailAddress]
) -> None:
    transaction = Transaction(Mail(None), 1_000, repair=True)
    transaction.recipients = recipients
    assert _disowned(transaction, SETTINGS, wish) == refused
    assert transaction.disowned == junk


@in_loop
async def test_a_header_without_end_is_refused_from_strangers_alone() -> None:
    for far in (True, False):
        door = SmtpDoor(Protocol.SMTP, far=far)
        end = await door.connect()
        said = await end.talk(
            b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n"
             b"X-Filler: " + b"y" * 70 + b"\r\n" + b" more\r\n" * 200_000 + b".\r\n"
        )  # fmt: skip
        assert (b"552 5.3.4" in said) is far, said
        assert len(await door.inbox("alice")) == (0 if far else 1)
        await door.close()
