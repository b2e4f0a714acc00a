"""A private Postfix on loopback that keeps mail for a domain in maildirs. Started as root only, as Postfix wants."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.free_ports import free_ports
from tests.support.programs import need

_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = inline:{{ {{ bob@{domain} = bob/ }}, {{ full@{domain} = full/ }} }}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = virtual
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {dir}/tls/server.pem
smtpd_tls_key_file = {dir}/tls/server.key
smtpd_tls_received_header = yes
message_size_limit = 20000000
maillog_file = {dir}/log/maillog
maillog_file_prefixes = {dir}
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
anvil    unix - - n - 1 anvil
tlsmgr   unix - - n 1000? 1 tlsmgr
virtual  unix - n n - - virtual
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
retry    unix - - n - - error
error    unix - - n - - error
scache   unix - - n - 1 scache
postlog  unix-dgram n - n - 1 postlogd
"""
DEPLOYED = Path(__file__).parents[2] / "deploy/postfix"


class Postfix:
    """``ca_file`` vouches for its certificate, which is for ``localhost``; ``changes`` are made to main.cf."""

    def __init__(self, folder: Path, domain: str, changes: Mapping[str, str] | None = None) -> None:
        self.folder, self.domain, self.changes = folder, domain, changes or {}
        (self.port,) = free_ports(1)
        self.ca_file, _, _ = certificates.make(folder / "tls")

    def start(self) -> None:
        for name in ("etc", "queue", "data", "log", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "mail", "postfix")
        self.configure()
        self._change(self.changes)
        subprocess.run(["postfix", "-c", self.folder / "etc", "start"], check=True, capture_output=True)
        until = time.monotonic() + 20
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until, (self.folder / "log/maillog").read_text()
            time.sleep(0.05)

    def configure(self) -> None:
        """Write main.cf and master.cf."""
        user = (self.folder / "mail").stat()
        values = {"dir": self.folder, "domain": self.domain, "uid": user.st_uid, "gid": user.st_gid or user.st_uid}
        (self.folder / "etc/main.cf").write_text(_MAIN.format(**values))
        (self.folder / "etc/master.cf").write_text(_MASTER.format(port=self.port))

    def logged(self) -> str:
        return (self.folder / "log/maillog").read_text()

    def _change(self, changes: Mapping[str, str]) -> None:
        words = [f"{name} = {value}" for name, value in changes.items()]
        if words:
            subprocess.run(["postconf", "-c", self.folder / "etc", "-e", *words], check=True, capture_output=True)

    def reload(self, changes: Mapping[str, str]) -> None:
        """With these changes to main.cf."""
        self._change(changes)
        subprocess.run(["postfix", "-c", self.folder / "etc", "reload"], check=True, capture_output=True)

    def ask(self, nameserver: str) -> None:
        """Have its deliveries ask this name server (port 53) for MX records, whatever the machine has: in a chroot."""
        (self.folder / "queue/etc").mkdir()
        (self.folder / "queue/etc/resolv.conf").write_text(f"nameserver {nameserver}\n")
        (self.folder / "queue/etc/services").write_text("smtp 25/tcp\n")
        subprocess.run(["postconf", "-c", self.folder / "etc", "-F", "smtp/unix/chroot=y"], check=True)

    def stop(self) -> None:
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], check=False, capture_output=True)

    def received(self, user: str, count: int) -> list[bytes]:
        """The first messages of a user, once there are so many."""
        until = time.monotonic() + 20
        while len(files := sorted((self.folder / "mail" / user / "new").glob("*"))) < count:
            assert time.monotonic() < until, (self.folder / "log/maillog").read_text()
            time.sleep(0.05)
        return [file.read_bytes() for file in files]


class FrontPostfix(Postfix):
    """The configuration of ``deploy/postfix`` itself, on other ports and paths."""

    def configure(self) -> None:
        etc = self.folder / "etc"
        shutil.copy(DEPLOYED / "main.cf", etc)
        master = (DEPLOYED / "master.cf").read_text()
        assert "\nsmtp      inet " in master
        (etc / "master.cf").write_text(master.replace("\nsmtp      inet ", f"\n127.0.0.1:{self.port} inet "))
        self.changes = {
            "queue_directory": f"{self.folder}/queue",
            "data_directory": f"{self.folder}/data",
            "maillog_file": f"{self.folder}/log/maillog",
            "maillog_file_prefixes": f"{self.folder}",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.front.test",
            "relay_domains": self.domain,
            "smtpd_tls_cert_file": f"{self.folder}/tls/server.pem",
            "smtpd_tls_key_file": f"{self.folder}/tls/server.key",
            "smtpd_peername_lookup": "no",
            "lmtp_host_lookup": "native",
            "smtp_host_lookup": "native",
        } | self.changes


@contextmanager
def postfix(domain: str, changes: Mapping[str, str] | None = None, kind: type[Postfix] = Postfix) -> Iterator[Postfix]:
    """One that runs; without root, or Postfix, the test is skipped."""
    need("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix is started by root only")
    # Not below the folder of pytest, which Postfix's own user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="optimails-postfix-"))
    folder.chmod(0o755)
    server = kind(folder, domain, changes)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
