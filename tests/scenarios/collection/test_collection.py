"""Mail fetched from a real Dovecot over TLS, by the command line and by the running service."""

import datetime as dt
import imaplib
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import certificates, dovecot
from tests.support.eventually import eventually
from tests.support.free_ports import free_ports
from tests.support.peer import MailUser, Peer
from tests.support.service import PROGRAM, Service

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("dovecot", path="/usr/sbin:/usr/bin"), reason="apt-get install dovecot-core"),
]
MAILS = [
    b"Subject: dots\r\n\r\n.\r\n..two\r\n.three\r\n",
    b"Subject: long\r\n\r\n" + b"x" * 900 + b"\r\n" + b"A line of text.\r\n" * 60_000,
    b"Subject: \xc3\xa9t\xc3\xa9\r\n\r\nlast line\r\n",
]


@pytest.fixture(scope="module")
def far() -> Iterator[Peer]:
    with dovecot.running() as peer:
        yield peer


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, far: Peer) -> Iterator[Service]:
    settings = f'\n[collection]\nprivate_addresses = true\nca_file = "{far.ca_file}"\ninterval = 10\ntimeout = 10\n'
    made = Service(tmp_path_factory.mktemp("collection"), users=20, settings=settings)
    (made.directory / "password").write_text(far.users[0].password + "\n")
    made.start()
    try:
        yield made
    finally:
        made.stop()


def fill(far: Peer) -> MailUser:
    """A far account with mail in it."""
    user = far.fresh_user()
    with smtplib.LMTP("127.0.0.1", far.ports["lmtp"]) as lmtp:
        for mail in MAILS:
            lmtp.sendmail("a@elsewhere.test", [user.address], mail)
    return user


def inbox(peer: Peer, user: MailUser) -> list[bytes]:
    context = ssl.create_default_context(cafile=peer.ca_file)
    with imaplib.IMAP4_SSL(peer.host, peer.ports["imaps"], ssl_context=context) as client:
        client.login(user.login, user.password)
        client.select(readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        contents: list[Any] = [client.fetch(number.decode(), "(BODY.PEEK[])")[1][0] for number in numbers]
        return [content[1] for content in contents]


def words(service: Service, far: Peer, here: MailUser, there: MailUser, *more: str) -> tuple[str, ...]:
    password = str(service.directory / "password")
    return ("collect", "add", here.address, far.host, "--login", there.login, "--password-file", password, *more)


@pytest.mark.parametrize(
    ("protocol", "tls", "port"),
    [("imap", "implicit", "imaps"), ("imap", "starttls", "imap"), ("pop3", "implicit", "pop3s"),
     ("pop3", "starttls", "pop3")],
)  # fmt: skip
def test_by_every_protocol(service: Service, far: Peer, protocol: str, tls: str, port: str) -> None:
    here, there = service.peer.fresh_user(), fill(far)
    way = ("--protocol", protocol, "--tls", tls, "--port", str(far.ports[port]), "--disabled")
    added: Any = service.optimails(*words(service, far, here, there, *way))
    (done,) = service.optimails("collect", "run", here.address, str(added["id"]))  # type: ignore[misc]  # JSON
    assert (done["fetched"], done["trouble"]) == (3, None)
    assert inbox(service.peer, here) == inbox(far, there)
    (again,) = service.optimails("collect", "run", here.address)  # type: ignore[misc]  # JSON
    assert again["fetched"] == 0
    assert len(inbox(service.peer, here)) == 3
    changed = ("--delete-after", "0", "--no-check")
    service.optimails("collect", "set", here.address, str(added["id"]), *changed)
    (last,) = service.optimails("collect", "run", here.address)  # type: ignore[misc]  # JSON
    assert last["deleted"] == 3
    assert inbox(far, there) == []
    shown: Any = service.optimails("collect", "show", here.address, str(added["id"]))
    assert (shown["fetched"], shown["trouble"], shown["delete_after"]) == (3, None, 0)
    service.optimails("collect", "remove", here.address, str(added["id"]))
    assert service.optimails("collect", "list", here.address) == []


def test_the_service_fetches_by_itself(service: Service, far: Peer) -> None:
    here, there = service.peer.fresh_user(), fill(far)
    service.optimails(*words(service, far, here, there, "--port", str(far.ports["imaps"]), "--delete-after", "0"))
    eventually(lambda: len(inbox(service.peer, here)) == 3)
    assert eventually(lambda: inbox(far, there) == [])
    assert service.times_logged("collected") >= 1


def test_killed_between_storing_and_recording(service: Service, far: Peer) -> None:
    here, there = service.peer.fresh_user(), fill(far)
    way = ("--protocol", "pop3", "--port", str(far.ports["pop3s"]), "--disabled")
    added: Any = service.optimails(*words(service, far, here, there, *way))
    actor = Path(__file__).with_name("actor.py")
    for kill_at in (1, 2):  # the second one settles what the first one left, which counts
        command = [sys.executable, actor, service.config, str(added["id"]), str(kill_at)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(inbox(service.peer, here)) == 2
    (last,) = service.optimails("collect", "run", here.address)  # type: ignore[misc]  # JSON
    assert (last["fetched"], last["trouble"]) == (1, None)
    assert inbox(service.peer, here) == inbox(far, there)


def test_a_wrong_password_is_not_taken_and_is_shown(service: Service, far: Peer) -> None:
    here, there = service.peer.fresh_user(), fill(far)
    wrong = service.directory / "wrong"
    wrong.write_text("not it\n")
    port = str(far.ports["imaps"])
    line = ["collect", "add", here.address, far.host, "--login", there.login, "--password-file", str(wrong)]
    line += ["--port", port, "--disabled"]
    service.optimails(*line, expect=[1])
    assert service.optimails("collect", "list", here.address) == []
    added: Any = service.optimails(*line, "--no-check")
    service.optimails("collect", "run", here.address, expect=[1])
    shown: Any = service.optimails("collect", "show", here.address, str(added["id"]))
    assert (shown["trouble"], shown["failures"], shown["fetched"]) == ("login", 1, 0)
    assert "not it" not in service.output()
    good = str(service.directory / "password")
    service.optimails("collect", "set", here.address, str(added["id"]), "--password-file", good)
    (done,) = service.optimails("collect", "run", here.address)  # type: ignore[misc]  # JSON
    assert done["fetched"] == 3


def test_a_server_that_is_gone_and_one_that_is_inside(service: Service, far: Peer) -> None:
    here, there = service.peer.fresh_user(), far.fresh_user()
    (nobody,) = free_ports(1)
    service.optimails(*words(service, far, here, there, "--port", str(nobody)), expect=[75])
    done = subprocess.run(
        [*PROGRAM, "--config", service.config, *words(service, far, here, there, "--port", str(far.ports["imaps"]))],
        capture_output=True,
        env={"OPTIMAILS__COLLECTION__PRIVATE_ADDRESSES": "false", "OPTIMAILS_LANG": "fr", "PATH": "/usr/bin"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 75
    assert "injoignable" in done.stderr.decode()
    assert service.optimails("collect", "list", here.address) == []


def test_an_expired_certificate(service: Service, far: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class LastYear(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "LastYear":
            return super().now(tz) - dt.timedelta(days=400)

    with monkeypatch.context() as patch:
        patch.setattr(certificates.dt, "datetime", LastYear)
        ca_file, certificate, key = certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    here, there = service.peer.fresh_user(), far.fresh_user()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with pytest.raises(OSError, match=r"."):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        line = words(service, far, here, there, "--port", str(listener.getsockname()[1]))
        done = subprocess.run(
            [*PROGRAM, "--config", service.config, *line],
            capture_output=True,
            env={"OPTIMAILS__COLLECTION__CA_FILE": str(ca_file), "OPTIMAILS_LANG": "en", "PATH": "/usr/bin"},
            timeout=60,
            check=False,
        )
        thread.join(20)
    assert done.returncode == 1
    assert "expired" in done.stderr.decode()
