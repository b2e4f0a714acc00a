"""imaplib, poplib and smtplib of the standard library, each in a process of its own."""

import json
import sys
from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import run

SCRIPTS = Path(__file__).parent / "scripts"


def python(script: str, *arguments: object) -> dict:
    return json.loads(run(sys.executable, SCRIPTS / script, *map(str, arguments)).stdout)


def test_imaplib_over_starttls(peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.plain(1))
    seen = python("stdlib_imap.py", peer.host, peer.ports["imap"], peer.ca_file, user.login, user.password, mail)
    assert seen["starttls offered"]
    assert {"IDLE", "UIDPLUS", "MOVE", "QUOTA"} <= set(seen["capabilities"])
    assert any("Caf&AOk- &- Co" in line for line in seen["listed"])
    assert any("Caf&AOk- &- Co" in line for line in seen["subscribed"])
    assert seen["count"] == 1
    assert seen["identical"]
    assert seen["size"] == mail.stat().st_size
    assert seen["date"] in ("17-Jul-1996 02:44:25 -0700", "17-Jul-1996 09:44:25 +0000")
    assert seen["flags"] == ["$Work", "\\Flagged"]
    assert seen["found"] == ["1", "", "1", "1", ""]
    assert seen["expunged"] == ["1"]
    assert seen["left"] == ""
    assert any("STORAGE" in line for line in seen["quota"])
    assert seen["wrong folder"] == "NO"
    (copy,) = control.messages("Archive")
    assert copy.flags == {"\\Flagged", "$Work", "\\Seen"}
    assert copy.content == mail.read_bytes()
    assert not any("Caf" in name for name in control.folders())


@pytest.mark.parametrize("tls", ["implicit", "stls"])
def test_poplib(peer: Peer, user: MailUser, control: Control, tmp_path: Path, tls: str) -> None:
    sent = [messages.plain(1), messages.with_attachment(2), messages.plain(3)]
    control.append("INBOX", *sent)
    port = peer.ports["pop3s" if tls == "implicit" else "pop3"]
    seen = python("stdlib_pop3.py", peer.host, port, tls, peer.ca_file, user.login, user.password, tmp_path)
    assert {"TOP", "UIDL", "PIPELINING", "RESP-CODES"} <= set(seen["capabilities"])
    assert (seen["count"], seen["size"]) == (3, sum(map(len, sent)))
    assert seen["sizes"] == list(map(len, sent))
    assert len(set(seen["uidl"])) == 3
    head, _, body = sent[0].partition(b"\r\n\r\n")
    expected = [*head.decode().split("\r\n"), "", body.split(b"\r\n")[0].decode()]
    assert seen["top"] == expected
    assert [(tmp_path / str(number)).read_bytes() for number in (1, 2, 3)] == sent
    assert (seen["after dele"], seen["after rset"]) == (2, 3)
    assert control.contents() == sent[:2]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_smtplib_submission(peer: Peer, user: MailUser, control: Control, tmp_path: Path, tls: str) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.with_attachment(1, to=user.address, sender=user.address))
    port = peer.ports["submissions" if tls == "implicit" else "submission"]
    seen = python("stdlib_smtp.py", peer.host, port, tls, peer.ca_file, user.login, user.password, user.address, mail)
    assert {"8bitmime", "pipelining", "size"} <= set(seen["features"])
    assert seen["mail before auth"] // 100 == 5
    assert seen["refused"] == {}
    (received,) = control.contents()
    assert received.endswith(mail.read_bytes())  # trace headers were put before, nothing was changed
    assert b"Received:" in received[: -mail.stat().st_size]
