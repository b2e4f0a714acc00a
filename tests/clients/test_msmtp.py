"""msmtp, what scripts and mutt send with: submission over TLS of both kinds, and the certificate is looked at."""

from pathlib import Path

import pytest

from tests.support import certificates, messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

NO_PERMISSION, UNAVAILABLE = 77, 69
LARGE = b"".join(b"line %06d\r\n" % number for number in range(200_000))


def msmtp(
    peer: Peer, user: MailUser, mail: bytes, *recipients: str, password: str = "", mechanism: str = "plain",
    trust: Path | None = None, implicit: bool = False, expect: int = 0,
) -> str:  # fmt: skip
    options = {
        "host": peer.host,
        "port": peer.ports["submissions" if implicit else "submission"],
        "tls": "on",
        "tls-starttls": "off" if implicit else "on",
        "tls-trust-file": trust or peer.ca_file,
        "auth": mechanism,
        "user": user.login,
        "passwordeval": f"echo '{password or user.password}'",
        "from": user.address,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    return run(need("msmtp"), "-C", "/dev/null", *words, "--", *recipients, stdin=mail, expect=expect).stderr.decode()


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("implicit", [False, True])
def test_submission(peer: Peer, user: MailUser, control: Control, *, implicit: bool, mechanism: str) -> None:
    if peer.name == "dovecot" and mechanism.startswith("scram"):
        pytest.skip("Dovecot would need another kind of password")
    mail = messages.plain(1, sender=user.address).replace(b"\r\n", b"\n")
    msmtp(peer, user, mail, user.address, implicit=implicit, mechanism=mechanism)
    (received,) = control.contents()
    assert received.endswith(mail.replace(b"\n", b"\r\n"))


def test_a_large_message_to_several(peer: Peer, user: MailUser, control: Control) -> None:
    other = peer.fresh_user()
    head = f"From: {user.address}\nSubject: large\n\n".encode()
    msmtp(peer, user, head + LARGE.replace(b"\r\n", b"\n"), user.address, other.address)
    for mailbox in (control, Control(peer, other)):
        (received,) = mailbox.contents()
        assert received.endswith(b"\r\n\r\n" + LARGE)


def test_what_fails_is_told(peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    mail = f"From: {user.address}\nSubject: x\n\nx\n".encode()
    assert "535" in msmtp(peer, user, mail, user.address, password="wrong", expect=NO_PERMISSION)
    nobody = "nobody@" + user.address.split("@")[1]
    assert "550" in msmtp(peer, user, mail, user.address, nobody, expect=65)
    somebody_else, _, _ = certificates.make(tmp_path)
    assert "certificate" in msmtp(peer, user, mail, user.address, trust=somebody_else, expect=UNAVAILABLE)
    assert not control.contents()
