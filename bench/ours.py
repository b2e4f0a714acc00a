#!/usr/bin/env python3
"""Start and stop this service for a measurement, on loopback high ports, with the benchmark's accounts.

    ours.py up DIR [--port-base N] [--workers N]
    ours.py down DIR

``up`` makes configuration and accounts under DIR as far as they are missing, starts the service and leaves
DIR/peer.json (addresses, users, process id), which the driver reads with ``--peer``. Accounts have no limits. A
worker pays bcrypt once for an account, then remembers; the low cost keeps those first log-ins from hiding the rest.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from optimails.cli.service_file import occupied
from optimails.config import load
from optimails.directory.admin import UNLIMITED, Admin
from optimails.directory.database import open_database

ACCOUNTS = 32
PASSWORD = "bench-secret"
DOMAIN = "bench.example"
HOST = "127.0.0.1"
PORT_BASE = 31400
OFFSETS = {"imap": 43, "pop3": 10, "lmtp": 24, "smtp": 25}
MANAGEMENT = 80
PROGRAM = Path(sys.executable).parent / "optimails"

CONFIG = """\
[server]
data = "."
hostname = "{domain}"
workers = {workers}

[management]
address = "{host}:{management}"

[log]
file = "log"
level = "warning"

[directory]
bcrypt_cost = {bcrypt}

# The driver is one address that holds hundreds of connections, on sockets without TLS.
[login]
connections_per_account = 0
connections_per_address = 0

[imap]
allow_plaintext = true

[pop3]
allow_plaintext = true
"""
LISTENER = """
[[listener]]
protocol = "{protocol}"
address = "{host}:{port}"
tls = "none"
"""


def configure(directory: Path, ports: dict[str, int], management: int, options: argparse.Namespace) -> None:
    text = CONFIG.format(
        domain=DOMAIN, host=HOST, workers=options.workers, bcrypt=options.bcrypt, management=management
    )
    text += "".join(LISTENER.format(protocol=protocol, host=HOST, port=port) for protocol, port in ports.items())
    for extra in options.set or ():
        text += f"\n{extra}\n"
    (directory / "optimails.toml").write_text(text)


def fill(directory: Path) -> list[str]:
    """The domain and its accounts, as far as they are missing; gives their logins."""
    config = load(directory / "optimails.toml", {})
    admin = Admin(open_database(config.directory, config.server.data), config.directory)
    if not any(info.name == DOMAIN for info in admin.domain_list()):
        admin.domain_add(DOMAIN)
    there = {info.address for info in admin.account_list(DOMAIN)}
    logins = [f"bench{number:03d}@{DOMAIN}" for number in range(ACCOUNTS)]
    for login in logins:
        if login not in there:
            admin.account_add(login, plan="premium", password=PASSWORD, storage=UNLIMITED, messages=UNLIMITED)
    return logins


def await_port(port: int, service: subprocess.Popen[bytes], limit: float = 30) -> None:
    until = time.monotonic() + limit
    while True:
        try:
            with socket.create_connection((HOST, port), 5) as connection:
                connection.recv(1)
                return
        except OSError:
            if time.monotonic() > until or service.poll() is not None:
                raise
            time.sleep(0.1)


def up(options: argparse.Namespace) -> None:
    directory = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    ports = {protocol: options.port_base + offset for protocol, offset in OFFSETS.items()}
    configure(directory, ports, options.port_base + MANAGEMENT, options)
    if taken := occupied(load(directory / "optimails.toml", {}).listener):
        raise SystemExit(f"port {taken.port} is taken: choose another --port-base")
    logins = fill(directory)
    (directory / "users").write_text("".join(f"{login} {PASSWORD} {login}\n" for login in logins))
    command = [str(PROGRAM), "--config", str(directory / "optimails.toml"), "serve"]
    with (directory / "output").open("ab") as output:
        service = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    for port in ports.values():
        await_port(port, service)
    addresses = {protocol: f"{HOST}:{port}" for protocol, port in ports.items()}
    peer = {"name": "optimails", "pid": service.pid, "users": str(directory / "users"), **addresses}
    (directory / "peer.json").write_text(json.dumps(peer, indent=1) + "\n")
    print(json.dumps(peer))


def down(options: argparse.Namespace) -> None:
    pid = json.loads((options.directory / "peer.json").read_text())["pid"]
    for number, patience in ((signal.SIGTERM, 35), (signal.SIGKILL, 5)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            break
        until = time.monotonic() + patience
        while alive(pid) and time.monotonic() < until:
            time.sleep(0.1)
        if not alive(pid):
            break
    print("down")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True)
    start = actions.add_parser("up")
    start.add_argument("directory", type=Path)
    start.add_argument("--port-base", type=int, default=PORT_BASE)
    start.add_argument("--workers", type=int, default=0, help="mail workers; 0: one per core")
    start.add_argument("--bcrypt", type=int, default=4, metavar="COST", help="cost of the passwords' bcrypt")
    start.add_argument("--set", action="append", metavar="TOML", help="more, such as '[store]\\nthreads = 8'")
    start.set_defaults(run=up)
    stop = actions.add_parser("down")
    stop.add_argument("directory", type=Path)
    stop.set_defaults(run=down)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
