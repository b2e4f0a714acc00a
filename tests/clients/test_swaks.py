"""swaks, the SMTP tester: LMTP delivery and authenticated submission."""

from pathlib import Path

import pytest

from tests.support import messages
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run

NO_RECIPIENT, NO_AUTH = 24, 28


def swaks(peer: Peer, protocol: str, *options: str | Path, expect: int = 0) -> str:
    program = need("swaks")
    return run(
        program, "--server", peer.host, "--port", str(peer.ports[protocol]), "--ehlo", "client.example", *options,
        expect=expect,
    ).stdout.decode()  # fmt: skip


def test_lmtp_gives_a_reply_for_each_recipient(peer: Peer, user: MailUser, control: Control, tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.with_attachment(1).removesuffix(b"\r\n"))  # swaks adds the last line end itself
    other = peer.fresh_user()
    recipients = f"{user.address},{other.address}"
    said = swaks(
        peer, "lmtp", "--protocol", "LMTP", "--from", "karl@example.com", "--to", recipients, "--data", f"@{mail}"
    )
    assert said.count("<-  250 2.") >= 2
    for mailbox in (control, Control(peer, other)):
        (received,) = mailbox.contents()
        assert received.endswith(mail.read_bytes() + b"\r\n")
        assert received.lower().count(b"delivered-to:") == 1 or peer.name == "dovecot"
        assert b"Return-Path: <karl@example.com>\r\n" in received


def test_lmtp_refuses_whom_it_does_not_know(peer: Peer) -> None:
    nobody = "nobody@" + peer.users[0].address.split("@")[1]
    said = swaks(peer, "lmtp", "--protocol", "LMTP", "--from", "karl@example.com", "--to", nobody, expect=NO_RECIPIENT)
    assert " 550 5.1.1" in said


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["--tls", "--tls-on-connect"])
def test_submission(peer: Peer, user: MailUser, control: Control, tmp_path: Path, tls: str, mechanism: str) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(messages.plain(1, sender=user.address).removesuffix(b"\r\n"))
    protocol = "submissions" if tls == "--tls-on-connect" else "submission"
    options = (tls, "--tls-verify", "--tls-ca-path", peer.ca_file, "--auth", mechanism, "--auth-user", user.login)
    envelope = ("--from", user.address, "--to", user.address, "--data", f"@{mail}")
    swaks(peer, protocol, *options, "--auth-password", user.password, *envelope)
    swaks(peer, protocol, *options, "--auth-password", "wrong", *envelope, expect=NO_AUTH)
    (received,) = control.contents()
    assert received.endswith(mail.read_bytes() + b"\r\n")


def test_mail_from_outside_over_tls_with_pipelining(
    peer: Peer, user: MailUser, control: Control, tmp_path: Path
) -> None:
    if "smtp" not in peer.ports:
        pytest.skip(f"{peer.name} has no smtp")
    mail = tmp_path / "mail"
    mail.write_bytes(b"Subject: large\r\n\r\n" + b"line after line\r\n" * 100_000 + b"the last")  # swaks ends the line
    other = peer.fresh_user()
    verified = ("--tls", "--tls-verify", "--tls-ca-path", peer.ca_file, "--pipeline")
    envelope = ("--from", "karl@example.com", "--to", f"{user.address},{other.address}")
    said = swaks(peer, "smtp", *verified, *envelope, "--data", f"@{mail}", "--suppress-data")
    assert "=== TLS started" in said
    for mailbox in (control, Control(peer, other)):
        (received,) = mailbox.contents()
        assert received.endswith(mail.read_bytes() + b"\r\n")
    nobody = "nobody@" + user.address.split("@")[1]
    said = swaks(peer, "smtp", *verified, "--from", "karl@example.com", "--to", nobody, expect=NO_RECIPIENT)
    assert "550 5.1.1" in said
