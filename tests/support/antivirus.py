"""A private clamd with signatures of our own, and a c-icap that asks it."""

import contextlib
import hashlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from securemail.structure.signatures import EICAR
from tests.support.free_ports import free_ports
from tests.support.programs import need

SAMPLES = Path("/usr/share/clamav-testfiles")
_CLAMD = """
Foreground yes
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {dir}/signatures
TemporaryDirectory {dir}
User {user}
AlertEncrypted yes
AlertExceedsMax yes
MaxThreads 4
ConcurrentDatabaseReload no
"""
_ICAP = """
PidFile {dir}/icap.pid
CommandsSocket {dir}/icap.ctl
Port 127.0.0.1:{port}
TmpDir {dir}
ServerLog {dir}/icap.log
AccessLog {dir}/icap-access.log
ModulesDir /usr/lib/x86_64-linux-gnu/c_icap
ServicesDir /usr/lib/x86_64-linux-gnu/c_icap
TemplateDir /usr/share/c_icap/templates/
LoadMagicFile /etc/c-icap/c-icap.magic
StartServers 1
MaxServers 1
ThreadsPerChild 4
Service antivirus_module virus_scan.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.MaxObjectSize 100M
Module common clamd_mod.so
clamd_mod.ClamdHost 127.0.0.1
clamd_mod.ClamdPort {clamd}
"""


@contextlib.contextmanager
def clamd(port: int = 0) -> Iterator[int]:
    """The port of one, by default a free one. It knows the EICAR file and the sample of Debian's clamav-testfiles, by
    digest alone."""
    program = need("clamd", "clamav-daemon")
    if not SAMPLES.is_dir():
        pytest.skip("MISSING FILES: apt-get install clamav-testfiles")
    with _folder() as folder:
        signatures = folder / "signatures"
        signatures.mkdir()
        sample = (SAMPLES / "clam.exe").read_bytes()
        lines = [f"{hashlib.md5(data).hexdigest()}:{len(data)}:{name}"
                 for name, data in (("Ours.Eicar", EICAR), ("Ours.Sample", sample))]  # fmt: skip
        (signatures / "ours.hdb").write_text("\n".join(lines) + "\n")
        port = port or free_ports(1)[0]
        (folder / "clamd.conf").write_text(_CLAMD.format(port=port, dir=folder, user="root"))
        with _running([program, "-c", str(folder / "clamd.conf")], folder / "log", port):
            yield port


@contextlib.contextmanager
def icap(clamd_port: int) -> Iterator[int]:
    """The port of one whose service ``avscan`` asks that clamd."""
    program = need("c-icap")
    with _folder() as folder:
        (port,) = free_ports(1)
        (folder / "icap.conf").write_text(_ICAP.format(port=port, dir=folder, clamd=clamd_port))
        with _running([program, "-N", "-f", str(folder / "icap.conf")], folder / "log", port):
            yield port


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="optimails-antivirus-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
