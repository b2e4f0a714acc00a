"""A private OpenDKIM that signs whatever it sees, on a Unix socket."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.programs import need

SELECTOR = "filter"
_CONFIG = """
Syslog no
Mode s
Domain {domain}
Selector {selector}
KeyFile {dir}/key
Socket local:{dir}/socket
InternalHosts 0.0.0.0/0
Canonicalization simple/simple
OversignHeaders From
RequireSafeKeys no
Background no
"""


@dataclass(frozen=True, slots=True)
class OpenDkim:
    address: str
    record: bytes  # of its key, as the DNS would have it


@contextmanager
def opendkim(domain: str) -> Iterator[OpenDkim]:
    """One that runs."""
    program = need("opendkim")
    folder = Path(tempfile.mkdtemp(prefix="optimails-opendkim-"))
    key = rsa.generate_private_key(65_537, 2_048)
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
    config = folder / "conf"
    config.write_text(_CONFIG.format(dir=folder, domain=domain, selector=SELECTOR))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-f", "-x", config], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not (folder / "socket").exists():
            assert time.monotonic() < until, (folder / "log").read_text()
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield OpenDkim(f"unix:{folder}/socket", record)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
