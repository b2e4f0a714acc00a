"""mutt over IMAP in a terminal, and sending through submission."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run
from tests.support.terminal import terminal

CONFIG = """
set folder = "imaps://{peer.host}:{imaps}/"
set spoolfile = "+INBOX"
set imap_user = "{user.login}"
set imap_pass = "{user.password}"
set imap_idle = yes
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = yes
set ssl_ca_certificates_file = "{peer.ca_file}"
set smtp_url = "{smtp}"
set smtp_pass = "{user.password}"
set smtp_authenticators = "plain"
set from = "{user.address}"
set realname = "Hélène"
set record = "+Sent"
set trash = "+Trash"
set header_cache = "{home}/cache"
set charset = utf-8
set send_charset = utf-8
set sort = mailbox-order
set wait_key = no
set confirmappend = no
set delete = yes
set move = no
set mail_check = 1
set timeout = 1
set beep = no
bind editor <space> noop
"""


@pytest.fixture
def config(peer: Peer, user: MailUser, tmp_path: Path) -> Path:
    need("mutt")
    login = user.login.replace("@", "%40")
    smtp = f"smtp://{login}@{peer.host}:{peer.ports['submission']}"
    path = tmp_path / "muttrc"
    path.write_text(CONFIG.format(peer=peer, user=user, imaps=peer.ports["imaps"], smtp=smtp, home=tmp_path))
    return path


def test_read_flag_move_delete(config: Path, control: Control, tmp_path: Path) -> None:
    mails = [messages.plain(number) for number in range(4)]
    control.append("INBOX", *mails[:3])
    control.create("Été & co")
    with terminal(tmp_path, "mutt", "-n", "-F", config) as mutt:
        screen = mutt.await_text("Message 0002")
        assert "Béatrice Lef" in screen
        mutt.keys("1", "Enter", "Enter")
        assert "From here on, dots and Froms." in mutt.await_text("Subject: Message 0000")
        mutt.keys("q", "F")  # back in the index; flag it
        mutt.keys("2", "Enter", "d")
        mutt.keys("3", "Enter", "s", "C-a", "C-k", "=Été & co", "Enter")
        mutt.await_text("D ")
        mutt.keys("$")
        mutt.await_text("Message 0002", gone=True)
        control.append("INBOX", mails[3])  # it arrives while mutt is open
        mutt.await_text("Message 0003")
        mutt.keys("q")
        mutt.await_end()
    found = {seen.content: seen.flags for seen in control.messages()}
    assert found == {mails[0]: {"\\Seen", "\\Flagged"}, mails[3]: found.get(mails[3])}
    assert "\\Seen" not in found[mails[3]]
    assert control.contents("Trash") == [mails[1]]
    assert control.contents("Été & co") == [mails[2]]


def test_send(config: Path, user: MailUser, control: Control, tmp_path: Path) -> None:
    attachment = tmp_path / "relevé.bin"
    attachment.write_bytes(bytes(range(256)) * 50)
    run(
        "mutt", "-n", "-F", config, "-s", "Envoyé par mutt é", "-a", attachment, "--", user.address,
        stdin="Voilà.\n".encode(), home=tmp_path,
    )  # fmt: skip
    (received,) = control.contents()
    (kept,) = control.messages("Sent")
    assert b"multipart/mixed" in received
    assert "\\Seen" in kept.flags
    assert received.split(b"\r\n\r\n", 1)[1] == kept.content.split(b"\r\n\r\n", 1)[1]
