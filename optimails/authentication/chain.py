"""The chain of ARC in a header: sets of three fields, one for each who handed the message on (RFC 8617 §4).

The form alone is judged here; ``optimails.authentication.arc`` asks for keys and compares signatures.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from optimails.dkim import signature
from optimails.dkim.canonical import relaxed_field
from optimails.dkim.signature import BadSignature, ByName, Signature
from optimails.dkim.tags import parse_tags

MAX_SETS = 50  # §4.2.1
MAX_SEAL = 4_096
MAX_RESULTS = 16_384
_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,4})[ \t\r\n]*;(.*)", re.DOTALL)
_RESULTS, _MESSAGE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_SEAL_TAGS = frozenset({"i", "a", "b", "d", "s", "cv"})


@dataclass(frozen=True, slots=True)
class Seal:
    """An ARC-Seal (§4.1.3), with the digest of what it signs."""

    algorithm: str
    value: bytes
    domain: str
    selector: str
    state: str  # cv=
    digest: bytes


@dataclass(frozen=True, slots=True)
class ArcSet:
    """One who handed the message on: what was found there (on one line, without the instance), and the seal over all
    sets so far."""

    results: str
    seal: Seal


@dataclass(frozen=True, slots=True)
class Chain:
    """``problem``: why it is broken by its form alone; then there are no sets. ``highest`` instance of them all."""

    sets: tuple[ArcSet, ...] = ()
    message: Signature | None = None  # the newest signature of the message; older ones need not hold any longer
    message_digest: bytes = b""
    highest: int = 0
    sealed_fail: bool = False  # the newest seal says that it is broken
    problem: str = ""


def read_chain(by_name: ByName) -> Chain:
    """The chain of a header. Never raises."""
    if not any(by_name.get(name) for name in (_RESULTS, _MESSAGE, _SEAL)):
        return Chain()
    highest, sealed_fail = _newest(by_name)
    try:
        rows = rows_of(by_name)
        message = _message(rows[-1][1])
        digest = signature.header_digest(message, by_name)
        sets = _sets(rows)
    except BadSignature as wrong:
        return Chain(highest=highest, sealed_fail=sealed_fail, problem=str(wrong))
    return Chain(sets, message, digest, highest, sealed_fail)


def rows_of(by_name: ByName) -> list[tuple[bytes, bytes, bytes]]:
    """The three fields of each set, the first one first (§5.2, step 3). Raises ``BadSignature``."""
    results, messages, seals = (_by_instance(by_name, name) for name in (_RESULTS, _MESSAGE, _SEAL))
    if results.keys() != messages.keys() or results.keys() != seals.keys():
        raise BadSignature("a set is not complete")
    if results.keys() != set(range(1, len(results) + 1)):
        raise BadSignature("a set is missing")
    return [(results[one], messages[one], seals[one]) for one in sorted(results)]


def _message(whole: bytes) -> Signature:
    parsed = signature.parse(whole, arc=True)
    if _SEAL in parsed.names:
        raise BadSignature("a message signature covers a seal")  # §4.1.2
    return parsed


def _sets(rows: list[tuple[bytes, bytes, bytes]]) -> tuple[ArcSet, ...]:
    """A seal signs all sets up to its own, in the order of their instances (§5.1.1)."""
    found = []
    hashed = sha256()
    for instance, (results, message, seal) in enumerate(rows, 1):
        hashed.update(relaxed_field(results) + relaxed_field(message))
        here = hashed.copy()
        here.update(relaxed_field(signature.without_value(seal)).rstrip(b"\r\n"))
        found.append(ArcSet(_one_line(results), _seal(seal, instance, here.digest())))
        hashed.update(relaxed_field(seal))
    return tuple(found)


def _newest(by_name: ByName) -> tuple[int, bool]:
    """The highest instance that the header names, whatever else is wrong, and whether its seal says ``cv=fail``."""
    highest, sealed_fail = 0, False
    for name in (_RESULTS, _MESSAGE, _SEAL):
        for whole in by_name.get(name, ()):
            tags = _loose(whole)
            text = tags.get("i", "") if name != _RESULTS else _instance_text(whole)
            number = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
            if number > highest:
                highest, sealed_fail = number, False
            if number == highest and name == _SEAL:
                sealed_fail = tags.get("cv", "").lower() == "fail"
    return highest, sealed_fail


def _loose(whole: bytes) -> dict[str, str]:
    try:
        return parse_tags(whole[:MAX_RESULTS].partition(b":")[2].decode("utf-8", "replace"))
    except ValueError:
        return {}


def _instance_text(whole: bytes) -> str:
    match = _INSTANCE.match(whole.partition(b":")[2])
    return match[1].decode() if match else ""


def _by_instance(by_name: ByName, name: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    fields = by_name.get(name, ())
    if len(fields) > MAX_SETS:
        raise BadSignature("more sets than may be")
    for whole in fields:
        if len(whole) > MAX_RESULTS:
            raise BadSignature("a field is too long")
        text = _instance_text(whole) if name == _RESULTS else signature.tags_of(whole).get("i", "")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= MAX_SETS:
            raise BadSignature("a field has no valid instance")
        if int(text) in found:
            raise BadSignature("an instance stands there twice")
        found[int(text)] = whole
    return found


def _one_line(results: bytes) -> str:
    match = _INSTANCE.match(results.partition(b":")[2])
    assert match is not None  # its instance was read
    return " ".join(match[2].decode("utf-8", "replace").split())


def _seal(whole: bytes, instance: int, digest: bytes) -> Seal:
    if len(whole) > MAX_SEAL:
        raise BadSignature("a seal is too long")
    tags = signature.tags_of(whole)
    if not tags.keys() >= _SEAL_TAGS or "h" in tags:
        raise BadSignature("a seal has the wrong tags")  # §4.1.3
    state = tags["cv"].lower()
    if state not in {"fail", "none" if instance == 1 else "pass"}:
        raise BadSignature("a seal has the wrong state of the chain")  # §5.2, step 3
    return Seal(
        signature.algorithm_of(tags),
        signature.base64_of(tags, "b"),
        signature.name_of(tags, "d"),
        signature.name_of(tags, "s"),
        state,
        digest,
    )
