"""DMARC: whether the author's domain stands behind the message, and what it wishes if not (RFC 7489, RFC 9091)."""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optimails.authentication.organisation import aligned, organisational_domain
from optimails.authentication.results import Dkim, Dmarc, Policy, Result, Spf
from optimails.dkim.tags import parse_tags
from optimails.dns import Resolver
from optimails.model.errors import Unavailable

MAX_DOMAINS = 4  # domains of From that are asked for; more of them is no letter
_WEAKER = {Policy.REJECT: Policy.QUARANTINE, Policy.QUARANTINE: Policy.NONE, Policy.NONE: Policy.NONE}
_STRICTNESS = [Policy.NONE, Policy.QUARANTINE, Policy.REJECT]


@dataclass(frozen=True, slots=True)
class Record:
    """What a domain publishes, as it applies to one author's domain."""

    policy: Policy
    strict_dkim: bool
    strict_spf: bool
    percent: int


@dataclass(frozen=True, slots=True)
class Published:
    """The record for one author's domain; None without any. ``unknown``: the DNS did not answer."""

    domain: str
    record: Record | None
    unknown: bool = False


async def published(resolver: Resolver, authors: Sequence[str]) -> list[Published]:
    """The records of the authors' domains. Never raises."""
    return list(await asyncio.gather(*(_published(resolver, domain) for domain in authors[:MAX_DOMAINS])))


def judge(
    found: Sequence[Published],
    authors: Sequence[str] | None,
    spf: Spf,
    dkim: Iterable[Dkim],
    *,
    dice: Callable[[int], int] = secrets.randbelow,
) -> Dmarc:
    """The verdict; of several domains in From the strictest (§6.6.1)."""
    if not authors:
        return Dmarc(Result.PERMERROR, reason="From has no author with a domain")
    if len(authors) > MAX_DOMAINS:
        return Dmarc(Result.PERMERROR, authors[0], reason="From has too many domains")
    dkim = list(dkim)
    verdicts = [_judge_one(one, spf, dkim, dice) for one in found]
    return max(verdicts, key=_severity)


def _severity(verdict: Dmarc) -> tuple[int, int]:
    order = [Result.PASS, Result.NONE, Result.PERMERROR, Result.TEMPERROR, Result.FAIL]
    return order.index(verdict.result), _STRICTNESS.index(verdict.disposition)


def _judge_one(one: Published, spf: Spf, dkim: list[Dkim], dice: Callable[[int], int]) -> Dmarc:
    domain, record = one.domain, one.record
    if one.unknown:
        return Dmarc(Result.TEMPERROR, domain, reason="the DNS did not answer")
    if record is None:
        return Dmarc(Result.NONE, domain)
    if spf.result is Result.PASS and aligned(spf.domain, domain, strict=record.strict_spf):
        return Dmarc(Result.PASS, domain, record.policy)
    speaking = [each for each in dkim if each.domain and aligned(each.domain, domain, strict=record.strict_dkim)]
    if any(each.result is Result.PASS for each in speaking):
        return Dmarc(Result.PASS, domain, record.policy)
    # What might have passed, had the DNS answered, is no failure.
    late = spf.result is Result.TEMPERROR and aligned(spf.domain, domain, strict=record.strict_spf)
    if late or any(each.result is Result.TEMPERROR for each in speaking):
        return Dmarc(Result.TEMPERROR, domain, record.policy, reason="the DNS did not answer")
    disposition = record.policy
    if disposition is not Policy.NONE and dice(100) >= record.percent:
        disposition = _WEAKER[disposition]  # §6.6.4
    return Dmarc(Result.FAIL, domain, record.policy, disposition)


async def _published(resolver: Resolver, domain: str) -> Published:
    organisation = organisational_domain(domain)
    try:
        text = await _text(resolver, domain)
        inherited = text is None and organisation != domain
        if inherited:
            text = await _text(resolver, organisation)
        if text is None:
            return Published(domain, None)
        tags = _tags(text)
        missing = inherited and "np" in tags and not await _exists(resolver, domain)
        return Published(domain, _record(tags, inherited=inherited, missing=missing))
    except Unavailable:
        return Published(domain, None, unknown=True)


async def _text(resolver: Resolver, domain: str) -> str | None:
    texts = [text for text in await resolver.texts(f"_dmarc.{domain}") if _is_record(text)]
    return texts[0] if len(texts) == 1 else None  # §6.6.3, step 5: several are none


def _is_record(text: str) -> bool:
    return re.match(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)", text) is not None


def _tags(text: str) -> dict[str, str]:
    """Tags that cannot be read are passed over, each for itself (§6.3)."""
    found: dict[str, str] = {}
    for part in text.split(";")[:100]:
        try:
            found |= {name: value for name, value in parse_tags(part).items() if name not in found}
        except ValueError:
            continue
    return found


def _record(tags: dict[str, str], *, inherited: bool, missing: bool) -> Record | None:
    policy = _policy(tags.get("p"))
    if policy is None:
        if "rua" not in tags:  # §6.6.3, step 6
            return None
        policy = Policy.NONE
    elif inherited:
        below = _policy(tags.get("sp"))
        policy = (_policy(tags.get("np")) if missing else None) or below or policy
    percent = tags.get("pct", "100")
    return Record(
        policy,
        strict_dkim=tags.get("adkim", "r").lower() == "s",
        strict_spf=tags.get("aspf", "r").lower() == "s",
        percent=min(int(percent), 100) if re.fullmatch("[0-9]{1,3}", percent) else 100,
    )


def _policy(text: str | None) -> Policy | None:
    try:
        return Policy((text or "").lower())
    except ValueError:
        return None


async def _exists(resolver: Resolver, domain: str) -> bool:
    """Whether the DNS knows anything of the domain that mail could need (RFC 9091 §2.6)."""
    for kind in ("A", "AAAA", "MX"):
        answer = await resolver.query(domain, kind)
        if answer.records:
            return True
        if not answer.exists:
            return False
    return False
