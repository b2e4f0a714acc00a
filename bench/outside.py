#!/usr/bin/env python3
"""Two promises about mail that goes on to other servers, measured with a service of its own.

    outside.py dead [--messages N]      a dead destination with N (100,000) messages: does anybody else wait?
    outside.py large [--megabytes N]    one message of N (100) MB in and out: does memory stay flat?

Both start the service (``ours.py``), a server on loopback that takes mail for one domain, and, for ``dead``, a second
domain whose server does not answer. Results are printed as JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from optimails.config import load
from optimails.model.address import EmailAddress
from optimails.queue.api import Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue

OURS = Path(__file__).with_name("ours.py")
PORT_BASE = 42400
PROBES = 300
TICK = os.sysconf("SC_CLK_TCK")
SENDER = "sender@example.org"


class Sink:
    """A server that takes everything, and remembers when each probe was complete, and how much came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.arrived: dict[str, float] = {}
        self.largest = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 sink\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    self._content(lines)
                connection.sendall(
                    {b"EHLO": b"250-sink\r\n250 PIPELINING\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
                )

    def _content(self, lines: Iterable[bytes]) -> None:
        size, name = 0, ""
        for line in lines:
            if line == b".\r\n":
                break
            size += len(line)
            if not name and (found := re.match(rb"Subject: (\S+)", line)):
                name = found[1].decode()
        self.arrived[name] = time.monotonic()
        self.largest = max(self.largest, size)


class House:
    """The service, with both domains handed on."""

    def __init__(self, folder: Path, sink: Sink, more: str = "") -> None:
        self.folder = folder
        relays = "".join(
            f'\n[[relay]]\ndomain = "{domain}"\ntarget = "127.0.0.1:{port}"\ntls = "none"\n'
            for domain, port in (("live.example", sink.port), ("dead.example", 9))
        )
        command = [sys.executable, str(OURS), "up", str(folder), "--port-base", str(PORT_BASE), "--set", relays]
        subprocess.run([*command, *(("--set", more) if more else ())], check=True, stdout=subprocess.DEVNULL)
        self.pid = json.loads((folder / "peer.json").read_text())["pid"]

    def connect(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", PORT_BASE + 25)

    def workers(self) -> dict[str, int]:
        """Process ids of the workers by what they do."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        named = {}
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            if "optimails.supervisor.worker" in words:
                named[" ".join(words[3:5])] = int(child)
        return named

    def close(self) -> None:
        subprocess.run([sys.executable, OURS, "down", self.folder], check=False, stdout=subprocess.DEVNULL)


def cpu(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> int:
    """MiB of memory of a process's own: without files that it maps."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def wait(condition: Callable[[], bool], limit: float = 120) -> None:
    until = time.monotonic() + limit
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("it takes too long")
        time.sleep(0.02)


def probe(house: House, sink: Sink, label: str) -> dict[str, float]:
    """Milliseconds until mail is accepted for an account here, and from acceptance until it is at the living server."""
    here, sent = [], {}
    with house.connect() as client:
        for number in range(PROBES):
            name = f"{label}-{number}"
            content = f"Subject: {name}\r\n\r\n{'text ' * 200}\r\n"
            before = time.monotonic()
            client.sendmail(SENDER, ["bench000@bench.example"], content)
            here.append(time.monotonic() - before)
            client.sendmail(SENDER, ["a@live.example"], content)
            sent[name] = time.monotonic()
            time.sleep(0.02)
    wait(lambda: sent.keys() <= sink.arrived.keys())
    onward = sorted(max(sink.arrived[name] - moment, 0) for name, moment in sent.items())
    here.sort()
    return {
        f"{what} {how}": round(value * 1000, 1)
        for what, times in (("accepted here", here), ("carried on", onward))
        for how, value in (("median", statistics.median(times)), ("99 %", times[int(len(times) * 0.99)]))
    }


async def fill(house: House, count: int) -> None:
    """Put messages for the dead destination straight into the queue."""
    config = load(house.folder / "optimails.toml", {})
    queue = Queue(config.server.data, config.queue, config.relay)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
    sender, recipient = EmailAddress.parse(SENDER), (QueuedRecipient(EmailAddress.parse("a@dead.example")),)
    for start in range(0, count, 500):
        some = range(start, min(count, start + 500))
        message = Outbound(sender, recipient, Origin.RELAY)
        await asyncio.gather(*(queue.accept(message, [b"Subject: %d\r\n\r\ntext\r\n" % number]) for number in some))
    queue.close()


def dead(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    sink = Sink()
    house = House(folder, sink)
    try:
        before = probe(house, sink, "before")
        began = time.monotonic()
        asyncio.run(fill(house, options.messages))
        filled = time.monotonic() - began
        time.sleep(5)
        after = probe(house, sink, "after")
        jobs = next(pid for name, pid in house.workers().items() if name.startswith("jobs"))
        used = cpu(jobs)
        time.sleep(20)
        share = (cpu(jobs) - used) / 20
    finally:
        house.close()
    return {
        "messages": options.messages,
        "seconds to fill": round(filled),
        "ms before": before,
        "ms with the dead destination": after,
        "jobs worker, cores used while they wait": round(share, 3),
    }


def large(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    sink = Sink()
    size = options.megabytes * 1_000_000
    house = House(folder, sink, f"[smtp]\nmax_message_size = {2 * size}")
    try:
        probe(house, sink, "warm")
        workers = house.workers()
        before = {name: resident(pid) for name, pid in workers.items()}
        peak, done = dict(before), threading.Event()

        def watch() -> None:
            while not done.wait(0.02):
                for name, pid in workers.items():
                    peak[name] = max(peak[name], resident(pid))

        watching = threading.Thread(target=watch)
        watching.start()
        body = ("x" * 76 + "\r\n") * (size // 78)
        with house.connect() as client:
            client.sendmail(SENDER, ["bench001@bench.example"], f"Subject: here\r\n\r\n{body}")
            client.sendmail(SENDER, ["a@live.example"], f"Subject: large\r\n\r\n{body}")
        wait(lambda: "large" in sink.arrived)
        time.sleep(2)
        done.set()
        watching.join()
        after = {name: resident(pid) for name, pid in workers.items()}
    finally:
        house.close()
    rows = {name: {"before": before[name], "peak": peak[name], "after": after[name]} for name in workers}
    return {"bytes that arrived": sink.largest, "MiB of each worker": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True)
    one = actions.add_parser("dead")
    one.add_argument("--messages", type=int, default=100_000)
    one.set_defaults(run=dead)
    two = actions.add_parser("large")
    two.add_argument("--megabytes", type=int, default=100)
    two.set_defaults(run=large)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="optimails-outside-") as folder:
        print(json.dumps(options.run(options, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
