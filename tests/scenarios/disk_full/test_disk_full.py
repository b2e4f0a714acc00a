"""The data disk is full: clear refusals, nothing acknowledged is lost, and the service goes on once there is room."""

import contextlib
import imaplib
import os
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import messages
from tests.support.eventually import eventually
from tests.support.imap_control import Control, quoted
from tests.support.service import Service

SIZE = 64 * 1024 * 1024
PERMANENT = 500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("MISSING RIGHT to mount a tmpfs: run as root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def service(small_disk: Path, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, users=4, data=small_disk / "data")
    service.start()
    try:
        yield service
    finally:
        service.stop()


class Ballast:
    """A file that leaves nothing free."""

    def __init__(self, place: Path) -> None:
        self.path = place / "ballast"

    def fill(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)

    def remove(self) -> None:
        self.path.unlink()


def deliver(service: Service, recipient: str, content: bytes) -> int:
    """The code that LMTP ends with: of the first refusal, or of the message."""
    with smtplib.LMTP("127.0.0.1", service.peer.ports["lmtp"], timeout=30) as lmtp:
        lmtp.ehlo()
        for code, text in (lmtp.mail("a@example.com"), lmtp.rcpt(recipient)):
            if code >= 400:
                told(text)
                return code
        code, text = lmtp.data(content)
        told(text)
        return code


def told(text: bytes) -> None:
    """Words for people, not our insides."""
    for inside in (b"Traceback", b"Errno", b"Error", b"sqlite", b"ENOSPC"):
        assert inside not in text, text


def settled(answer: tuple[str, list]) -> bool:
    """Whether it was done; otherwise it must have been refused in plain words, for now."""
    status, data = answer
    text = b" ".join(part for part in data if isinstance(part, bytes))
    told(text)
    assert status in ("OK", "NO"), answer
    if status == "NO":
        assert any(word in text.upper() for word in (b"UNAVAILABLE", b"INUSE", b"LIMIT", b"OVERQUOTA")), answer
    return status == "OK"


@pytest.mark.timeout(240)
def test_full_disk(service: Service, small_disk: Path) -> None:
    first, second, _, newcomer = service.peer.users
    kept = [messages.plain(number) for number in range(20)]
    with Control(service.peer, first) as control:
        control.append("INBOX", *kept)
        control.create("Work")
    with Control(service.peer, second):
        pass  # its store is made at the first login

    ballast = Ballast(small_disk)
    imap = imaplib.IMAP4("127.0.0.1", service.peer.ports["imap"], timeout=30)
    imap.login(first.login, first.password)
    assert settled(imap.select("INBOX"))
    ballast.fill()

    delivered, appended, copied, stored, created = [], [], 0, set(), []
    for number in range(100, 130):
        ballast.fill()  # also what was freed in the meantime
        content = messages.with_attachment(number, 200_000)
        if (code := deliver(service, second.address, content)) < 400:
            delivered.append(content)
        else:
            assert code < PERMANENT
        if settled(imap.append("Work", "", None, content)):  # type: ignore[arg-type]  # no date
            appended.append(content)
        copied += settled(imap.copy("1:20", "Work"))
        flag = f"$k{number}"
        if settled(imap.uid("STORE", "1:20", "+FLAGS", f"({flag})")):
            stored.add(flag)
        if settled(imap.create(f"Box{number}")):
            created.append(f"Box{number}")
        status, data = imap.uid("FETCH", "7", "(BODY.PEEK[])")  # reading goes on
        assert (status, data[0][1]) == ("OK", kept[6])
    assert not delivered[3:], "a full disk took mail"
    assert not appended[3:], "a full disk took mail"
    for user in (first, newcomer):  # a login works, or is refused for now
        attempt = imaplib.IMAP4("127.0.0.1", service.peer.ports["imap"], timeout=30)
        try:
            attempt.login(user.login, user.password)
        except imaplib.IMAP4.error as refused:
            told(str(refused).encode())
            assert "UNAVAILABLE" in str(refused)  # noqa: PT017  # both outcomes are right
        attempt.shutdown()

    ballast.remove()
    assert eventually(lambda: deliver(service, second.address, messages.plain(50)) < 400)
    with Control(service.peer, second) as control:
        contents = control.contents()
        for content in [*delivered, messages.plain(50)]:
            assert sum(one.endswith(content) for one in contents) == 1
        assert len(contents) == len(delivered) + 1
    assert settled(imap.noop())
    assert settled(imap.append("Work", "", None, messages.plain(51)))  # type: ignore[arg-type]  # no date
    with Control(service.peer, first) as control:
        inbox = control.messages()
        assert [seen.content for seen in inbox] == kept
        for seen in inbox:
            keywords = {flag for flag in seen.flags if flag.startswith("$k")}
            assert stored <= keywords
        work = control.contents("Work")
        assert sorted(work) == sorted([*appended, *kept * copied, messages.plain(51)])
        assert set(created) <= control.folders()
        control.ok(control.imap.create(quoted("After")))
    imap.logout()
    with Control(service.peer, newcomer) as control:
        control.append("INBOX", kept[0])
        assert control.contents() == kept[:1]
    assert not service.times_logged("worker_died")
    assert not service.times_logged("internal_error")
    service.stop()
    assert service.optimails("doctor", expect=(0, 3)) == {"accounts": 4, "findings": []}
