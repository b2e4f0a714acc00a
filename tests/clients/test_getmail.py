"""getmail over IMAP and POP3 handing each message to a delivery program."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

CONFIG = """
[retriever]
type = {kind}
server = {peer.host}
port = {port}
username = {user.login}
password = {user.password}
ca_certs = {peer.ca_file}
{extra}

[destination]
type = MDA_external
path = /bin/sh
arguments = ("{home}/deliver", )
allow_root_commands = true

[options]
delete = {delete}
read_all = false
delivered_to = false
received = false
verbose = 2
"""


def own_lines_removed(content: bytes) -> bytes:
    """What the server sent, with CRLF: getmail adds its own header lines."""
    own = (b"Return-Path: <unknown>", b"X-getmail-")
    return b"\r\n".join(line for line in content.replace(b"\r\n", b"\n").split(b"\n") if not line.startswith(own))


@pytest.mark.parametrize("protocol", ["IMAP", "POP3"])
def test_new_mail_only_then_delete(peer: Peer, user: MailUser, control: Control, tmp_path: Path, protocol: str) -> None:
    getmail = need("getmail", "getmail6")
    folder = tmp_path / "delivered"
    folder.mkdir()
    (tmp_path / "deliver").write_text(f'exec cat >"$(mktemp {folder}/XXXXXXXX)"\n')

    def fetch(*, delete: bool) -> list[bytes]:
        for old in folder.iterdir():
            old.unlink()
        (tmp_path / "rc").write_text(
            CONFIG.format(
                peer=peer, user=user, home=tmp_path, delete=str(delete).lower(),
                port=peer.ports[f"{protocol.lower()}s"],
                kind=f"Simple{protocol}SSLRetriever", extra='mailboxes = ("INBOX",)' if protocol == "IMAP" else "",
            )
        )  # fmt: skip
        run(getmail, "--getmaildir", tmp_path, "--rcfile", tmp_path / "rc", home=tmp_path)
        return sorted(own_lines_removed(path.read_bytes()) for path in folder.iterdir())

    mails = sorted([messages.plain(1), messages.with_attachment(2), messages.plain(3)])
    control.append("INBOX", *mails[:2])
    assert fetch(delete=False) == mails[:2]
    control.append("INBOX", mails[2])
    assert fetch(delete=False) == mails[2:]
    fetch(delete=True)
    assert control.contents() == []
