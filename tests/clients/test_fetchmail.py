"""fetchmail over IMAP and POP3, handing each message to a delivery program."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

CONFIG = """
set no bouncemail
set invisible
poll {peer.host} service {port} protocol {protocol} {quirk}
  user "{user.login}" password "{user.password}" is root here
  {tls} sslcertck sslcertfile "{peer.ca_file}"
  fetchall {keep} no rewrite
  mda "sh {home}/deliver"
"""
FINISHED, NO_MAIL = 0, 1


def fetch(peer: Peer, user: MailUser, home: Path, protocol: str, tls: str, *, keep: bool = False) -> list[bytes]:
    """The messages it delivered, with CRLF."""
    fetchmail = need("fetchmail")
    folder = home / "delivered"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (home / "deliver").write_text(f'exec cat >"$(mktemp {folder}/XXXXXXXX)"\n')
    secure = tls == "implicit"
    port = peer.ports[protocol.lower() + ("s" if secure else "")]
    config = home / "fetchmailrc"
    config.write_text(
        CONFIG.format(
            peer=peer, user=user, port=port, protocol=protocol, home=home, keep="keep" if keep else "nokeep",
            tls="ssl" if secure else 'sslproto "TLS1.2+"', quirk="uidl" if protocol == "POP3" else "",
        )
    )  # fmt: skip
    config.chmod(0o700)
    run(
        fetchmail, "-f", config, "-i", home / "ids", "--pidfile", home / "pid", "-v",
        home=home, environment={"FETCHMAILHOME": str(home)}, expect=(FINISHED, NO_MAIL),
    )  # fmt: skip
    return sorted(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in folder.iterdir())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("protocol", ["IMAP", "POP3"])
def test_mail_is_fetched_once(
    peer: Peer, user: MailUser, control: Control, tmp_path: Path, protocol: str, tls: str
) -> None:
    mails = sorted([messages.plain(1), messages.plain(2), messages.with_attachment(3)])
    control.append("INBOX", *mails)
    delivered = fetch(peer, user, tmp_path, protocol, tls)
    assert [content[-len(mail) :] for content, mail in zip(delivered, mails, strict=True)] == mails
    assert control.contents() == []
    assert fetch(peer, user, tmp_path, protocol, tls) == []


def test_pop3_kept_mail_is_told_apart_by_uidl(peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    control.append("INBOX", messages.plain(1))
    assert len(fetch(peer, user, tmp_path, "POP3", "implicit", keep=True)) == 1
    control.append("INBOX", messages.plain(2))
    assert control.contents() == [messages.plain(1), messages.plain(2)]
