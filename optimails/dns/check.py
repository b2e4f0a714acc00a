"""Whether the records of a domain stand in the DNS as they should."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from optimails.dns.records import Record
from optimails.dns.resolver import Resolver
from optimails.model.errors import Unavailable


class Standing(StrEnum):
    PRESENT = "present"
    MISSING = "missing"
    DIFFERENT = "different"  # there is one, and it says something else
    UNKNOWN = "unknown"  # the DNS could not tell


@dataclass(frozen=True, slots=True)
class Checked:
    """``found``: what stands there instead, or beside it."""

    record: Record
    standing: Standing
    found: tuple[str, ...] = ()


# TXT records of several purposes share a name; these are told apart by how they begin.
_MARKS = {
    "spf": "v=spf1",
    "dkim": "",
    "dmarc": "v=dmarc1",
    "mta_sts": "v=stsv1",
    "tls_reports": "v=tlsrptv1",
    "dav": "path=",
}


async def check(resolver: Resolver, records: list[Record]) -> list[Checked]:
    """All of them, in order."""
    return list(await asyncio.gather(*(_one(resolver, record, records) for record in records)))


async def _one(resolver: Resolver, record: Record, records: list[Record]) -> Checked:
    try:
        found = await _found(resolver, record)
    except Unavailable:
        return Checked(record, Standing.UNKNOWN)
    if not found:
        return Checked(record, Standing.MISSING)
    wanted = {_compared(one.kind, one.value) for one in records if (one.name, one.kind) == (record.name, record.kind)}
    values = {_compared(record.kind, one) for one in found}
    own = _compared(record.kind, record.value)
    # A second SPF record, or another MX host, is as wrong as none (RFC 7208 §3.2).
    right = own in values and (record.kind == "SRV" or values <= wanted)
    return Checked(record, Standing.PRESENT if right else Standing.DIFFERENT, tuple(found))


async def _found(resolver: Resolver, record: Record) -> list[str]:
    if record.kind == "TXT":
        mark = _MARKS[record.purpose]
        return [text for text in await resolver.texts(record.name) if text.lower().startswith(mark)]
    if record.kind == "CNAME":
        # A name that has the same addresses without being an alias serves as well.
        return await _alias(resolver, record)
    answer = await resolver.query(record.name, record.kind)
    return [_text(record.kind, one) for one in answer.records]


async def _alias(resolver: Resolver, record: Record) -> list[str]:
    answer = await resolver.query(record.name, "CNAME")
    if answer.records:
        return [one.target.to_text().lower() for one in answer.records]
    here = await resolver.addresses(record.name)
    there = await resolver.addresses(record.value.rstrip("."))
    if here and set(here) <= set(there):
        return [record.value]
    return here


def _text(kind: str, record: Any) -> str:
    if kind == "MX":
        return f"{record.preference} {record.exchange.to_text().lower()}"
    return f"{record.priority} {record.weight} {record.port} {record.target.to_text().lower()}"


def _compared(kind: str, value: str) -> str:
    """What of a value matters: the order of MX hosts is the owner's, spaces in texts are nobody's."""
    if kind == "MX":
        return value.split()[1].lower()
    if kind == "SRV":
        return " ".join(value.lower().split()[2:])
    return "".join(value.split()) if kind == "TXT" else value.lower()
