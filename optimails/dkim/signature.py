"""Signatures that others made: what a ``DKIM-Signature`` says (RFC 6376 §3.5), and the digests it is compared with.

ARC's message signature has the same form, with an instance number for ``i=`` and no version (RFC 8617 §4.1.2).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from optimails.dkim.canonical import BodyForm, Digests, RelaxedBody, SimpleBody, relaxed_field
from optimails.dkim.tags import parse_tags, without_white
from optimails.model.dns_name import ascii_name

MAX_FIELD = 16_384  # bytes of one signature
MAX_NAMES = 500  # fields that one signature covers
ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})
_OUTDATED = frozenset({"rsa-sha1"})  # RFC 8301 §3.1
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]{1,12}")
_FIELD_NAME = re.compile(rb"[!-9;-~]+")
_B_VALUE = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")

ByName = Mapping[bytes, Sequence[bytes]]
"""Whole fields by name in lower case, in the order of the header."""


class BadSignature(Exception):
    """It cannot be checked; the text says why. ``weak``: it could, and would prove nothing."""

    def __init__(self, reason: str, *, weak: bool = False) -> None:
        super().__init__(reason)
        self.weak = weak


@dataclass(frozen=True, slots=True)
class BodyKind:
    """What of the body was signed: the canonical form, and how much of it (None: all)."""

    relaxed: bool
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """One field. ``domain``, ``selector`` and the domain of ``identity`` as the DNS has them."""

    field: bytes  # as it stands in the header
    algorithm: str
    value: bytes
    body_hash: bytes
    domain: str
    selector: str
    names: tuple[bytes, ...]
    relaxed_header: bool
    body: BodyKind
    identity: str  # domain of i=
    created: int | None
    expires: int | None

    @property
    def mark(self) -> str:
        """The beginning of the signature, which tells it from others (RFC 8601 §2.7.1: header.b)."""
        return base64.b64encode(self.value).decode()[:8]


def parse(field: bytes, *, arc: bool = False) -> Signature:
    """From a whole field.

    Raises:
        BadSignature: it is none, or none that counts.
    """
    tags = tags_of(field)
    if not arc and tags.get("v") != "1":
        raise BadSignature("another version of DKIM")
    missing = [name for name in ("a", "b", "bh", "d", "h", "s") if not tags.get(name)]
    if missing:
        raise BadSignature(f"{missing[0]}= is missing")
    names = tuple(one.strip().lower().encode("utf-8", "replace") for one in tags["h"].split(":", MAX_NAMES + 1))
    if len(names) > MAX_NAMES or not all(map(_FIELD_NAME.fullmatch, names)):
        raise BadSignature("h= is not a list of fields, or too long")
    if b"from" not in names and not arc:
        raise BadSignature("the From field is not signed")  # RFC 6376 §5.4
    if "dns/txt" not in [one.strip().lower() for one in tags.get("q", "dns/txt").split(":")]:
        raise BadSignature("its key is not in the DNS")
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    if header not in {"simple", "relaxed"} or body not in {"", "simple", "relaxed"}:
        raise BadSignature("an unknown canonical form")
    domain = name_of(tags, "d")
    created, expires = _number(tags, "t"), _number(tags, "x")
    if created is not None and expires is not None and expires < created:
        raise BadSignature("it expires before it was made")
    return Signature(
        field,
        algorithm_of(tags),
        base64_of(tags, "b"),
        base64_of(tags, "bh"),
        domain,
        name_of(tags, "s"),
        names,
        header == "relaxed",
        BodyKind(body == "relaxed", None if arc else _number(tags, "l")),
        domain if arc else _identity(tags, domain),
        created,
        expires,
    )


def tags_of(field: bytes) -> dict[str, str]:
    """The tags of a whole field. Raises ``BadSignature``."""
    if len(field) > MAX_FIELD:
        raise BadSignature("the signature is too long")
    try:
        return parse_tags(field.partition(b":")[2].decode())
    except UnicodeDecodeError as wrong:
        raise BadSignature("not UTF-8") from wrong
    except ValueError as wrong:
        raise BadSignature(str(wrong)) from wrong


def algorithm_of(tags: Mapping[str, str]) -> str:
    """Its algorithm, one of those that count. Raises ``BadSignature``."""
    algorithm = tags["a"].lower()
    if algorithm not in ALGORITHMS:
        raise BadSignature(f"the algorithm {algorithm[:30]} does not count", weak=algorithm in _OUTDATED)
    return algorithm


def name_of(tags: Mapping[str, str], tag: str) -> str:
    """A domain or selector, in A-labels (RFC 8616 §4). Raises ``BadSignature``."""
    try:
        name = ascii_name(tags[tag])
    except ValueError as wrong:
        raise BadSignature(f"{tag}= is no name") from wrong
    if not _NAME.fullmatch(name) or (tag == "d" and "." not in name):
        raise BadSignature(f"{tag}= is no name")
    return name


def base64_of(tags: Mapping[str, str], tag: str) -> bytes:
    """A value in base64. Raises ``BadSignature``."""
    try:
        return base64.b64decode(without_white(tags[tag]), validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadSignature(f"{tag}= is not base64") from wrong


def header_digest(signature: Signature, by_name: ByName) -> bytes:
    """SHA-256 of the fields it names and of itself (RFC 6376 §3.7)."""
    canonical: Callable[[bytes], bytes] = relaxed_field if signature.relaxed_header else bytes
    hashed = sha256()
    left: dict[bytes, int] = {}
    for name in signature.names:
        fields = by_name.get(name, ())
        at = left.get(name, len(fields)) - 1  # of several the lowest first (§5.4.2); what is missing counts as empty
        if at >= 0:
            hashed.update(canonical(fields[at]))
            left[name] = at
        else:
            left[name] = 0
    hashed.update(canonical(without_value(signature.field)).rstrip(b"\r\n"))
    return hashed.digest()


def without_value(field: bytes) -> bytes:
    """The field with an empty ``b=``."""
    name, colon, value = field.partition(b":")
    return name + colon + _B_VALUE.sub(rb"\1", value, count=1)


def body_digests(kinds: Iterable[BodyKind], body: Iterable[bytes]) -> dict[BodyKind, tuple[bytes, int]]:
    """Digest and canonical length of a body in each of these ways; the length only where not all of it counts.

    The body is brought into each of the two forms once, however many lengths are asked for.
    """
    kinds = set(kinds)
    forms: list[tuple[bool, Digests, BodyForm]] = []
    for relaxed in {kind.relaxed for kind in kinds}:
        digests = Digests(kind.length for kind in kinds if kind.relaxed is relaxed)
        forms.append((relaxed, digests, RelaxedBody(digests) if relaxed else SimpleBody(digests)))
    for piece in body if forms else ():
        for _, _, form in forms:
            form.update(piece)
    found: dict[BodyKind, tuple[bytes, int]] = {}
    for relaxed, digests, form in forms:
        form.finish()
        found |= {BodyKind(relaxed, limit): result for limit, result in digests.results().items()}
    return found


def _identity(tags: Mapping[str, str], domain: str) -> str:
    if "i" not in tags:
        return domain
    try:
        identity = ascii_name(tags["i"].rpartition("@")[2])
    except ValueError as wrong:
        raise BadSignature("i= has no domain") from wrong
    if identity != domain and not identity.endswith(f".{domain}"):
        raise BadSignature("i= is not in the domain that signed")  # RFC 6376 §6.1.1
    return identity


def _number(tags: Mapping[str, str], tag: str) -> int | None:
    value = tags.get(tag)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        # Up to 76 digits are allowed; nobody can mean a length or a second beyond these twelve.
        raise BadSignature(f"{tag}= is no number")
    return int(value)
