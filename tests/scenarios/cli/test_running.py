"""Commands beside a running service: what they change is true at once."""

import imaplib
import ssl

import pytest

from tests.support.eventually import eventually
from tests.support.service import started


@pytest.fixture
def service(tmp_path):
    with started(tmp_path, users=1) as running:
        yield running


def connect(service, password=None):
    user = service.peer.users[0]
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    client = imaplib.IMAP4_SSL("localhost", service.peer.ports["imaps"], ssl_context=context, timeout=30)
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

    made = service.optimails("account", "password", user.login)["password"]
    with pytest.raises(imaplib.IMAP4.error):
        connect(service)
    connect(service, made).logout()

    service.optimails("account", "set", user.login, "--state", "suspended")
    with pytest.raises(imaplib.IMAP4.error):
        connect(service, made)
