"""Private rspamd and SpamAssassin, of Debian's packages: without network, their Bayes trained on the same mail."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Peer:
    """Processes of ours, ended by their ids."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spam-peer-"))
        self.folder.chmod(0o755)
        self._started: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str | Path, port: int) -> None:
        with (self.folder / "log").open("ab") as log:
            one = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, start_new_session=True)
        self._started.append(one)
        until = time.monotonic() + 180
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if one.poll() is not None or time.monotonic() > until:
                raise SystemExit((self.folder / "log").read_text()[-3000:])
            time.sleep(0.2)

    def cpu(self) -> float:
        """Seconds of all our processes and their children so far."""
        sessions = {one.pid for one in self._started}
        total = 0
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                    if int(fields[3]) in sessions:
                        total += sum(map(int, fields[11:15]))
        return total / TICK

    def close(self) -> None:
        for one in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Rspamd(Peer):
    """Debian's configuration, no network, Bayes in a Redis of its own."""

    name = "rspamd"

    def __init__(self) -> None:
        super().__init__()
        self._redis, self._port, self._controller = free_port(), free_port(), free_port()
        local = self.folder / "local.d"
        local.mkdir()
        for name, text in {
            "redis.conf": f'servers = "127.0.0.1:{self._redis}";',
            "worker-normal.inc": f'bind_socket = "127.0.0.1:{self._port}"; count = 1;',
            "worker-controller.inc": f'bind_socket = "127.0.0.1:{self._controller}"; secure_ip = "127.0.0.1";',
            "worker-proxy.inc": f'bind_socket = "127.0.0.1:{free_port()}";',
            "worker-fuzzy.inc": "enabled = false;",
            "options.inc": 'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.01s; retransmits = 1; }',
            "logging.inc": 'type = "console"; level = "error";',
            "classifier-bayes.conf": "autolearn = false; min_learns = 100;",
        }.items():
            (local / name).write_text(text)

    def start(self) -> None:
        self.run("redis-server", "--port", str(self._redis), "--save", "", "--dir", self.folder, port=self._redis)
        self.run(
            "rspamd", "-f", "--insecure", "-c", "/etc/rspamd/rspamd.conf",
            "--var", f"LOCAL_CONFDIR={self.folder}", "--var", f"DBDIR={self.folder}", "--var", f"RUNDIR={self.folder}",
            port=self._port,
        )  # fmt: skip

    def learn(self, messages: Iterable[tuple[bytes, bool]]) -> None:
        for raw, spam in messages:
            self._post(self._controller, "/learnspam" if spam else "/learnham", raw)

    def score(self, raw: bytes) -> float:
        return float(json.loads(self._post(self._port, "/checkv2", raw)).get("score", 0.0))

    @staticmethod
    def _post(port: int, path: str, raw: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("POST", path, raw)
        answer = connection.getresponse().read()
        connection.close()
        return answer


class SpamAssassin(Peer):
    """Debian's rules, local tests only, Bayes in files of its own."""

    name = "SpamAssassin"

    def __init__(self) -> None:
        super().__init__()
        self._port = free_port()
        self._settings = self.folder / "user_prefs"
        self._settings.write_text(
            f"bayes_path {self.folder}/bayes\nbayes_auto_learn 0\nuse_auto_welcomelist 0\nbayes_file_mode 0777\n"
        )

    def start(self) -> None:
        for path in (self.folder, *self.folder.iterdir()):  # it insists on not being root
            shutil.chown(path, "nobody")
        self.run(
            "spamd", "-L", "-x", "-u", "nobody", "--listen", "127.0.0.1", "-p", str(self._port), "--max-children", "1",
            "--cf", self._settings.read_text(), "-s", "stderr", "-r", self.folder / "pid",
            port=self._port,
        )  # fmt: skip

    def learn(self, messages: Iterable[tuple[bytes, bool]]) -> None:
        for kind in ("ham", "spam"):
            (self.folder / kind).mkdir()
        for number, (raw, spam) in enumerate(messages):
            (self.folder / ("spam" if spam else "ham") / f"{number:05}").write_bytes(raw)
        for kind in ("ham", "spam"):
            subprocess.run(
                ["sa-learn", "-L", "-p", self._settings, f"--{kind}", "--no-sync", self.folder / kind],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        subprocess.run(["sa-learn", "-L", "-p", self._settings, "--sync"], check=True, stdout=subprocess.DEVNULL)

    def score(self, raw: bytes) -> float:
        with socket.create_connection(("127.0.0.1", self._port), timeout=300) as to:
            to.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw)
            to.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: to.recv(65536), b""))
        found = re.search(rb"Spam: \w+ ; (-?[\d.]+) /", answer)
        return float(found[1]) if found else 0.0


@contextlib.contextmanager
def running(peer: Peer) -> Iterator[Peer]:
    try:
        yield peer
    finally:
        peer.close()
