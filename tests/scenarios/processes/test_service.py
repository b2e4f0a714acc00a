"""The whole service: what one worker stores, a session in another hears of; a killed worker loses nothing."""

import imaplib
import json
import os
import signal
import smtplib
import ssl

import pytest

from tests.support.eventually import eventually
from tests.support.service import started


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with started(tmp_path_factory.mktemp("service"), users=4) as running:
        yield running


def events(service, name):
    found = [json.loads(line) for line in service.log.read_text().splitlines()]
    return [event for event in found if event["event"] == name]


def imap(service, user):
    """A session, and the name of the worker it is in."""
    before = len(events(service, "login"))
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    session = imaplib.IMAP4_SSL(service.peer.host, service.peer.ports["imaps"], ssl_context=context)
    session.login(user.login, user.password)
    session.select("INBOX")
    return session, eventually(lambda: events(service, "login")[before:])[-1]["worker"]


def deliver(service, user, subject):
    """Gives the name of the worker that took it."""
    before = len(events(service, "message"))
    with smtplib.LMTP(service.peer.host, service.peer.ports["lmtp"]) as lmtp:
        lmtp.sendmail("sender@elsewhere.test", [user.address], f"Subject: {subject}\r\n\r\nx\r\n")
    return eventually(lambda: events(service, "message")[before:])[-1]["worker"]


def test_idle_in_one_worker_hears_a_delivery_in_another(service):
    user = service.peer.fresh_user()
    session, place = imap(service, user)
    session.send(b"i1 IDLE\r\n")
    assert session.readline().startswith(b"+")
    session.sock.settimeout(20)
    deliverers = set()
    for number in range(1, 100):
        deliverers.add(deliver(service, user, f"number {number}"))
        while True:
            line = session.readline()
            if line.startswith(b"* %d EXISTS" % number):
                break
        if deliverers - {place}:
            break
    assert deliverers - {place}, "only one worker ever took mail"
    session.send(b"DONE\r\n")
    session.shutdown()


def test_a_session_whose_worker_is_killed_comes_back_to_everything(service):
    user = service.peer.fresh_user()
    session, place = imap(service, user)
    deliver(service, user, "kept")
    session.noop()
    session.store("1", "+FLAGS", "(\\Flagged)")
    pids = {event["name"]: event["pid"] for event in events(service, "worker_started")}
    os.kill(pids[place], signal.SIGKILL)
    eventually(lambda: events(service, "worker_died"))
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        session.noop()
    again, _ = imap(service, user)
    assert b"\\Flagged" in again.fetch("1", "(FLAGS)")[1][0]
    again.shutdown()
