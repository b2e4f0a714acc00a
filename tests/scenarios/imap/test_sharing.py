"""Sharing with real processes: two workers, sockets, the command line beside them, the audit log on disk."""

import imaplib
import json
import smtplib
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from optimails.audit import AuditLog
from tests.support.peer import MailUser
from tests.support.service import PROGRAM, Service

MAIL = b"From: x@example.org\r\nSubject: shared\r\n\r\nText\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("sharing"), users=12)
    with service.admin() as admin:
        admin.plan_set("basic", features=["shared-folders", "delegation", "sharing"])
    service.start()
    yield service
    service.stop()


def run(service: Service, *words: str) -> object:
    done = subprocess.run(
        [*PROGRAM, "--config", str(service.config), *words, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def client(service: Service, user: MailUser) -> imaplib.IMAP4_SSL:
    peer = service.peer
    context = ssl.create_default_context(cafile=str(peer.ca_file))
    found = imaplib.IMAP4_SSL(peer.host, peer.ports["imaps"], ssl_context=context, timeout=30)
    found.login(user.login, user.password)
    return found


def good(answer: tuple[str, list[object]]) -> list[object]:
    assert answer[0] == "OK", answer
    return answer[1]


def shared_name(owner: MailUser, mailbox: str) -> str:
    return f'"Other Users/{owner.login}/{mailbox}"'


def test_a_right_taken_away_ends_the_sessions_in_every_worker(service):
    marie, jean = service.peer.fresh_user(), service.peer.fresh_user()
    owner = client(service, marie)
    good(owner.append("INBOX", None, None, MAIL))
    good(owner.setacl("INBOX", jean.login, "lrs"))
    name = shared_name(marie, "INBOX")
    # So many connections that both workers have some.
    idle = [client(service, jean) for _ in range(6)]
    for one in idle:
        good(one.select(name))
        assert good(one.fetch("1", "(BODY.PEEK[TEXT])"))[0][1] == b"Text\r\n"
        one.send(b"i1 IDLE\r\n")
        assert one.readline().startswith(b"+")
    run(service, "acl", "delete", marie.login, "INBOX", jean.login)
    for one in idle:
        assert one.readline() == b"* BYE The selected mailbox is not shared with you any more\r\n"
        assert one.readline() == b""
    visitor = client(service, jean)
    assert visitor.select(name)[0] == "NO"
    assert good(visitor.list('""', '"Other Users*"')) == [None]
    opened = [entry for entry in AuditLog(service.data).entries(marie.login) if entry.act == "mailbox open"]
    assert len(opened) == 6  # once in each session
    assert {(entry.actor, entry.via, entry.details["mailbox"]) for entry in opened} == {(jean.login, "imap", "INBOX")}


def test_what_one_does_in_a_shared_mailbox_the_other_hears_at_once(service):
    marie, jean = service.peer.fresh_user(), service.peer.fresh_user()
    owner, visitor = client(service, marie), client(service, jean)
    good(owner.append("INBOX", None, None, MAIL))
    good(owner.setacl("INBOX", jean.login, "lrswite"))
    good(owner.select("INBOX"))
    owner.send(b"i1 IDLE\r\n")
    owner.readline()
    name = shared_name(marie, "INBOX")
    good(visitor.select(name))
    good(visitor.store("1", "+FLAGS", r"(\Flagged)"))
    assert b"\\Flagged" in owner.readline()
    good(visitor.append(name, None, None, MAIL))
    assert owner.readline() == b"* 2 EXISTS\r\n"
    owner.readline()  # RECENT
    good(visitor.uid("MOVE", "1", "INBOX"))
    assert owner.readline() == b"* 1 EXPUNGE\r\n"
    assert good(visitor.status("INBOX", "(MESSAGES)")) == [b"INBOX (MESSAGES 1)"]
    good(visitor.unselect())
    changes = [entry.details for entry in AuditLog(service.data).entries(marie.login) if entry.act == "mailbox change"]
    assert {key: value for change in changes for key, value in change.items() if value.isdigit()} == {
        "flagged": "1", "added": "1", "moved": "1",
    }  # fmt: skip
    restored = run(service, "undelete", "--account", marie.login, "--restore")
    assert restored["messages"] == 1  # what a visitor moves away can be brought back


def test_an_assistant_works_and_writes_for_the_owner(service):
    marie, jean, kurt = (service.peer.fresh_user() for _ in range(3))
    run(service, "delegate", "add", marie.login, jean.login)
    assistant = client(service, jean)
    good(assistant.create(shared_name(marie, "Dossiers")))
    assert b"Dossiers" in b"".join(good(client(service, marie).list()))
    peer = service.peer
    context = ssl.create_default_context(cafile=str(peer.ca_file))
    with smtplib.SMTP_SSL(peer.host, peer.ports["submissions"], context=context, timeout=30) as smtp:
        smtp.login(jean.login, jean.password)
        smtp.sendmail(marie.login, [kurt.login], f"From: {marie.login}\r\nSubject: for her\r\n\r\nText\r\n")
        reader = client(service, kurt)
        good(reader.select("INBOX"))
        head = good(reader.fetch("1", "(BODY[HEADER.FIELDS (FROM SENDER)])"))[0][1]
        assert head == f"Sender: {jean.login}\r\nFrom: {marie.login}\r\n\r\n".encode()
        run(service, "delegate", "remove", marie.login, jean.login)
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.sendmail(marie.login, [kurt.login], "Subject: once more\r\n\r\n")
    assert assistant.create(shared_name(marie, "More"))[0] == "NO"
    acts = [entry["act"] for entry in run(service, "log", "--by", jean.login)]
    assert acts == ["mailbox create", "mail send"]


def test_folders_of_a_domain_and_groups(service):
    marie, jean, kurt = (service.peer.fresh_user() for _ in range(3))
    with service.admin() as admin:
        admin.alias_add("team@example.org", [marie.login, jean.login])
    run(service, "share", "create", "example.org", "Team", "--for", "team@example.org", "--rights", "editor")
    name = '"Shared Folders/example.org/Team"'
    one, two, outside = (client(service, user) for user in (marie, jean, kurt))
    good(one.append(name, None, None, MAIL))
    good(two.select(name))
    assert outside.select(name)[0] == "NO"
    two.send(b"i1 IDLE\r\n")
    two.readline()
    run(service, "alias", "remove", "team@example.org", jean.login)
    assert two.readline().startswith(b"* BYE")
    good(one.select(name))
