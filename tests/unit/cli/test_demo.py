"""The mail of the demo is mail as programs expect it."""

from collections import Counter
from datetime import datetime
from email import message_from_bytes, policy

import pytest

from optimails.cli.demo.company import PEOPLE
from optimails.cli.demo.messages import copies

NOW = datetime.fromisoformat("2026-11-23T15:00:00+01:00")
COPIES = list(copies(NOW))


@pytest.fixture(scope="module")
def messages():
    return {copy.content: message_from_bytes(copy.content, policy=policy.default) for copy in COPIES}


def test_some_dozens_for_every_account():
    count = Counter(copy.account for copy in COPIES)
    assert set(count) == {person.short for person in PEOPLE}
    assert min(count.values()) >= 12
    assert len({copy.content for copy in COPIES}) >= 36


def test_nothing_is_broken(messages):
    for content, message in messages.items():
        assert not any(part.defects for part in message.walk())
        assert message["From"].addresses
        assert message["Date"].datetime <= NOW
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert max(map(len, content.split(b"\r\n"))) <= 998


def test_there_is_something_of_everything(messages):
    kinds = Counter(part.get_content_type() for message in messages.values() for part in message.walk())
    for kind in ("text/html", "application/pdf", "image/png", "text/csv", "text/calendar", "application/zip"):
        assert kinds[kind], kind
    assert {copy.mailbox for copy in COPIES} >= {"INBOX", "Sent", "Drafts", "Junk", "Archive"}
    assert {str(flag) for copy in COPIES for flag in copy.flags} == {"\\Seen", "\\Answered", "\\Flagged", "\\Draft"}


def test_answers_point_at_what_they_answer(messages):
    identities = {message["Message-ID"] for message in messages.values()}
    answers = [message for message in messages.values() if message["In-Reply-To"]]
    assert len(answers) > 8
    assert all(message["In-Reply-To"] in identities for message in answers)
    assert all(message["References"].split()[-1] == message["In-Reply-To"] for message in answers)
