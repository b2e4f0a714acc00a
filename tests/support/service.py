"""Our service as a peer: processes on free loopback ports, with TLS, that tests may also stop, kill and restart."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from optimails.config import load
from optimails.config.sieve import SieveSettings
from optimails.delivery.scripts import ScriptFiles
from optimails.directory.admin import Admin
from optimails.directory.database import open_database
from optimails.mailbox.service import account_directory
from tests.support import certificates
from tests.support.free_ports import free_ports
from tests.support.peer import MailUser, Peer

DOMAIN = "example.org"
PASSWORD = "secret word"
LISTENERS = {
    "imap": ("imap", "starttls"),
    "imaps": ("imap", "implicit"),
    "pop3": ("pop3", "starttls"),
    "pop3s": ("pop3", "implicit"),
    "lmtp": ("lmtp", "none"),
    "smtp": ("smtp", "starttls"),
    "submission": ("submission", "starttls"),
    "submissions": ("submission", "implicit"),
    "ldap": ("ldap", "starttls"),
    "ldaps": ("ldap", "implicit"),
}
CONFIG = """
[server]
data = "{data}"
hostname = "localhost"
workers = 2
drain_timeout = 2

[tls]
certificate = "{certificate}"
key = "{key}"

[management]
address = "127.0.0.1:{management}"

[log]
file = "{log}"

[directory]
bcrypt_cost = 4
scram_iterations = 4096

[login]
allow = ["127.0.0.0/8"]
"""
PROGRAM = (str(Path(sys.executable).with_name("optimails")),)


class Service:
    """Made once with ``users`` accounts; ``start`` and ``stop`` as often as wanted."""

    def __init__(
        self,
        directory: Path,
        *,
        users: int = 64,
        settings: str = "",
        data: Path | None = None,
        domain: str = DOMAIN,
    ) -> None:
        """``settings`` is TOML that is appended to the configuration; ``data`` another place for the mail."""
        self.directory = directory
        self.data = data or directory / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = directory / "service.log"
        ca_file, certificate, key = certificates.make(directory / "tls")
        *numbers, self.management = free_ports(len(LISTENERS) + 1)
        ports = dict(zip(LISTENERS, numbers, strict=True))
        self.config = directory / "optimails.toml"
        text = CONFIG.format(data=self.data, certificate=certificate, key=key, management=self.management, log=self.log)
        for name, (protocol, tls) in LISTENERS.items():
            text += f'[[listener]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{ports[name]}"\ntls = "{tls}"\n'
        self.config.write_text(text + settings)
        self.process: subprocess.Popen[bytes] | None = None
        accounts = [f"user{number:02d}@{domain}" for number in range(users)]
        self.peer = Peer(certificates.HOST, ports, ca_file, [MailUser(name, PASSWORD, name) for name in accounts])
        with self.admin() as admin:
            admin.domain_add(domain)
            for address in accounts:
                admin.account_add(address, password=PASSWORD)

    def scripts(self, user: MailUser) -> ScriptFiles:
        """His Sieve scripts."""
        with self.admin() as admin:
            identity = admin.account_get(user.address).id
        return ScriptFiles(account_directory(self.data, identity), SieveSettings())

    @contextlib.contextmanager
    def admin(self) -> Iterator[Admin]:
        config = load(self.config, {})
        database = open_database(config.directory, config.server.data)
        try:
            yield Admin(database, config.directory)
        finally:
            database.close()

    def start(self) -> None:
        """Returns when all workers serve, and says so in its log."""
        ready = self.times_logged("ready")
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*PROGRAM, "--config", str(self.config), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + 60
        while self.times_logged("ready") == ready:
            assert self.process.poll() is None, f"the service ended:\n{self.output()}"
            assert time.monotonic() < until, f"the service does not start:\n{self.output()}"
            time.sleep(0.05)

    def times_logged(self, event: str) -> int:
        return self.log.read_bytes().count(f'"event": "{event}"'.encode()) if self.log.exists() else 0

    def stop(self) -> None:
        """In peace."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9 for the supervisor, and for whatever of its session is left once it is gone."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process = None

    def kill_supervisor(self) -> None:
        """kill -9 for the supervisor only; its workers are to notice and go."""
        assert self.process
        self.process.kill()
        self.process.wait()
        until = time.monotonic() + 20
        while session_members(self.process.pid):
            assert time.monotonic() < until, "workers outlive their supervisor"
            time.sleep(0.02)
        self.process = None

    def workers(self) -> list[int]:
        """Process ids of the mail workers, the spare one and the jobs worker, ascending."""
        assert self.process
        return [pid for pid in children(self.process.pid) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def optimails(self, *arguments: str, expect: Sequence[int] = (0,)) -> object:
        """What the command line answers, with --json."""
        finished = subprocess.run(
            [*PROGRAM, "--config", str(self.config), "--json", *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=300,
        )
        assert finished.returncode in expect, (arguments, finished.stdout[-4000:], finished.stderr[-4000:])
        return json.loads(finished.stdout) if finished.stdout.strip() else None

    def output(self) -> str:
        """The end of what it logged and printed."""
        texts = [path.read_text(errors="replace") for path in (self.directory / "output", self.log) if path.exists()]
        return "\n".join(text[-4000:] for text in texts)


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, parent and session of a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[3])


def _processes() -> Iterator[tuple[int, tuple[str, int, int]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            yield int(entry.name), stat


def children(parent: int) -> list[int]:
    return sorted(pid for pid, (state, its_parent, _) in _processes() if its_parent == parent and state != "Z")


def session_members(leader: int) -> list[int]:
    return sorted(pid for pid, (state, _, session) in _processes() if session == leader and state != "Z")


def resident(pid: int) -> int:
    """Bytes of anonymous memory a process holds: what it would leak (mapped files are the kernel's)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Peer]:
    """A complete service for clients, as long as the context."""
    with started(directory) as service:
        yield service.peer


@contextlib.contextmanager
def started(directory: Path, **options: object) -> Iterator[Service]:
    service = Service(directory, **options)  # type: ignore[arg-type]  # passed on as they are
    try:
        service.start()
        yield service
    finally:
        service.stop()
