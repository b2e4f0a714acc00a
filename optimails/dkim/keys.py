"""The signing keys of our domains: files under ``dkim/`` in the data folder.

    dkim/example.org/2026-11a-rsa.pem     private key, PKCS #8, readable for the service alone
    dkim/example.org/active.json          selectors that sign now

Rotation makes new keys beside the old ones, which sign no more. The old records stay in the DNS until mail signed with
them has arrived everywhere, so the old files stay as well, for ``optimails domain dns`` to name them.
"""

import base64
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from optimails.model.errors import Reason, Refused

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
RSA_BITS = 2048  # RFC 8301 §3.2; longer keys do not fit one UDP answer


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One private key with the selector its public half has in the DNS."""

    domain: str  # A-labels
    selector: str
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(self, digest_input: bytes) -> bytes:
        """The signature of these bytes; Ed25519 signs their SHA-256 (RFC 8463 §3)."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest_input, padding.PKCS1v15(), hashes.SHA256())
        digest = hashes.Hash(hashes.SHA256())
        digest.update(digest_input)
        return self.key.sign(digest.finalize())

    @property
    def record(self) -> str:
        """Text of the TXT record at ``<selector>._domainkey.<domain>`` (RFC 6376 §3.6.1, RFC 8463 §4)."""
        public = self.key.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            data = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(data).decode()}"
        data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(data).decode()}"


class KeyStore:
    """Keys by domain. A domain's keys are read anew when its folder changed."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is ``dkim`` in the data folder; it need not be there."""
        self._folder = folder
        self._read: dict[str, tuple[int, tuple[SigningKey, ...]]] = {}

    def active(self, domain: str) -> tuple[SigningKey, ...]:
        """Keys that sign for a domain (A-labels) now; none when it has none. Raises ``OSError`` for unreadable ones."""
        if not _DOMAIN.fullmatch(domain):
            return ()
        try:
            changed = (self._folder / domain / "active.json").stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        known = self._read.get(domain)
        if known is None or known[0] != changed:
            selectors = json.loads((self._folder / domain / "active.json").read_text("utf-8"))
            known = changed, tuple(self._load(domain, selector) for selector in selectors)
            self._read[domain] = known
        return known[1]

    def all(self, domain: str) -> tuple[SigningKey, ...]:
        """Active keys first, then those that were rotated out and not yet deleted."""
        active = self.active(domain)
        names = {key.selector for key in active}
        folder = self._folder / domain
        others = sorted(path.stem for path in folder.glob("*.pem")) if _DOMAIN.fullmatch(domain) else []
        return (*active, *(self._load(domain, name) for name in others if name not in names))

    def make(self, domain: str, *, prefix: str = "") -> tuple[SigningKey, ...]:
        """New keys, RSA and Ed25519, which sign from now on. ``prefix`` of the selectors; by default the month.

        Raises:
            Refused: ``domain`` cannot have a folder, or ``prefix`` cannot be a selector.
        """
        if not _DOMAIN.fullmatch(domain) or (prefix and not _SELECTOR.fullmatch(prefix)):
            raise Refused(Reason.CANNOT, f"{prefix or domain!r} cannot be part of a name in the DNS")
        folder = self._folder / domain
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = prefix or self._free_prefix(folder)
        made = (
            SigningKey(domain, f"{stem}-rsa", rsa.generate_private_key(65537, RSA_BITS)),
            SigningKey(domain, f"{stem}-ed", ed25519.Ed25519PrivateKey.generate()),
        )
        for key in made:
            pem = key.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            _write(folder / f"{key.selector}.pem", pem)
        _write(folder / "active.json", json.dumps([key.selector for key in made]).encode(), replace=True)
        self._read.pop(domain, None)
        return made

    @staticmethod
    def _free_prefix(folder: Path) -> str:
        month = time.strftime("%Y-%m")
        return next(
            name for letter in range(10_000)
            if not (folder / f"{(name := f'{month}-{letter + 1}')}-rsa.pem").exists()
        )  # fmt: skip

    def _load(self, domain: str, selector: str) -> SigningKey:
        key = serialization.load_pem_private_key((self._folder / domain / f"{selector}.pem").read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise OSError(f"{domain}/{selector}.pem is not an RSA or Ed25519 key")
        return SigningKey(domain, selector, key)


def _write(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Whole or not at all, and never readable for others, not even for a moment."""
    place = path.with_suffix(".new") if replace else path
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        place.replace(path)
