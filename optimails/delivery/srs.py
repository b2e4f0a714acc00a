"""The Sender Rewriting Scheme: mail that we send on carries an envelope sender in a domain of ours.

**The problem.** Whoever receives forwarded mail asks the SPF record of the envelope sender's domain whether this server
may send for it. It may not: it only passes the mail on. So the sender becomes an address of the forwarding domain that
says who the true sender is; a bounce to it comes here, is read back, and goes on to that sender.

**The form.** ``SRS0=hash=day=domain=local@ours``; for a sender that another server has rewritten already,
``SRS1=hash=its domain=its rest@ours``, which leads back to that server and not through the whole chain. A sender that
does not fit into a local part (64 octets), or is quoted, is kept in a small SQLite file, and a token stands for it:
``SRS0=hash=day==token@ours``.

**No relay for strangers.** The hash, of 40 bits and keyed with a secret of this service, says that we wrote the
address; the day ends it after three weeks, when every server has given up. Only the null sender may use it. Letters may
change their case on the way, so nothing depends on it. Scheme: Wong, "Sender Rewriting Scheme", 2004.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import idna

from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Unavailable
from optimails.store.secret import secret

DAYS = 21
KEY = "srs.key"
LONG = "srs.sqlite"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # of base32
_WRITTEN = re.compile(r"srs[01][=+-].+", re.IGNORECASE | re.DOTALL)
_SRS0 = re.compile(r"srs0=([a-z2-7]{8})=([a-z2-7]{2})=([^=]*)=(.+)", re.IGNORECASE)
_SRS1 = re.compile(r"srs1=([a-z2-7]{8})=([^=]+)=([=+-].+)", re.IGNORECASE)
_FOREIGN0 = re.compile(r"srs0([=+-].+)", re.IGNORECASE)
_FOREIGN1 = re.compile(r"srs1[=+-][^=]+=([^=]+)=([=+-].+)", re.IGNORECASE)
_DAY = 86_400
_SCHEMA = "CREATE TABLE IF NOT EXISTS sender (token TEXT PRIMARY KEY, address TEXT NOT NULL, expires INTEGER NOT NULL)"


def is_rewritten(address: EmailAddress) -> bool:
    """Whether it has the form of a rewritten sender, ours or another's."""
    return _WRITTEN.fullmatch(address.local) is not None


class Srs:
    """One per worker; all of a machine share the secret in ``data``, which is made when it is first needed."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._secret: bytes | None = None

    async def rewrite(self, sender: EmailAddress, domain: str) -> EmailAddress:
        """The sender for mail that ``domain`` sends on. Raises ``Unavailable``."""
        return await asyncio.get_running_loop().run_in_executor(None, self._rewrite, sender, domain)

    async def read(self, address: EmailAddress) -> EmailAddress | None:
        """The sender that we rewrote to this address; None when we did not, or long ago. Raises ``Unavailable``."""
        return await asyncio.get_running_loop().run_in_executor(None, self._read, address)

    # -- in a thread

    def _rewrite(self, sender: EmailAddress, domain: str) -> EmailAddress:
        try:
            return EmailAddress.parse(f"{self._again(sender) or self._first(sender)}@{domain}")
        except BadSyntax:  # it is quoted, too long, or at an address literal
            return EmailAddress(self._short(sender), domain)

    def _first(self, sender: EmailAddress) -> str:
        day, origin = _day(time.time()), _ascii(sender.domain)
        return f"SRS0={self._hash(day, origin, sender.local)}={day}={origin}={sender.local}"

    def _again(self, sender: EmailAddress) -> str | None:
        """For a sender that is rewritten already."""
        if found := _FOREIGN0.fullmatch(sender.local):
            origin, rest = _ascii(sender.domain), found[1]
        elif found := _FOREIGN1.fullmatch(sender.local):
            origin, rest = found[1], found[2]
        else:
            return None
        return f"SRS1={self._hash(origin, rest)}={origin}={rest}"

    def _short(self, sender: EmailAddress) -> str:
        day = _day(time.time())
        # The same sender gets the same token: a list that sends every hour costs one row.
        token = self._digest("token", str(sender))[:20]
        now = int(time.time())
        with self._senders() as database, database:
            database.execute("DELETE FROM sender WHERE expires < ?", (now,))
            row = (token, str(sender), now + (DAYS + 1) * _DAY)
            database.execute("INSERT OR REPLACE INTO sender VALUES (?, ?, ?)", row)
        return f"SRS0={self._hash(day, '', token)}={day}=={token}"

    def _read(self, address: EmailAddress) -> EmailAddress | None:
        try:
            if found := _SRS0.fullmatch(address.local):
                given, day, domain, local = found.groups()
                if not self._ours(given, day, domain, local) or not _recent(day):
                    return None
                return EmailAddress.parse(f"{local}@{domain}") if domain else self._kept(local)
            if found := _SRS1.fullmatch(address.local):
                given, origin, rest = found.groups()
                return EmailAddress.parse(f"SRS0{rest}@{origin}") if self._ours(given, origin, rest) else None
        except BadSyntax:
            pass
        return None

    def _kept(self, token: str) -> EmailAddress | None:
        with self._senders() as database:
            row = database.execute("SELECT address FROM sender WHERE token = ?", (token.lower(),)).fetchone()
        return EmailAddress.parse(row[0]) if row else None

    @contextlib.contextmanager
    def _senders(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._data / LONG, timeout=10)) as database:
                database.execute("PRAGMA synchronous = FULL")
                database.execute(_SCHEMA)
                yield database
        except (sqlite3.Error, OSError) as wrong:
            raise Unavailable("Rewritten senders cannot be read or written now") from wrong

    def _ours(self, given: str, *parts: str) -> bool:
        return hmac.compare_digest(given.lower(), self._hash(*parts))

    def _hash(self, *parts: str) -> str:
        return self._digest(*parts)[:8]

    def _digest(self, *parts: str) -> str:
        mac = hmac.digest(self._key(), "\0".join(parts).lower().encode("utf-8", "replace"), hashlib.sha256)
        return base64.b32encode(mac).decode().lower()

    def _key(self) -> bytes:
        if self._secret is None:
            path = self._data / KEY
            try:
                self._secret = secret(path)
            except OSError as wrong:
                raise Unavailable("The secret of rewritten senders cannot be read") from wrong
        return self._secret


def _ascii(domain: str) -> str:
    """As it stands in a local part that needs no SMTPUTF8."""
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def _day(now: float) -> str:
    """The day as two letters, the same again after 1024 days."""
    number = int(now // _DAY) % 1024
    return _ALPHABET[number // 32] + _ALPHABET[number % 32]


def _recent(day: str) -> bool:
    number = _ALPHABET.index(day[0].lower()) * 32 + _ALPHABET.index(day[1].lower())
    return (int(time.time() // _DAY) - number) % 1024 <= DAYS
