"""mbsync (Debian: isync): two-way synchronisation between the server and a Maildir."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

CONFIG = """
IMAPAccount server
Host {peer.host}
Port {port}
User {user.login}
Pass "{user.password}"
SSLType {tls}
CertificateFile {peer.ca_file}
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
"""


def local(folder: Path) -> dict[bytes, str]:
    """Content (with CRLF, as on the wire) and Maildir flags of each message, without mbsync's own X-TUID line."""
    found = {}
    for path in [*folder.glob("cur/*"), *folder.glob("new/*")]:
        lines = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
        content = b"\r\n".join(line for line in lines if not line.startswith(b"X-TUID:"))
        found[content] = path.name.partition(":2,")[2]
    return found


@pytest.mark.parametrize("tls", ["IMAPS", "STARTTLS"])
def test_both_directions(peer: Peer, user: MailUser, control: Control, tmp_path: Path, tls: str) -> None:
    mbsync = need("mbsync", "isync")
    port = peer.ports["imaps" if tls == "IMAPS" else "imap"]
    (tmp_path / "mail").mkdir()
    config = tmp_path / "config"
    config.write_text(CONFIG.format(peer=peer, user=user, port=port, tls=tls, home=tmp_path))

    def sync() -> None:
        run(mbsync, "--config", config, "--all", "--verbose", home=tmp_path)

    mails = [messages.plain(number) for number in range(6)] + [messages.with_attachment(6)]
    control.create("Été & co")
    control.create("Été & co/Sub folder")
    control.append("INBOX", *mails[:3])
    control.append("INBOX", mails[3], flags=["\\Seen", "\\Flagged"])
    control.append("Été & co/Sub folder", mails[6])
    sync()
    inbox = tmp_path / "mail" / "INBOX"
    assert local(inbox) == {mails[0]: "", mails[1]: "", mails[2]: "", mails[3]: "FS"}
    odd = tmp_path / "mail" / "&AMk-t&AOk- &- co" / "Sub folder"
    assert local(odd) == {mails[6]: ""}

    # Near: a new message, flags, a deletion, a new folder. Far: flags and a deletion.
    (inbox / "cur" / "1000.new.here:2,S").write_bytes(mails[4].replace(b"\r\n", b"\n"))
    for path in [*inbox.glob("cur/*"), *inbox.glob("new/*")]:
        base, content = path.name.partition(":")[0], path.read_bytes()
        if b"Subject: Message 0000" in content or b"0.0@example.org" in content:
            path.rename(inbox / "cur" / f"{base}:2,RS")
        elif b"<0.1@example.org>" in content:
            path.rename(inbox / "cur" / f"{base}:2,ST")
    for name in ("cur", "new", "tmp"):
        (tmp_path / "mail" / "Neuf" / name).mkdir(parents=True)
    (tmp_path / "mail" / "Neuf" / "cur" / "1001.new.here:2,F").write_bytes(mails[5].replace(b"\r\n", b"\n"))
    uids = {seen.content: seen.uid for seen in control.messages()}
    control.store("INBOX", uids[mails[2]], "\\Flagged")
    control.expunge("INBOX", uids[mails[3]])
    sync()
    expected = {mails[0]: "RS", mails[2]: "F", mails[4]: "S"}
    assert {content: "".join(sorted(flags)) for content, flags in local(inbox).items()} == expected

    def far(folder: str) -> dict[bytes, frozenset[str]]:
        def bare(content: bytes) -> bytes:  # a message that mbsync uploaded keeps its X-TUID line where UIDPLUS is not
            return b"\r\n".join(line for line in content.split(b"\r\n") if not line.startswith(b"X-TUID:"))

        return {bare(seen.content): seen.flags for seen in control.messages(folder)}

    assert far("INBOX") == {
        mails[0]: {"\\Seen", "\\Answered"},
        mails[2]: {"\\Flagged"},
        mails[4]: {"\\Seen"},
    }
    assert far("Neuf") == {mails[5]: {"\\Flagged"}}

    # A third run finds nothing to do.
    before = control.messages()
    sync()
    assert control.messages() == before
