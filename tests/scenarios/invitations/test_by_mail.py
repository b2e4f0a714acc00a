"""Invitations between a running service and people elsewhere: out by the queue, in through the front door."""

import asyncio
import base64
import contextlib
import http.client
import smtplib
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from optimails.cli.mail import account_of
from optimails.config.queue import QueueSettings
from optimails.groupware.service import LocalGroupware
from optimails.queue.control import Choice
from optimails.queue.store import Queue
from tests.support import certificates
from tests.support.calendars import calendar, component
from tests.support.dns_server import local_dns
from tests.support.eventually import eventually
from tests.support.free_ports import free_ports
from tests.support.inboxes import inbox
from tests.support.scripted_smtp import ScriptedSmtp
from tests.support.senders import txt
from tests.support.service import Service

BANK = "bank.example"
SETTINGS = """
[[listener]]
protocol = "http"
address = "127.0.0.1:{web}"
tls = "implicit"
[smtp]
xclient_networks = ["127.0.0.0/8"]
[dns]
nameservers = ["{dns}"]
timeout = 1.0
lifetime = 2.0
[[outbound_route]]
destinations = ["{bank}"]
host = "localhost"
port = {port}
tls = "none"
[[outbound_route]]
destinations = ["gone.example"]
host = "localhost"
port = {gone}
tls = "none"
"""
BOB, EVE, NOBODY = f"bob@{BANK}", f"eve@{BANK}", "nobody@gone.example"


class Outside:
    """The world's mail server, in a thread."""

    def __init__(self) -> None:
        def refuse(number: int, step: str, reply: bytes) -> bytes:
            del number
            return b"550 5.1.1 No such user\r\n" if step == "RCPT" else reply

        self.smtp, self.gone = ScriptedSmtp(), ScriptedSmtp(tamper=refuse)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for server in (self.smtp, self.gone):
            asyncio.run_coroutine_threadsafe(server.start(), self._loop).result(10)

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(one.content, policy=policy.default) for one in self.smtp.messages]

    async def _end(self) -> None:
        await self.smtp.stop()
        await self.gone.stop()
        conversations = asyncio.all_tasks() - {asyncio.current_task()}
        for one in conversations:
            one.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class World:
    def __init__(self, service: Service, outside: Outside, port: int) -> None:
        self.service, self.outside, self.port = service, outside, port
        self.user = service.peer.users[0]
        with service.admin() as admin:
            self.account = account_of(admin.account_get(self.user.address))
        self.groupware = LocalGroupware(service.data)

    def put(self, *lines: str, uid: str, writer: int = 0) -> None:
        """As a calendar program of the user does, or of a delegate."""
        text = calendar(component("VEVENT", uid, f"ORGANIZER:mailto:{self.user.address}", *lines))
        user = self.service.peer.users[writer]
        login = base64.b64encode(f"{user.login}:{user.password}".encode()).decode()
        tls = ssl.create_default_context(cafile=self.service.peer.ca_file)
        connection = http.client.HTTPSConnection(certificates.HOST, self.port, timeout=60, context=tls)
        headers = {"Authorization": f"Basic {login}", "Content-Type": "text/calendar"}
        connection.request("PUT", f"/dav/{self.user.address}/calendar/{uid}.ics", text.encode(), headers)
        answer = connection.getresponse()
        assert answer.status in (201, 204), answer.read()
        connection.close()

    def shows(self, uid: str) -> str:
        """The text in the user's calendar, unfolded."""
        with self.groupware.open(self.account) as account:
            texts = [text.decode().replace("\r\n ", "") for _, _, text in account.by_uid(uid)]
        return "".join(texts)

    def arrives(self, itip: str, sender: str, *, envelope: str = "", address: str = "192.0.2.7") -> None:
        """A stranger's mail with a calendar text."""
        encoded = base64.encodebytes(itip.encode()).decode().replace("\n", "\r\n")
        mail = (
            f"From: {sender}\r\nTo: {self.user.address}\r\nSubject: Budget\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/calendar; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
        )
        with smtplib.SMTP("localhost", self.service.peer.ports["smtp"]) as client:
            client.ehlo("proxy.example")
            client.docmd("XCLIENT", f"ADDR={address} HELO=mail.bank.example")
            client.ehlo("mail.bank.example")
            client.sendmail(envelope or sender, [self.user.address], mail.encode())

    def results(self) -> int:
        return self.service.times_logged("calendar_message_applied")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    zone = {(BANK, "TXT"): txt("v=spf1 ip4:192.0.2.7 -all")}
    outside = Outside()
    with contextlib.ExitStack() as stack:
        stack.callback(outside.stop)
        dns = stack.enter_context(local_dns(zone))
        (web,) = free_ports(1)
        settings = SETTINGS.format(web=web, dns=dns.address, bank=BANK, port=outside.smtp.port, gone=outside.gone.port)
        folder: Path = tmp_path_factory.mktemp("invitations")
        service = Service(folder, users=2, settings=settings)
        stack.callback(service.kill)
        service.start()
        yield World(service, outside, web)


def said(itip: str, method: str) -> str:
    return itip.replace("VERSION:2.0", f"VERSION:2.0\r\nMETHOD:{method}")


@pytest.mark.slow
def test_an_invitation_goes_out_and_its_answer_counts_only_from_who_was_invited(world: World) -> None:
    world.put(
        "DTSTART;TZID=Europe/Paris:20270111T140000",
        "SUMMARY:Budget",
        f"ATTENDEE;RSVP=TRUE:mailto:{BOB}",
        f"ATTENDEE;RSVP=TRUE:mailto:{NOBODY}",
        uid="out-1",
    )
    (mail,) = eventually(world.outside.mails)
    assert (mail["From"].addresses[0].addr_spec, mail["To"]) == (world.user.address, BOB)
    assert mail["Subject"] == "Invitation: Budget"
    (carried,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert carried.get_param("method") == "REQUEST"
    assert "METHOD:REQUEST" in carried.get_content()
    assert f"SCHEDULE-STATUS=1.1:mailto:{BOB}" in world.shows("out-1")
    assert eventually(lambda: f"SCHEDULE-STATUS=3.7:mailto:{NOBODY}" in world.shows("out-1")), "it came back"

    accepted = f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{BOB}"
    answer = said(
        calendar(component("VEVENT", "out-1", f"ORGANIZER:mailto:{world.user.address}", accepted)).replace(
            "20260101T000000Z", "20270101T000000Z"
        ),
        "REPLY",
    )
    world.arrives(answer, EVE, envelope=EVE)
    world.arrives(answer, BOB, address="198.51.100.1")  # SPF fails
    assert eventually(lambda: world.service.times_logged("calendar_message") == 2)
    assert "PARTSTAT=ACCEPTED" not in world.shows("out-1")
    world.arrives(answer, BOB)
    assert eventually(lambda: "PARTSTAT=ACCEPTED" in world.shows("out-1")), world.service.output()
    assert len([one for one in inbox(world.service, world.user) if b"Subject: Budget" in one]) == 3


@pytest.mark.slow
def test_an_invitation_that_comes_waits_in_the_calendar_and_is_called_off(world: World) -> None:
    times = ("DTSTART;TZID=W. Europe Standard Time:20270112T090000", "DURATION:PT1H")
    people = (f"ORGANIZER:mailto:{BOB}", f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{world.user.address}")
    invitation = calendar(component("VEVENT", "in-1", *times, *people, "SUMMARY:Outlook"))
    before = world.results()
    world.arrives(said(invitation, "REQUEST"), BOB)
    assert eventually(lambda: "PARTSTAT=NEEDS-ACTION" in world.shows("in-1")), world.service.output()
    cancelled = invitation.replace("20260101T000000Z", "20260102T000000Z").replace("SUMMARY", "SEQUENCE:1\r\nSUMMARY")
    world.arrives(said(cancelled, "CANCEL"), BOB)
    assert eventually(lambda: "STATUS:CANCELLED" in world.shows("in-1")), world.service.output()
    world.arrives(said(invitation, "REQUEST"), BOB)  # an older one comes late
    assert eventually(lambda: world.results() == before + 3)
    assert "STATUS:CANCELLED" in world.shows("in-1")


@pytest.mark.slow
def test_a_delegate_invites_for_the_owner_and_gets_copies_of_what_comes(world: World) -> None:
    delegate = world.service.peer.users[1]
    world.service.optimails("delegate", "add", world.user.address, delegate.address, "--invitations")
    sent = len(world.outside.mails())
    world.put("DTSTART:20270113T090000Z", "SUMMARY:For you", f"ATTENDEE:mailto:{BOB}", uid="behalf-1", writer=1)
    assert eventually(lambda: len(world.outside.mails()) == sent + 1), world.service.output()
    mail = world.outside.mails()[-1]
    assert mail["From"].addresses[0].addr_spec == world.user.address
    assert mail["Sender"].address.addr_spec == delegate.address
    people = (f"ORGANIZER:mailto:{BOB}", f"ATTENDEE:mailto:{world.user.address}")
    invitation = calendar(component("VEVENT", "copy-1", "DTSTART:20270114T090000Z", *people))
    world.arrives(said(invitation, "REQUEST"), BOB)
    (copy,) = inbox(world.service, delegate)
    assert f"X-Optimails-Invitation-For: {world.user.address}".encode() in copy


@pytest.mark.slow
def test_killed_while_it_invites_each_guest_has_one_mail(world: World) -> None:
    guests = [f"guest{number}@{BANK}" for number in range(12)]
    lines = (f"ATTENDEE:mailto:{guest}" for guest in guests)
    sent = len(world.outside.mails())
    world.put("DTSTART:20270115T090000Z", "SUMMARY:Many", *lines, uid="kill-1")
    eventually(lambda: len(world.outside.mails()) > sent, every=0.005)
    world.service.kill()
    world.service.start()

    def queued() -> list[str]:
        """Recipients of all messages, those that are done with, too."""
        with contextlib.closing(Queue(world.service.data, QueueSettings())) as queue:
            found = asyncio.run(queue.find(Choice(sender=world.user.address, finished=True, limit=1_000)))
        return sorted(one.address for message in found for one in message.recipients if "guest" in one.address)

    assert eventually(lambda: len(queued()) >= len(guests)), world.service.output()
    assert eventually(lambda: {str(mail["To"]) for mail in world.outside.mails()}.issuperset(guests), limit=60)
    assert queued() == sorted(guests)
