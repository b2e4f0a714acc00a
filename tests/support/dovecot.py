"""Dovecot from Debian as the reference peer: a client test that fails here too is a mistake in the test.

``OPTIMAILS_PEER=dovecot pytest tests/clients`` uses it. Dovecot's submission only relays, so a thread plays the MTA
behind it and hands everything to Dovecot's LMTP.
"""

import contextlib
import shutil
import smtplib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support import certificates
from tests.support.free_ports import free_ports
from tests.support.peer import MailUser, Peer

DOMAIN = "example.org"
CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap pop3 lmtp submission
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_username_format = %Ln
first_valid_uid = 8
first_valid_gid = 8
mail_location = maildir:~/Maildir:LAYOUT=fs
mail_fsync = never
auth_failure_delay = 0
hostname = localhost
postmaster_address = postmaster@example.org
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
quota_full_tempfail = yes
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_rule = *:storage=100M
  quota_vsizes = yes
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {dir}/passwd
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
  mailbox Archive {{
    auto = subscribe
    special_use = \\Archive
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""
PROTOCOLS = ("imap", "imaps", "pop3", "pop3s", "lmtp", "submission", "submissions")


class _Mta(socketserver.StreamRequestHandler):
    """Just enough SMTP to take what Dovecot's submission relays."""

    lmtp_port: int

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        sender, recipients = "", []
        self.say("220 relay")
        for raw in self.rfile:
            line = raw.decode().strip()
            verb = line.upper()
            if verb.startswith(("EHLO", "LHLO")):
                self.say("250-relay")
                self.say("250 8BITMIME")
            elif verb.startswith("MAIL FROM:"):
                sender, recipients = line.split("<", 1)[1].split(">")[0], []
                self.say("250 2.1.0 ok")
            elif verb.startswith("RCPT TO:"):
                recipients.append(line.split("<", 1)[1].split(">")[0])
                self.say("250 2.1.5 ok")
            elif verb == "DATA":
                self.say("354 go")
                lines = []
                while (data := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(data.removeprefix(b"."))
                with smtplib.LMTP("127.0.0.1", self.lmtp_port) as lmtp:
                    lmtp.sendmail(sender, recipients, b"".join(lines))
                self.say("250 2.0.0 ok")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 ok")


@contextlib.contextmanager
def running(users: int = 40) -> Iterator[Peer]:
    """A Dovecot with TLS that lives as long as the context."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as place:
        Path(place).chmod(0o755)  # its processes have users of their own
        with running_in(Path(place), users) as peer:
            yield peer


@contextlib.contextmanager
def running_in(directory: Path, users: int, settings: str = "") -> Iterator[Peer]:
    """The same in a folder that its processes can enter; ``settings`` are added. Homes are ``mail/user00`` …"""
    ca_file, certificate, key = certificates.make(directory / "tls")
    ports = dict(zip(PROTOCOLS, free_ports(len(PROTOCOLS)), strict=True))
    handler = type("Mta", (_Mta,), {"lmtp_port": ports["lmtp"]})
    relay = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    relay.daemon_threads = True
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    accounts = [MailUser(f"user{n:02d}@{DOMAIN}", "secret word", f"user{n:02d}@{DOMAIN}") for n in range(users)]
    (directory / "passwd").write_text("".join(f"{u.login.split('@')[0]}:{{PLAIN}}{u.password}\n" for u in accounts))
    (directory / "mail").mkdir()
    shutil.chown(directory / "mail", "mail", "mail")
    config = directory / "dovecot.conf"
    config.write_text(
        CONFIG.format(dir=directory, certificate=certificate, key=key, relay=relay.server_address[1], **ports)
        + settings
    )
    process = subprocess.Popen(["dovecot", "-F", "-c", str(config)], stdin=subprocess.DEVNULL)
    try:
        _await(ports["imap"], process)
        yield Peer(certificates.HOST, ports, ca_file, accounts, name="dovecot")
    finally:
        process.terminate()
        process.wait(20)
        relay.shutdown()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
            if connection.recv(10):
                return
        assert process.poll() is None, "dovecot ended"
        time.sleep(0.05)
    raise AssertionError("dovecot does not answer")
