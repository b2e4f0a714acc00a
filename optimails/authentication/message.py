"""A message as its signatures see it: fields, signatures, digests. Everything that costs processor time stands here.

**Limits.** Of many signatures those of the author's domain come first, and only as many as the setting allows are
looked at. The body is read once, however many there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from optimails.authentication.chain import Chain, read_chain
from optimails.dkim import canonical, signature
from optimails.dkim.signature import BadSignature, BodyKind, ByName, Signature
from optimails.mime import parse_addresses
from optimails.mime.header import unfolded
from optimails.model.address import domain_name
from optimails.model.dns_name import ascii_name
from optimails.model.errors import BadSyntax

MAX_AUTHORS = 20  # addresses of From whose domains are looked at
_FIELDS_READ = 100  # signatures that are parsed at all


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signature with what it is compared with, or why it cannot be."""

    signature: Signature | None
    header_digest: bytes = b""
    problem: BadSignature | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """``authors`` are the domains of From, None when one of them is no domain or From is missing."""

    candidates: tuple[Candidate, ...]
    chain: Chain
    authors: tuple[str, ...] | None
    bodies: dict[BodyKind, tuple[bytes, int]] = field(default_factory=dict)


def read(header: bytes, body: Iterable[bytes], max_signatures: int) -> Signed:
    """All of a message that the checks need.

    Args:
        header: the whole header, lines ending with CR LF, with or without the empty line after it.
        body: its bytes after the empty line, in pieces of any size; read if there is a signature.
        max_signatures: how many are checked at most.
    """
    by_name: dict[bytes, list[bytes]] = {}
    for name, whole in canonical.fields(header):
        by_name.setdefault(name, []).append(whole)
    authors = authors_of(by_name)
    candidates = _candidates(by_name, authors or (), max_signatures)
    chain = read_chain(by_name)
    kinds = {one.signature.body for one in candidates if one.signature is not None}
    if chain.message is not None:
        kinds.add(chain.message.body)
    return Signed(candidates, chain, authors, signature.body_digests(kinds, body))


def authors_of(by_name: ByName) -> tuple[str, ...] | None:
    """The domains of all From fields: who puts in several hopes that we look at one and the reader at another."""
    found: dict[str, None] = {}
    for whole in by_name.get(b"from", ()):
        for one in parse_addresses(unfolded(whole.partition(b":")[2]))[:MAX_AUTHORS]:
            if one.host is None:  # the beginning or end of a group
                continue
            try:
                found[ascii_name(domain_name(one.host.decode()))] = None
            except (BadSyntax, ValueError):
                return None
    return tuple(found) or None


def _candidates(by_name: ByName, authors: tuple[str, ...], most: int) -> tuple[Candidate, ...]:
    near: list[Candidate] = []
    far: list[Candidate] = []
    for whole in by_name.get(b"dkim-signature", ())[:_FIELDS_READ]:
        try:
            one = signature.parse(whole)
        except BadSignature as wrong:
            far.append(Candidate(None, problem=wrong))
            continue
        related = any(
            f".{author}".endswith(f".{one.domain}") or one.domain.endswith(f".{author}") for author in authors
        )
        (near if related else far).append(Candidate(one))
    return tuple(
        Candidate(one.signature, signature.header_digest(one.signature, by_name)) if one.signature else one
        for one in (near + far)[:most]
    )
