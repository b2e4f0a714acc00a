"""SPF: whether this client may send for that domain (RFC 7208).

**Limits.** Ten terms that ask the DNS, over all records together, two answers without anything, ten hosts of one MX and
ten names of one address: beyond them the record is wrong, whatever it would say. So nobody can make us ask for ever,
by records that include each other or by names that lead nowhere.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from optimails.authentication.results import Result, Spf
from optimails.authentication.spf_record import BadRecord, Record, Term, expand, is_record, parse
from optimails.dns import Answer, Resolver
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.model.errors import Unavailable

MAX_LOOKUPS = 10  # §4.6.4
MAX_VOID = 2
MAX_HOSTS = 10

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(text: str) -> Ip:
    """An IP address; IPv4 in the clothes of IPv6 is IPv4. Raises ``ValueError``."""
    ip = ipaddress.ip_address(text)
    return getattr(ip, "ipv4_mapped", None) or ip


async def check(resolver: Resolver, remote: str, helo: str, sender: EmailAddress | None) -> tuple[Spf, ...]:
    """For the envelope's sender and for the name of HELO; for the null sender HELO alone (§2.4). Never raises."""
    ip = address(remote)
    asked = (
        [_one(resolver, ip, helo, None)]
        if sender is None
        else [_one(resolver, ip, helo, sender), _one(resolver, ip, helo, None)]
    )
    return tuple(await asyncio.gather(*asked))


async def _one(resolver: Resolver, ip: Ip, helo: str, sender: EmailAddress | None) -> Spf:
    domain = sender.domain if sender is not None else helo
    identity = "helo" if sender is None else "mailfrom"
    shown = str(sender) if sender is not None and str(sender).isascii() and '"' not in sender.local else domain
    try:
        name = ascii_name(domain)
    except ValueError:
        name = ""
    if not _full_name(name):
        return Spf(Result.NONE, identity, name, shown, "no domain name")
    local = sender.local if sender is not None else "postmaster"
    evaluation = _Evaluation(resolver, ip, helo, local, name)
    try:
        result, reason = await evaluation.host(name)
    except _TemporaryError:
        result, reason = Result.TEMPERROR, "the DNS did not answer"
    except BadRecord as wrong:
        result, reason = Result.PERMERROR, str(wrong)
    return Spf(result, identity, name, shown, reason)


def _full_name(name: str) -> bool:
    labels = name.split(".")
    return len(labels) > 1 and len(name) <= 253 and all(0 < len(label) <= 63 for label in labels) and name[0] != "["


class _TemporaryError(Exception):
    pass


@dataclass(slots=True)
class _Evaluation:
    resolver: Resolver
    ip: Ip
    helo: str
    local: str
    sender_domain: str
    lookups: int = 0
    void: int = 0
    names: list[str] | None = field(default=None)  # of the client, as far as they lead back to it

    async def host(self, domain: str) -> tuple[Result, str]:
        """The function check_host() (§4). Raises ``BadRecord`` and ``_TemporaryError``."""
        record = await self._record(domain)
        if record is None:
            return Result.NONE, ""
        for term in record.terms:
            if await self._matches(term, domain):
                return term.result, ""
        if record.redirect and not any(term.kind == "all" for term in record.terms):
            self._count()
            target = await self._expand(record.redirect, domain)
            result, reason = await self.host(target)
            if result is Result.NONE:
                raise BadRecord("redirect= leads to no record")  # §6.1
            return result, reason
        return Result.NEUTRAL, ""

    async def _record(self, domain: str) -> Record | None:
        if not _full_name(domain):
            return None
        answer = await self._ask(domain, "TXT")
        texts = [b"".join(one.strings).decode("latin-1") for one in answer.records]
        found = [text for text in texts if is_record(text)]
        if len(found) > 1:
            raise BadRecord("several records")  # §4.5
        return parse(found[0]) if found else None

    async def _matches(self, term: Term, domain: str) -> bool:
        if term.kind == "all":
            return True
        if term.network is not None:
            return self.ip.version == term.network.version and self.ip in term.network
        self._count()
        target = await self._expand(term.spec, domain) if term.spec else domain
        match term.kind:
            case "include":
                result, _ = await self.host(target)
                if result is Result.NONE:
                    raise BadRecord("include: leads to no record")  # §5.2
                return result is Result.PASS
            case "a":
                return self._in(await self._addresses(target), term)
            case "mx":
                return await self._mx(target, term)
            case "exists":
                return bool((await self._counted(target, "A")).records)
            case _:  # ptr (§5.5)
                return any(name == target.lower() or name.endswith(f".{target.lower()}") for name in await self._own())

    async def _mx(self, target: str, term: Term) -> bool:
        answer = await self._counted(target, "MX")
        if len(answer.records) > MAX_HOSTS:
            raise BadRecord("too many MX hosts")
        for one in answer.records:
            if self._in(await self._addresses(one.exchange.to_text(omit_final_dot=True)), term):
                return True
        return False

    async def _addresses(self, name: str) -> list[Any]:
        answer = await self._counted(name, "A" if self.ip.version == 4 else "AAAA")
        return [one.address for one in answer.records]

    def _in(self, addresses: list[Any], term: Term) -> bool:
        bits = term.ipv4 if self.ip.version == 4 else term.ipv6
        return any(self.ip in ipaddress.ip_network(f"{one}/{bits}", strict=False) for one in addresses)

    async def _own(self) -> list[str]:
        """Names of the client that lead back to it; trouble on the way makes them fewer (§5.5)."""
        if self.names is None:
            self.names = []
            try:
                answer = await self._ask(self.ip.reverse_pointer, "PTR")
            except _TemporaryError:
                return self.names
            for one in answer.records[:MAX_HOSTS]:
                name = one.target.to_text(omit_final_dot=True).lower()
                try:
                    found = await self._ask(name, "A" if self.ip.version == 4 else "AAAA")
                except _TemporaryError:
                    continue
                if any(self.ip == ipaddress.ip_address(record.address) for record in found.records):
                    self.names.append(name)
        return self.names

    async def _expand(self, spec: str, domain: str) -> str:
        own = "unknown"
        if "%{p" in spec.lower():
            names = await self._own()
            near = [name for name in names if name == domain or name.endswith(f".{domain}")]
            own = (near or names or ["unknown"])[0]  # §7.3
        dotted = str(self.ip) if self.ip.version == 4 else ".".join(self.ip.exploded.replace(":", ""))
        values: dict[str, Callable[[], str]] = {
            "s": lambda: f"{self.local}@{self.sender_domain}",
            "l": lambda: self.local,
            "o": lambda: self.sender_domain,
            "d": lambda: domain,
            "i": lambda: dotted,
            "p": lambda: own,
            "v": lambda: "in-addr" if self.ip.version == 4 else "ip6",
            "h": lambda: self.helo,
        }
        return expand(spec, values)

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise BadRecord("too many terms that ask the DNS")

    async def _counted(self, name: str, kind: str) -> Answer:
        answer = await self._ask(name, kind)
        if not answer.records:
            self.void += 1
            if self.void > MAX_VOID:
                raise BadRecord("too many names that lead nowhere")
        return answer

    async def _ask(self, name: str, kind: str) -> Answer:
        try:
            return await self.resolver.query(name, kind)
        except Unavailable as wrong:
            raise _TemporaryError from wrong
