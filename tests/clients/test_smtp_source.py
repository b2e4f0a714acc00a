"""Postfix's smtp-source: many sessions at the same time, each with many messages, by SMTP and LMTP."""

import pytest

from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.programs import need, run
from tests.support.starttls_tunnel import starttls_tunnel

SESSIONS, MESSAGES = 10, 200


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("size", [1_000, 300_000])
def test_nothing_is_lost_and_nothing_comes_twice(
    peer: Peer, user: MailUser, control: Control, door: str, size: int
) -> None:
    if door not in peer.ports:
        pytest.skip(f"{peer.name} has no {door}")
    count = MESSAGES if size < 10_000 else 20
    # -d: as many messages over each connection as fit; -S: subject.
    options = [*(["-L"] if door == "lmtp" else []), "-d", "-s", str(SESSIONS), "-m", str(count), "-l", str(size)]
    addresses = ["-f", "karl@example.com", "-t", user.address, "-M", "client.example"]
    run(need("smtp-source", "postfix"), *options, *addresses, f"inet:127.0.0.1:{peer.ports[door]}")
    assert control.select("INBOX", read_only=True) == count


def test_the_same_over_tls(peer: Peer, user: MailUser, control: Control) -> None:
    """It knows no TLS itself: what stands between it and the server does."""
    if "smtp" not in peer.ports:
        pytest.skip(f"{peer.name} has no smtp")
    options = ["-d", "-s", str(SESSIONS), "-m", str(MESSAGES), "-l", "10000"]
    addresses = ["-f", "karl@example.com", "-t", user.address, "-M", "client.example"]
    with starttls_tunnel(peer.host, peer.ports["smtp"], str(peer.ca_file)) as port:
        run(need("smtp-source", "postfix"), *options, *addresses, f"inet:127.0.0.1:{port}")
    assert control.select("INBOX", read_only=True) == MESSAGES


def test_several_recipients_of_one_message(peer: Peer, user: MailUser, control: Control) -> None:
    if "smtp" not in peer.ports:
        pytest.skip(f"{peer.name} has no smtp")
    # -r 5: 1user…, 2user…, and so on; those do not exist, and no message is taken for nobody.
    addresses = ["-f", "karl@example.com", "-t", user.address, "-r", "5", "-M", "client.example"]
    refused = run(
        need("smtp-source", "postfix"), "-s", "2", "-m", "4", *addresses, f"inet:127.0.0.1:{peer.ports['smtp']}",
        expect=1,
    )  # fmt: skip
    assert b"550 5.1.1" in refused.stderr
    assert not control.contents()
