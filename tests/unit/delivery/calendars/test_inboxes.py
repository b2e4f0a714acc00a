"""Delegates get copies of what colleagues send, calendar to calendar: once, from the delegation on."""

import asyncio
import dataclasses
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from optimails.audit import AuditLog
from optimails.config.queue import QueueSettings
from optimails.delivery.calendars import inboxes
from optimails.delivery.calendars.inboxes import Inboxes
from optimails.groupware.scheduling import inbox
from optimails.groupware.scheduling.messages import read_message
from optimails.groupware.service import LocalGroupware
from optimails.groupware.work import Work
from optimails.model.account import Entitlements, Feature
from optimails.model.rights import Bundle, Delegation, SendRight
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.support.calendars import event
from tests.support.memory_directory import MemoryDirectory
from tests.support.memory_rights import MemoryRights

ME, DORA, BOB = "claire@example.org", "dora@example.org", "bob@example.org"
PEOPLE = (f"ORGANIZER;CN=Bob:mailto:{BOB}", f"ATTENDEE:mailto:{ME}")
TEXT = event("1", "20261103T090000Z", "SUMMARY:Budget", *PEOPLE).replace("VERSION", "METHOD:REQUEST\r\nVERSION", 1)


class Office:
    def __init__(self, data: Path) -> None:
        self.now = 1_800_000_000.0
        directory = MemoryDirectory({ME: "x", DORA: "x"})
        plan = Entitlements(frozenset(Feature), "one")
        for address, account in directory._accounts.items():
            directory._accounts[address] = dataclasses.replace(account, entitlements=plan)
        directory.rights = MemoryRights(directory._accounts)
        self.me, self.dora = directory._accounts[ME], directory._accounts[DORA]
        self.rights = directory.rights
        self.groupware = LocalGroupware(data)
        self.queue = Queue(data, QueueSettings())
        self.audit = AuditLog(data)
        work = Work(data, clock=lambda: self.now)
        self.task = Inboxes(work, self.groupware, directory, self.queue, self.audit)

    def give(self, **more: object) -> None:
        given = Delegation(self.me.id, self.dora.id, Bundle.ASSISTANT, SendRight.NO, invitations=True, **more)
        self.rights.delegations = [given]

    def comes(self, identity: str, text: str = TEXT) -> None:
        message = read_message(text.encode(), identity=identity, sender=BOB, recipient=ME, created=0)
        with self.groupware.open(self.me) as account, account.database.write() as connection:
            inbox.keep(connection, account.account, message, int(self.now))

    def step(self) -> int:
        self.now += inboxes.PAUSE
        return asyncio.run(self.task.step())

    def mails(self):
        found = asyncio.run(self.queue.find(Choice()))
        contents = [self.queue.contents.path(one.id).read_bytes() for one in found]
        assert all([one.address for one in entry.recipients] == [DORA] for entry in found)
        return [message_from_bytes(content, policy=policy.default) for content in contents]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_what_comes_from_now_on_is_copied_once(office: Office, tmp_path: Path) -> None:
    office.comes("before")
    office.give()
    assert office.step() == 0
    office.comes("m1")
    assert office.step() == 1
    assert office.step() == 0
    (mail,) = office.mails()
    assert (mail["From"].addresses[0].addr_spec, mail["To"].addresses[0].addr_spec) == (BOB, ME)
    assert (mail["Subject"], mail["X-Optimails-Invitation-For"]) == ("Invitation: Budget", ME)
    assert [(one.actor, one.act, one.subject) for one in office.audit.entries()] == [(DORA, "invitation copy", ME)]


def test_who_dies_before_it_is_noted_sends_nothing_twice(office: Office, tmp_path: Path) -> None:
    office.give()
    office.step()
    office.comes("m1")
    copied = office.task._work.copied(office.me.id)
    assert office.step() == 1
    office.task._work.copy(office.me.id, copied)  # as if it had died in between
    assert office.step() == 1
    assert len(office.mails()) == 1


def test_what_is_not_copied(office: Office) -> None:
    office.give(ends=1)
    office.step()
    office.comes("m1")
    assert office.step() == 0, "the delegation is over"
    office.give()
    office.comes("mail 2")
    assert office.step() == 0, "it was copied when it was delivered"
    office.comes("m3", TEXT.replace("SUMMARY", "CLASS:CONFIDENTIAL\r\nSUMMARY"))
    assert office.step() == 0, "it is private"
    office.give(hide_private=False)
    office.comes("m4", TEXT.replace("SUMMARY", "CLASS:CONFIDENTIAL\r\nSUMMARY"))
    assert office.step() == 1
