import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from optimails.delivery.api import DELIVERED, Failed, Outcome
from optimails.delivery.spool import Spool
from optimails.model.address import EmailAddress
from securemail.case import Health
from securemail.digest.links import Links, Ticket
from securemail.digest.sender import DigestSender
from securemail.digest.times import last_due
from tests.support.kept_mail import READER, Quarantine

AWAY = Failed(permanent=False, status="4.2.1", text="later")


class Post:
    """Who sends digests: keeps them."""

    def __init__(self, language: str = "en") -> None:
        self.sent: list[tuple[str, Any]] = []
        self.away = False
        self._language = language

    async def language(self, reader: EmailAddress) -> str:
        del reader
        return self._language

    async def submit(
        self, sender: object, recipients: Sequence[EmailAddress], content: Spool, **more: object
    ) -> Mapping[EmailAddress, Outcome]:
        del sender, more
        if self.away:
            return dict.fromkeys(recipients, AWAY)
        self.sent.append((str(recipients[0]), message_from_bytes(content.whole() or b"", policy=policy.default)))
        return dict.fromkeys(recipients, DELIVERED)


def sender(kept: Quarantine, post: Post, *times: str) -> DigestSender:
    made: Any = post
    return DigestSender(kept.ledger, made, times, "https://mail.example.org", days=30)


def at(kept: Quarantine, day: int, hour: int, minute: int = 0) -> None:
    kept.now = datetime(2026, 3, day, hour, minute).astimezone().timestamp()


def test_each_message_is_told_once_at_the_next_time(tmp_path: Path) -> None:
    async def work() -> None:
        kept, post = Quarantine(tmp_path), Post()
        digests = sender(kept, post, "08:00", "14:00")
        at(kept, 2, 7)
        await kept.keep(b"Subject: one\r\n\r\n", subject="one")
        await digests.run()
        assert post.sent == []
        at(kept, 2, 8, 1)
        await kept.keep(b"Subject: later\r\n\r\n", subject="later")
        await digests.run()
        await digests.run()
        ((to, mail),) = post.sent
        assert to == READER
        plain = mail.get_body(("plain",)).get_content()
        assert "one" in plain
        assert "later" not in plain
        assert "https://mail.example.org/quarantine/" in plain
        at(kept, 2, 14, 30)
        await digests.run()
        assert len(post.sent) == 2
        assert "later" in post.sent[1][1].get_body(("html",)).get_content()
        at(kept, 3, 8, 1)
        await digests.run()
        assert len(post.sent) == 2  # nothing new

    asyncio.run(work())


def test_what_was_released_or_is_infected_is_not_told_and_a_full_mailbox_is_told_later(tmp_path: Path) -> None:
    async def work() -> None:
        kept, post = Quarantine(tmp_path), Post("fr")
        digests = sender(kept, post, "08:00")
        at(kept, 2, 7)
        released = await kept.keep(b"Subject: a\r\n\r\n", subject="released")
        await kept.keep(b"Subject: b\r\n\r\n", subject="ill", health=Health.INFECTED)
        await kept.keep(b"Subject: c\r\n\r\n", subject="<script>alert(1)</script>\u202egnp.exe")
        await kept.ledger.release(released, READER, "admin")
        at(kept, 2, 9)
        post.away = True
        await digests.run()
        post.away = False
        await digests.run()
        ((_, mail),) = post.sent
        assert mail["Subject"] == "Un nouveau message dans votre quarantaine"
        assert mail["Auto-Submitted"] == "auto-generated"
        html = mail.get_body(("html",)).get_content()
        assert "<script>" not in html
        assert "\u202e" not in html
        assert "&lt;script&gt;" in html
        assert "released" not in html
        assert ">ill<" not in html

    asyncio.run(work())


@pytest.mark.parametrize(
    ("times", "now", "due"),
    [
        (["08:00"], (2, 7, 59), (1, 8)),
        (["08:00"], (2, 8, 0), (2, 8)),
        (["14:00", "08:00"], (2, 13, 0), (2, 8)),
        (["14:00", "08:00"], (2, 1, 0), (1, 14)),
    ],
)
def test_the_last_time_that_passed(times: list[str], now: tuple[int, int, int], due: tuple[int, int]) -> None:
    day, hour, minute = now
    assert last_due(times, datetime(2026, 3, day, hour, minute, tzinfo=UTC)) == datetime(2026, 3, *due, tzinfo=UTC)
    assert last_due([], datetime(2026, 3, 1, tzinfo=UTC)) is None


def test_only_our_own_tickets_that_are_not_too_old_count(tmp_path: Path) -> None:
    links, others = Links(tmp_path / "key"), Links(tmp_path / "other")
    ticket = Ticket("0123", READER, 1000)
    token = links.token(ticket)
    others.token(ticket)
    assert links.ticket(token, 1000) == ticket
    assert links.ticket(token, 1001) is None
    assert others.ticket(token, 1000) is None
    for wrong in ("", "x", token[:-4], token[:-1] + ("A" if token[-1] != "A" else "B"), "A" * 5000, token + "é"):
        assert links.ticket(wrong, 1000) is None
