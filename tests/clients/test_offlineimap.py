"""OfflineIMAP: two-way synchronisation between the server and a Maildir."""

from pathlib import Path

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

CONFIG = """
[general]
accounts = test
metadata = {home}/metadata
ui = basic
socktimeout = 60

[Account test]
localrepository = near
remoterepository = far
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = {home}/mail
sync_deletes = yes

[Repository far]
type = IMAP
remotehost = {peer.host}
remoteport = {port}
remoteuser = {user.login}
remotepass = {user.password}
ssl = yes
sslcacertfile = {peer.ca_file}
maxconnections = 2
"""


def local(folder: Path) -> dict[bytes, str]:
    return {
        path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"): path.name.partition(":2,")[2]
        for path in [*folder.glob("cur/*"), *folder.glob("new/*")]
    }


def test_both_directions(peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    offlineimap = need("offlineimap", "offlineimap3")
    config = tmp_path / "config"
    config.write_text(CONFIG.format(peer=peer, user=user, port=peer.ports["imaps"], home=tmp_path))

    def sync() -> None:
        run(offlineimap, "-c", config, "-o", home=tmp_path, timeout=110)

    mails = [messages.plain(number) for number in range(5)]
    control.create("Réunions & co")
    control.append("INBOX", *mails[:2])
    control.append("Réunions & co", mails[2], flags=["\\Flagged"])
    sync()
    assert local(tmp_path / "mail" / "INBOX") == {mails[0]: "", mails[1]: ""}
    assert local(tmp_path / "mail" / "Réunions & co") == {mails[2]: "F"}

    # Here: read one, delete one, add one. There: a new one.
    inbox = tmp_path / "mail" / "INBOX"
    for path in [*inbox.glob("cur/*"), *inbox.glob("new/*")]:
        base = path.name.partition(":")[0]
        if b"<0.0@example.org>" in path.read_bytes():
            path.rename(inbox / "cur" / f"{base}:2,RS")
        else:
            path.unlink()
    (inbox / "cur" / "1000.new.here:2,S").write_bytes(mails[3].replace(b"\r\n", b"\n"))
    control.append("INBOX", mails[4])
    sync()
    sync()  # what was uploaded gets its server-side name in the first run

    def bare(content: bytes) -> bytes:  # an upload carries a line of OfflineIMAP's own where UIDPLUS is not used
        return b"\r\n".join(line for line in content.split(b"\r\n") if not line.startswith(b"X-OfflineIMAP:"))

    assert {bare(seen.content): seen.flags for seen in control.messages()} == {
        mails[0]: {"\\Seen", "\\Answered"},
        mails[3]: {"\\Seen"},
        mails[4]: frozenset(),
    }
    assert {bare(content): flags for content, flags in local(inbox).items()} == {
        mails[0]: "RS",
        mails[3]: "S",
        mails[4]: "",
    }
