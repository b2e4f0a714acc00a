"""MTA-STS (RFC 8461): a domain says over HTTPS which hosts take its mail, and that they have valid certificates.

A policy once seen holds until its time is over, whatever the DNS or the policy host say meanwhile: an attacker who can
silence both must not be able to switch it off. So policies are kept on disk, one small file for each domain.
"""

import asyncio
import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from optimails.config.outbound import OutboundSettings
from optimails.dns import Resolver
from optimails.model.dns_name import ascii_name
from optimails.model.errors import Unavailable
from smtp.outbound.https import FetchFailed, fetch

MAX_POLICY = 65_536  # bytes, RFC 8461 §3.2 leaves the limit to us
MAX_AGE = 31_557_600  # seconds, §3.2
_RECORD = re.compile(r"v=STSv1[ \t]*;(.*)", re.DOTALL)
_ID = re.compile(r"[A-Za-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """One domain's policy."""

    id: str
    mode: Literal["enforce", "testing", "none"]
    mx: tuple[str, ...]  # names; "*." stands for one label
    expires: float  # Unix seconds
    lines: tuple[str, ...] = ()  # as published, for reports

    def matches(self, host: str) -> bool:
        """RFC 8461 §4.1."""
        return any(host == one or (one.startswith("*.") and host.partition(".")[2] == one[2:]) for one in self.mx)


class BadPolicy(Exception):
    """What was published is not a policy."""


def parse_policy(text: str, identifier: str, now: float) -> StsPolicy:
    """RFC 8461 §3.2. Raises ``BadPolicy``."""
    fields: dict[str, str] = {}
    hosts: list[str] = []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise BadPolicy("a line has no colon")
        if key == "mx":
            hosts.append(value.lower().rstrip("."))
        else:
            fields.setdefault(key, value)
    mode, age = fields.get("mode"), fields.get("max_age", "")
    if fields.get("version") != "STSv1" or mode not in {"enforce", "testing", "none"}:
        raise BadPolicy("version or mode is missing, or unknown")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise BadPolicy("max_age is missing, or no number")
    if mode != "none" and not hosts:
        raise BadPolicy("it names no hosts")
    return StsPolicy(identifier, mode, tuple(hosts[:100]), now + min(int(age), MAX_AGE), tuple(lines[:110]))  # type: ignore[arg-type]  # mode is one of three, see above


def record_id(texts: list[str]) -> str | None:
    """The id of the TXT record at ``_mta-sts.<domain>`` (§3.1); None when there is none, or more than one."""
    found = [match.group(1) for text in texts if (match := _RECORD.match(text))]
    if len(found) != 1:
        return None
    for part in found[0].split(";"):
        key, _, value = part.strip().partition("=")
        if key.strip() == "id" and _ID.fullmatch(value.strip()):
            return value.strip()
    return None


class StsPolicies:
    """Policies of all domains, remembered on disk."""

    def __init__(
        self,
        folder: Path,
        resolver: Resolver,
        settings: OutboundSettings,
        context: ssl.SSLContext,
        failed: Callable[[str, str], None] = lambda _domain, _kind: None,
    ) -> None:
        """``failed`` is told of domains whose policy could not be had, with the result type of RFC 8460 §4.3."""
        self._folder = folder
        self._resolver = resolver
        self._settings = settings
        self._context = context
        self._failed = failed
        self._known: dict[str, StsPolicy | None] = {}
        self._not_before: dict[str, float] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def of(self, domain: str) -> StsPolicy | None:
        """The policy that holds for a domain now, or None. Never raises: without a policy the default applies."""
        try:
            name = ascii_name(domain)
        except ValueError:
            return None
        lock = self._fetching.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                return await self._current(name)
        finally:
            if not lock.locked():
                self._fetching.pop(name, None)

    async def _current(self, domain: str) -> StsPolicy | None:
        known = await self._remembered(domain)
        try:
            identifier = record_id(await self._resolver.texts(f"_mta-sts.{domain}"))
        except Unavailable:
            return known
        if identifier is None or (known is not None and known.id == identifier):
            return known  # §3.3: a record that vanished does not end a policy, only its time does
        now = time.time()
        if self._not_before.get(domain, 0.0) > now:
            return known
        try:
            policy = await self._fetch(domain, identifier)
        except (FetchFailed, BadPolicy, Unavailable) as wrong:
            if len(self._not_before) > 10_000:
                self._not_before.clear()
            self._not_before[domain] = now + self._settings.mta_sts_retry
            self._failed(domain, "sts-policy-invalid" if isinstance(wrong, BadPolicy) else _kind(wrong))
            return known
        await asyncio.get_running_loop().run_in_executor(None, self._write, domain, policy)
        self._remember(domain, policy)
        return policy if policy.mode != "none" else None

    async def _fetch(self, domain: str, identifier: str) -> StsPolicy:
        settings = self._settings
        host = f"mta-sts.{domain}"
        addresses = await self._resolver.addresses(host, settings.families)
        try:
            async with asyncio.timeout(settings.mta_sts_timeout):
                content_type, body = await fetch(
                    addresses,
                    host,
                    "/.well-known/mta-sts.txt",
                    self._context,
                    port=settings.mta_sts_port,
                    limit=MAX_POLICY,
                )
        except TimeoutError:
            raise FetchFailed(f"{host} takes too long") from None
        if content_type.partition(";")[0].strip().lower() != "text/plain":  # §3.2
            raise BadPolicy("it is not text/plain")
        return parse_policy(body.decode("utf-8", "replace"), identifier, time.time())

    async def _remembered(self, domain: str) -> StsPolicy | None:
        if domain not in self._known:
            policy = await asyncio.get_running_loop().run_in_executor(None, self._read, domain)
            self._remember(domain, policy)
        policy = self._known[domain]
        return policy if policy is not None and policy.expires > time.time() and policy.mode != "none" else None

    def _remember(self, domain: str, policy: StsPolicy | None) -> None:
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[domain] = policy

    def _path(self, domain: str) -> Path:
        return self._folder / f"{sha256(domain.encode()).hexdigest()[:32]}.json"

    def _read(self, domain: str) -> StsPolicy | None:
        try:
            values = json.loads(self._path(domain).read_text("utf-8"))
            if values.pop("domain") != domain:
                return None
            values["mx"], values["lines"] = tuple(values["mx"]), tuple(values["lines"])
            return StsPolicy(**values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # not there, or damaged: it is fetched again

    def _write(self, domain: str, policy: StsPolicy) -> None:
        path = self._path(domain)
        with contextlib.suppress(OSError):  # kept in memory at least
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.write_text(json.dumps({"domain": domain, **asdict(policy)}), "utf-8")
            new.replace(path)


def _kind(wrong: Exception) -> str:
    return "sts-webpki-invalid" if isinstance(wrong.__cause__, ssl.SSLError) else "sts-policy-fetch-error"
