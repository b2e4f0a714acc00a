"""Messages for people elsewhere: each is one mail in the queue, whatever dies in between."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from optimails.config.queue import QueueSettings
from optimails.delivery.calendars.outgoing import MailedInvitations
from optimails.dkim import Signer
from optimails.dkim.keys import KeyStore
from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.groupware.work import Work
from optimails.model.errors import Refused, Unavailable
from optimails.model.resource import Resource, ResourceKind
from optimails.queue.api import Origin
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.support.calendars import ACCOUNT

TEXT = """\
BEGIN:VCALENDAR
VERSION:2.0
METHOD:{method}
BEGIN:VEVENT
UID:1
SUMMARY:Budget
ORGANIZER;CN=Anna A.:mailto:{me}
ATTENDEE;CN=Bob:mailto:bob@b.test
DTSTART:20261130T{hour}0000Z
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


class Office:
    def __init__(self, data: Path, **limits: int) -> None:
        self.queue = Queue(data, QueueSettings(**limits))
        self.work = Work(data)
        self.out = MailedInvitations(self.queue, self.work, Signer(data))

    def queued(self) -> list[bytes]:
        found = asyncio.run(self.queue.find(Choice()))
        assert {one.origin for one in found} <= {Origin.CALENDAR}
        return [self.queue.contents.path(one.id).read_bytes() for one in found]

    def close(self) -> None:
        self.queue.close()
        self.work.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def message(identity: str, hour: int = 10, method: Method = Method.REQUEST, **more: object) -> ItipMessage:
    me = str(ACCOUNT.address)
    text = TEXT.format(me=me, hour=hour, method=method.value).encode()
    made = ItipMessage(identity, method, me, "bob@b.test", "1", "VEVENT", text)
    return replace(made, **more)


def test_a_message_that_is_handed_in_again_is_one_mail(office: Office, tmp_path: Path) -> None:
    office.out.send(ACCOUNT, message("m1"))
    office.out.send(ACCOUNT, message("m1"))
    other = Office(tmp_path)  # after the process died
    other.out.send(ACCOUNT, message("m1"))
    (content,) = other.queued()
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["Subject"] == "Invitation: Budget"
    assert mail["From"].addresses[0].display_name == "Anna A."
    assert mail["To"].addresses[0].addr_spec == "bob@b.test"
    other.close()


def test_the_next_mail_says_what_changed_and_the_last_that_it_is_over(office: Office) -> None:
    office.out.send(ACCOUNT, message("m1"))
    office.out.send(ACCOUNT, message("m2", hour=11))
    office.out.send(ACCOUNT, message("m3", hour=11, method=Method.CANCEL))
    office.out.send(ACCOUNT, message("m4", hour=12))
    bodies = {}
    for content in office.queued():
        mail = message_from_bytes(content, policy=policy.default)
        bodies[mail["Subject"]] = mail.get_body(("plain",)).get_content()
    assert set(bodies) == {"Invitation: Budget", "Changed: Budget", "Cancelled: Budget"}
    assert "11:00 (UTC)\r\n    before: Monday 30 November 2026, 10:00 (UTC)" in bodies["Changed: Budget"]


def test_it_is_signed_by_the_organizers_domain(office: Office, tmp_path: Path) -> None:
    KeyStore(tmp_path / "dkim").make(ACCOUNT.address.domain)
    office.out.send(ACCOUNT, message("m1"))
    assert office.queued()[0].startswith(b"DKIM-Signature: ")


def test_who_acts_for_the_organizer_stands_in_sender(office: Office) -> None:
    office.out.send(ACCOUNT, message("m1", sent_by="eve@demo.test"))
    assert message_from_bytes(office.queued()[0])["Sender"] == "<eve@demo.test>"


def test_a_room_answers_by_itself(office: Office) -> None:
    room = replace(ACCOUNT, resource=Resource(ResourceKind.ROOM))
    office.out.send(room, message("m1"))
    office.out.send(room, message("m2", sent_by="eve@demo.test"))
    office.out.send(ACCOUNT, message("m3"))
    found = sorted(str(message_from_bytes(content)["Auto-Submitted"]) for content in office.queued())
    assert found == ["None", "None", "auto-replied"]


def test_what_is_no_mail_is_none(office: Office) -> None:
    office.out.send(ACCOUNT, message("m1", quiet=True))
    with pytest.raises(Refused):
        office.out.send(ACCOUNT, message("m2", recipient="urn:uuid:1"))
    with pytest.raises(Refused):
        office.out.send(ACCOUNT, message("m3", text=b"nonsense"))
    assert office.queued() == []


def test_who_has_sent_enough_waits(tmp_path: Path) -> None:
    office = Office(tmp_path, messages_per_hour=1)
    office.out.send(ACCOUNT, message("m1"))
    with pytest.raises(Unavailable):
        office.out.send(ACCOUNT, message("m2"))
    office.close()
