"""A list of the real service: a post by submission, members here and on another server, a moderator who answers by
mail, a bounce that comes back, workers that are killed."""

import re
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.queue.conftest import Pair
from tests.scenarios.queue.test_two_servers import inbox
from tests.support.eventually import eventually

TEAM, NEWS = "team@sender.test", "news@sender.test"
STRANGER = "someone@far.test"
pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    try:
        pair.there.start()
        pair.here.start()
        yield pair
    finally:
        pair.here.stop()
        pair.there.stop()


def post(pair: Pair, to: str, subject: str, sender: str = "") -> None:
    sender = sender or pair.sender
    with pair.submission() as smtp:
        smtp.sendmail(sender, [to], f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n")


def strange_post(pair: Pair, to: str, subject: str) -> None:
    with smtplib.SMTP(pair.here.peer.host, pair.here.peer.ports["smtp"], timeout=30) as smtp:
        smtp.sendmail(STRANGER, [to], f"From: {STRANGER}\r\nSubject: {subject}\r\n\r\nBuy\r\n")


def subjects(pair: Pair, where: str = "there") -> list[bytes]:
    service, login = (pair.there, "user00@example.org") if where == "there" else (pair.here, pair.sender)
    found = [re.search(rb"^Subject: (.*)\r$", one, re.MULTILINE) for one in inbox(service, login)]
    return [one[1] for one in found if one]


def test_members_everywhere_and_a_bounce(pair: Pair) -> None:
    pair.here.optimails("list", "add", TEAM, "--name", "Team", "--owner", pair.sender, "--bounces", "1")
    pair.here.optimails("list", "members", "add", TEAM, pair.sender, "user00@example.org", "nobody@example.org")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        strange_post(pair, TEAM, "spam")
    assert refused.value.recipients[TEAM][0] == 550
    post(pair, TEAM, "first")
    assert eventually(lambda: subjects(pair) == [b"first"], limit=60), pair.here.output()
    (message,) = inbox(pair.there, "user00@example.org")
    assert b'List-Id: "Team" <team.sender.test>' in message
    assert message.startswith(b"Return-Path: <team+b-")

    def suspended() -> list[object]:
        rows = pair.here.optimails("list", "members", "list", TEAM)
        return [row["address"] for row in rows if row["suspended"]]  # type: ignore[attr-defined]

    assert eventually(lambda: suspended() == ["nobody@example.org"], limit=60), pair.here.output()
    assert eventually(lambda: len(inbox(pair.here, pair.sender)) == 2, limit=60), (
        "the post, and the letter to the owner"
    )
    post(pair, TEAM, "in the list's name", sender=TEAM)
    assert eventually(lambda: len(subjects(pair)) == 2, limit=60), pair.here.output()
    assert pair.empty()


def test_a_moderator_decides_by_mail_and_by_command(pair: Pair) -> None:
    pair.here.optimails("list", "add", NEWS, "--others", "hold", "--owner", pair.sender, "--post", "owners")
    pair.here.optimails("list", "members", "add", NEWS, "user00@example.org")
    for subject in ("one", "two"):
        strange_post(pair, NEWS, subject)
        time.sleep(0.01)
    assert eventually(lambda: len(inbox(pair.here, pair.sender)) == 2, limit=60), pair.here.output()
    first, second = pair.here.optimails("list", "held")  # type: ignore[misc]
    assert (first["subject"], second["subject"]) == ("one", "two")
    letter = next(one for one in inbox(pair.here, pair.sender) if second["id"].encode() in one)
    approve = re.search(rb"^Reply-To: <(.*)>\r$", letter, re.MULTILINE)
    assert approve
    post(pair, approve[1].decode(), "Re: yes")
    assert eventually(lambda: subjects(pair) == [b"two"], limit=60), pair.here.output()
    pair.here.optimails("list", "reject", first["id"])
    assert eventually(lambda: pair.here.optimails("list", "held") == [], limit=30)
    pair.here.optimails("list", "approve", first["id"], expect=(1,))
    lines = pair.here.optimails("log")
    assert {"list approve", "list reject"} <= {line["act"] for line in lines}  # type: ignore[attr-defined]


def test_killed_workers_lose_no_post(pair: Pair) -> None:
    pair.here.optimails("list", "add", TEAM, "--post", "anyone")
    pair.here.optimails("list", "members", "add", TEAM, pair.sender, "user00@example.org")
    wanted = set()
    for number in range(12):
        strange_post(pair, TEAM, f"number {number}")
        wanted.add(f"number {number}".encode())
        if number % 4 == 3:
            pair.here.kill()
            pair.here.start()
    assert eventually(lambda: set(subjects(pair)) == wanted == set(subjects(pair, "here")), limit=90), (
        pair.here.output()
    )
    assert len(subjects(pair, "here")) <= len(wanted) + 3  # what was being served at that very moment may come twice
