"""Scripts after IMAP commands: the running service and Dovecot with Pigeonhole do the same with the same commands."""

import imaplib
import re
import select
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import dovecot
from tests.support.free_ports import free_ports
from tests.support.peer import Peer
from tests.support.service import Service

pytestmark = pytest.mark.engine
imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")  # which it does not know
PIGEONHOLE = """
protocols = imap
mail_attribute_dict = file:%h/attributes
protocol imap {
  imap_metadata = yes
  mail_plugins = quota imap_quota imap_sieve
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_plugins = sieve_imapsieve
  imapsieve_url = sieve://localhost
}
"""
BOXES = ("INBOX", "In", "Sent", "Filed", "Other")
Commands = Callable[[imaplib.IMAP4], None]


def mail(subject: str) -> bytes:
    return (
        f"From: Ann <ann@example.org>\r\nTo: me@example.org\r\nSubject: {subject}\r\n"
        "Date: Mon, 02 Nov 2026 22:15:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nText\r\n"
    ).encode()


@dataclass(frozen=True)
class Case:
    name: str
    script: str
    commands: Commands


def append(mailbox: str, *subjects: str, flags: str = "()") -> Commands:
    def send(imap: imaplib.IMAP4) -> None:
        for subject in subjects:
            done(imap.append(mailbox, flags, "", mail(subject)))

    return send


def words(*lines: str) -> Commands:
    """Commands by name and arguments, in the mailbox INBOX."""

    def send(imap: imaplib.IMAP4) -> None:
        done(imap.select("INBOX"))
        for line in lines:
            done(imap.xatom(*line.split(" ", 1)))
        done(imap.unselect())

    return send


def then(*several: Commands) -> Commands:
    def send(imap: imaplib.IMAP4) -> None:
        for one in several:
            one(imap)

    return send


def done(answer: tuple[str, Sequence[object]]) -> None:
    assert answer[0] == "OK", answer


MAILS = append("INBOX", "plain", "offer one", "offer two", flags="(\\Seen Old)")
NEEDS = 'require ["fileinto", "imap4flags", "copy", "environment", "variables", "mailbox", "imapsieve"];'
CASES = [
    Case("append", NEEDS + 'addflag "New";', append("In", "one", "two", flags="(\\Flagged)")),
    Case("append, filed", NEEDS + 'fileinto :copy "Filed";', append("In", "one", "two")),
    Case("copy, filed by subject", NEEDS + 'if header :contains "subject" "offer" { fileinto :copy "Filed"; }',
         then(MAILS, words("UID COPY 1:3 In"))),
    Case("move", NEEDS + 'addflag "Moved";', then(MAILS, words("UID MOVE 2:3 In"))),
    Case("move, cause and mailbox", NEEDS + 'if environment :matches "imap.mailbox" "*" { set "m" "${1}"; }'
         'if environment :matches "imap.cause" "*" { addflag "${m}-${1}"; }', then(MAILS, words("UID MOVE 2:3 In"))),
    Case("flags", NEEDS + 'if environment :contains "imap.changedflags" "Star" { addflag "Seen-Star"; }'
         'if environment :contains "imap.changedflags" "Old" { fileinto :copy "Filed"; }',
         then(append("In", "one", "two", flags="(Old)"), words("NOOP"), lambda imap: store_in(imap, "In"))),
    Case("flags of the message", NEEDS + 'if hasflag "Old" { removeflag "Old"; setflag ["\\\\Answered", "X"]; }',
         then(MAILS, words("UID COPY 1 In"))),
    Case("filed with flags", NEEDS + 'fileinto :copy :flags "Work" "Filed";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("kept with flags", NEEDS + 'keep :flags "Work";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("thrown away", NEEDS + 'if header :contains "subject" "offer" { discard; }',
         then(MAILS, words("UID COPY 1:3 In"))),
    Case("filed elsewhere", NEEDS + 'fileinto "Filed";', then(MAILS, words("UID COPY 1:3 In"))),
    Case("filed and kept", NEEDS + 'fileinto "Filed"; keep;', then(MAILS, words("UID COPY 1:2 In"))),
    Case("filed where it is", NEEDS + 'fileinto "In";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("created", NEEDS + 'fileinto :copy :create "Other";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("missing", NEEDS + 'fileinto "Nowhere";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("an error in the run", 'require ["ihave", "imap4flags"]; addflag "X"; error "No";',
         then(MAILS, words("UID COPY 1:2 In"))),
    Case("reject is an error", 'require ["reject"]; reject "No";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("vacation is an error", 'require ["vacation"]; vacation "Away";', then(MAILS, words("UID COPY 1:2 In"))),
    Case("a wrong script", "nonsense", then(MAILS, words("UID COPY 1:2 In"))),
    Case("stop", NEEDS + 'addflag "A"; stop; addflag "B";', then(MAILS, words("UID COPY 1 In"))),
    Case("several appended at once", NEEDS + 'addflag "New";', lambda imap: multiappend(imap, "In", 3)),
]  # fmt: skip


def store_in(imap: imaplib.IMAP4, mailbox: str) -> None:
    done(imap.select(mailbox))
    done(imap.uid("STORE", "1", "+FLAGS", "(Star)"))
    done(imap.uid("STORE", "2", "-FLAGS", "(Old)"))
    done(imap.uid("STORE", "2", "+FLAGS", "(Plain)"))
    done(imap.unselect())


def multiappend(imap: imaplib.IMAP4, mailbox: str, count: int) -> None:
    parts = b"".join(b" {%d+}\r\n%b" % (len(mail(str(n))), mail(str(n))) for n in range(count))
    tag = imap._new_tag()
    imap.send(tag + b" APPEND " + mailbox.encode() + parts + b"\r\n")
    while not (line := imap.readline()).startswith(tag):
        assert line
    assert line.startswith(tag + b" OK"), line


def open_imap(peer: Peer, user: int) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=peer.ca_file)
    imap = imaplib.IMAP4_SSL(peer.host, peer.ports["imaps"], ssl_context=context)
    imap.login(peer.users[user].login, peer.users[user].password)
    return imap


def attach(imap: imaplib.IMAP4, mailbox: str, name: str = "main") -> None:
    done(imap.xatom("SETMETADATA", mailbox, f'(/shared/imapsieve/script "{name}")'))


def content(imap: imaplib.IMAP4, mailbox: str) -> list[tuple[str, frozenset[str]]] | None:
    """Subject and flags of each message; None: there is no such mailbox."""
    if imap.select(mailbox, readonly=True)[0] != "OK":
        return None
    _, data = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    found = []
    for part in data:
        if isinstance(part, tuple):
            subject = part[1].decode().partition(":")[2].strip()
            flags = re.search(r"FLAGS \(([^)]*)\)", part[0].decode())
            assert flags
            found.append((subject, frozenset(flag.lower() for flag in flags[1].split()) - {"\\recent"}))
    return found


def outcome(peer: Peer, user: int, case: Case) -> dict[str, object]:
    imap = open_imap(peer, user)
    for mailbox in ("In", "Filed"):
        done(imap.create(mailbox))
    attach(imap, "In")
    case.commands(imap)
    found: dict[str, object] = {mailbox: content(imap, mailbox) for mailbox in BOXES}
    imap.logout()
    return found


@pytest.fixture(scope="module")
def pigeonhole() -> Iterator[tuple[Peer, Path]]:
    if shutil.which("dovecot") is None or shutil.which("sieve-test") is None:
        pytest.skip("dovecot-imapd and dovecot-sieve are not installed")
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        place = Path(name)
        place.chmod(0o755)
        with dovecot.running_in(place, len(CASES), PIGEONHOLE) as peer:
            yield peer, place / "mail"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    (port,) = free_ports(1)
    listener = f'\n[[listener]]\nprotocol = "managesieve"\naddress = "127.0.0.1:{port}"\ntls = "starttls"\n'
    running = Service(
        tmp_path_factory.mktemp("sieve"), users=len(CASES) + 3, settings=listener + "[sieve]\nimap_patience = 30.0\n"
    )
    running.start()
    try:
        yield running
    finally:
        running.stop()


def put(service: Service, user: int, script: str) -> None:
    """Also one that is wrong, which ManageSieve would not take."""
    folder = service.scripts(service.peer.users[user]).folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.sieve").write_text(script)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_pigeonhole_agrees(service: Service, pigeonhole: tuple[Peer, Path], number: int) -> None:
    case = CASES[number]
    theirs, homes = pigeonhole
    home = homes / f"user{number:02d}"
    (home / "sieve").mkdir(parents=True)
    (home / "sieve/main.sieve").write_text(case.script)
    for path in (home, home / "sieve", home / "sieve/main.sieve"):
        shutil.chown(path, "mail", "mail")
    put(service, number, case.script)
    assert outcome(service.peer, number, case) == outcome(theirs, number, case)


def test_moves_are_seen_by_every_session_and_thousands_hold_up_nobody(service: Service) -> None:
    mover, watcher = (open_imap(service.peer, len(CASES)) for _ in range(2))
    done(mover.create("In"))
    done(mover.create("Many"))
    append("INBOX", *(str(n) for n in range(50)))(mover)
    done(mover.select("INBOX"))
    for _ in range(20):
        done(mover.uid("COPY", "1:50", "Many"))
    put(service, len(CASES), NEEDS + 'addflag "Sorted"; fileinto :copy "Sent";')
    attach(mover, "In")
    done(watcher.select("In"))
    done(mover.uid("MOVE", "1:3", "In"))
    done(watcher.noop())
    _, found = watcher.uid("SEARCH", "KEYWORD", "Sorted")
    assert found == [b"1 2 3"]
    # A thousand: others, in every worker, are served meanwhile.
    others = [open_imap(service.peer, len(CASES) + 1) for _ in range(4)]
    done(mover.select("Many"))
    tag = mover._new_tag()
    mover.send(tag + b" UID COPY 1:1000 In\r\n")
    for other in others:
        done(other.status("INBOX", "(MESSAGES)"))
    assert not select.select([mover.sock], [], [], 0)[0], "a thousand messages were done before anybody was served"
    while not (line := mover.readline()).startswith(tag):
        assert line
    assert line.startswith(tag + b" OK"), line
    done(watcher.noop())
    _, found = watcher.uid("SEARCH", "KEYWORD", "Sorted")
    assert len(found[0].split()) == 1003
    assert len(content(mover, "Sent") or ()) == 1003
    for imap in (mover, watcher, *others):
        imap.logout()
    assert not service.times_logged("sieve_event_broken")
