"""curl as IMAP, POP3 and SMTP client."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

LOGIN_DENIED = 67


class Curl:
    def __init__(self, peer: Peer, user: MailUser, tls: str) -> None:
        self.program, self.peer, self.user, self.secure = need("curl"), peer, user, tls == "implicit"

    def __call__(self, protocol: str, path: str, *options: str | Path, expect: int = 0, password: str = "") -> bytes:
        scheme = {"submission": "smtp"}.get(protocol, protocol) + ("s" if self.secure else "")
        port = self.peer.ports[protocol + ("s" if self.secure else "")]
        return run(
            self.program, "--silent", "--show-error", "--ssl-reqd", "--cacert", self.peer.ca_file, "--max-time", "30",
            "--user", f"{self.user.login}:{password or self.user.password}", *options,
            f"{scheme}://{self.peer.host}:{port}/{path}", expect=expect,
        ).stdout  # fmt: skip


@pytest.fixture(params=["implicit", "starttls"])
def curl(request: pytest.FixtureRequest, peer: Peer, user: MailUser) -> Curl:
    return Curl(peer, user, request.param)


def test_imap(curl: Curl, control: Control, tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.with_attachment(1))
    control.create("Été & co")
    folder = "%26AMk-t%26AOk-%20%26-%20co"
    curl("imap", folder, "--upload-file", mail)
    assert b'"&AMk-t&AOk- &- co"' in curl("imap", "")
    assert curl("imap", f"{folder};UID=1") == mail.read_bytes()
    assert curl("imap", f"{folder};MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)").startswith(b"Subject: Attachment")
    curl("imap", folder, "--request", "STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert curl("imap", f"{folder}?FLAGGED").strip() == b"* SEARCH 1"
    (seen,) = control.messages("Été & co")
    assert "\\Flagged" in seen.flags
    assert "\\Seen" in seen.flags  # curl reads with BODY[], not BODY.PEEK[]
    curl("imap", "", expect=LOGIN_DENIED, password="wrong")


def test_pop3(curl: Curl, control: Control) -> None:
    mails = [messages.plain(1), messages.with_attachment(2)]
    control.append("INBOX", *mails)
    listed = [line.split() for line in curl("pop3", "").splitlines()]
    assert [int(size) for _, size in listed] == [len(mail) for mail in mails]
    assert curl("pop3", "2") == mails[1]
    curl("pop3", "1", "--request", "DELE", "--list-only")
    assert control.contents() == mails[1:]


def test_submission(curl: Curl, user: MailUser, control: Control, tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.plain(1, sender=user.address))
    options = ("--mail-from", user.address, "--mail-rcpt", user.address, "--upload-file", mail)
    curl("submission", "client.example", *options)
    (received,) = control.contents()
    assert received.endswith(mail.read_bytes())
    curl("submission", "client.example", *options, expect=LOGIN_DENIED, password="wrong")
    assert len(control.contents()) == 1
