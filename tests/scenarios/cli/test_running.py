"""Commands beside a running service: what they change is true at once."""

import imaplib
import poplib
import smtplib
import ssl

import pytest

from tests.support.eventually import eventually
from tests.support.service import started


@pytest.fixture
def service(tmp_path):
    with started(tmp_path, users=1) as running:
        yield running


def context(service):
    return ssl.create_default_context(cafile=service.peer.ca_file)


def ended(client):
    """The last words to a client that says nothing."""
    said = client.file.read()
    client.shutdown()
    return said


def connect(service, password=None):
    user = service.peer.users[0]
    client = imaplib.IMAP4_SSL("localhost", service.peer.ports["imaps"], ssl_context=context(service), timeout=30)
    client.login(user.login, password or user.password)
    return client


def test_password_suspension_import_and_undelete_take_effect_at_once(service, tmp_path):
    user = service.peer.users[0]
    (tmp_path / "mail.eml").write_bytes(b"From: a@b.test\r\nSubject: Kept\r\n\r\nText\r\n")
    client = connect(service)
    client.select("INBOX")
    service.optimails("import", "eml", str(tmp_path / "mail.eml"), "--account", user.login)
    eventually(lambda: client.noop() and client.response("EXISTS")[1] == [b"1"])

    client.store("1", "+FLAGS", "\\Deleted")
    client.expunge()
    (message,) = service.optimails("undelete", "--account", user.login)
    assert (message["subject"], message["mailbox"]) == ("Kept", "INBOX")
    assert service.optimails("undelete", "--account", user.login, "--restore")["messages"] == 1
    assert client.select("INBOX")[1] == [b"1"]

    service.optimails("account", "set", user.login, "--storage", "1G")
    assert client.getquotaroot("INBOX")[1][1][0].endswith(b"1048576)")  # KiB, also for a session that is open

    made = service.optimails("account", "password", user.login)["password"]
    assert ended(client) == b"* BYE [UNAVAILABLE] The password has changed, please log in again\r\n"
    with pytest.raises(imaplib.IMAP4.error):
        connect(service)
    client = connect(service, made)
    pop3 = poplib.POP3_SSL("localhost", service.peer.ports["pop3s"], context=context(service), timeout=30)
    pop3.user(user.login)
    pop3.pass_(made)
    submission = smtplib.SMTP_SSL("localhost", service.peer.ports["submissions"], context=context(service), timeout=30)
    submission.login(user.login, made)

    service.optimails("account", "set", user.login, "--state", "suspended")
    assert ended(client) == b"* BYE [UNAVAILABLE] This account is not available\r\n"
    assert pop3.file.readline() == b"-ERR [AUTH] This account is not available.\r\n"
    assert pop3.file.readline() == b""
    assert submission.sock.recv(100) == b"421 4.7.0 This account is not available\r\n"
    assert submission.sock.recv(100) == b""
    with pytest.raises(imaplib.IMAP4.error):
        connect(service, made)
