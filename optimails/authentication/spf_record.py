"""SPF records and their macros (RFC 7208 §4.6, §7, §12): text becomes terms, or is refused as a whole."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from optimails.authentication.results import Result

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)")
_DIRECTIVE = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9]*)((?:[:/].*)?)")
_CIDR = re.compile(r"(.*?)(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")
_MACRO = re.compile(r"%(?:([%_-])|\{([A-Za-z])([0-9]{0,3})([rR]?)([.\-+,/_=]*)\})")
_LITERAL = re.compile(r"[\x21-\x24\x26-\x7e]*")
_TOP = re.compile(r"(?=[A-Za-z0-9-]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_QUALIFIERS = {"": Result.PASS, "+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}
_IN_DOMAINS = "slodiphv"
MAX_NAME = 253
MAX_TERMS = 1_000


class BadRecord(Exception):
    """The record breaks the grammar (``permerror``)."""


@dataclass(frozen=True, slots=True)
class Term:
    """A directive. ``spec`` is its domain with macros, empty: the current domain."""

    kind: str
    result: Result
    spec: str = ""
    ipv4: int = 32  # bits that count
    ipv6: int = 128
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    terms: tuple[Term, ...]
    redirect: str = ""


def is_record(text: str) -> bool:
    """Whether a TXT record is one of SPF's (§4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in {"", " "}


def parse(text: str) -> Record:
    """Raises ``BadRecord``."""
    if not text.isascii():
        raise BadRecord("not ASCII")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    words = text[6:].split(" ")
    if len(words) > MAX_TERMS:
        raise BadRecord("too long")
    for word in filter(None, words):
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            terms.append(_directive(word))
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name in {"redirect", "exp"}:
            if name in modifiers:
                raise BadRecord(f"{name}= stands there twice")
            check_domain(value)
            modifiers[name] = value
        else:
            _check_macros(value)  # unknown ones are passed over (§6)
    return Record(tuple(terms), modifiers.get("redirect", ""))


def _directive(word: str) -> Term:
    match = _DIRECTIVE.fullmatch(word)
    if match is None:
        raise BadRecord(f"{word[:40]} is no term")
    result, kind, rest = _QUALIFIERS[match[1]], match[2].lower(), match[3]
    if kind == "all" and not rest:
        return Term(kind, result)
    if kind in {"include", "exists"} and rest.startswith(":"):
        check_domain(rest[1:])
        return Term(kind, result, rest[1:])
    if kind == "ptr" and not rest.startswith("/"):
        if rest:
            check_domain(rest[1:])
        return Term(kind, result, rest[1:])
    if kind in {"a", "mx"}:
        return _addressed(kind, result, rest)
    if kind in {"ip4", "ip6"} and rest.startswith(":"):
        return _network(kind, result, rest[1:])
    raise BadRecord(f"{word[:40]} is no term")


def _addressed(kind: str, result: Result, rest: str) -> Term:
    match = _CIDR.fullmatch(rest)
    assert match is not None
    spec = match[1]
    ipv4, ipv6 = int(match[2] or 32), int(match[3] or 128)
    if ipv4 > 32 or ipv6 > 128:
        raise BadRecord("an impossible prefix length")
    if spec:
        if not spec.startswith(":"):
            raise BadRecord(f"{rest[:40]} is no domain")
        check_domain(spec[1:])
    return Term(kind, result, spec[1:], ipv4, ipv6)


def _network(kind: str, result: Result, text: str) -> Term:
    address, slash, bits = text.partition("/")
    if slash and not re.fullmatch("0|[1-9][0-9]{0,2}", bits):
        raise BadRecord(f"{text[:60]} is no network")
    make = ipaddress.IPv4Network if kind == "ip4" else ipaddress.IPv6Network
    try:
        return Term(kind, result, network=make(f"{address}/{bits}" if slash else address, strict=False))
    except ValueError as wrong:
        raise BadRecord(f"{text[:60]} is no network") from wrong


def check_domain(spec: str) -> None:
    """The grammar of a domain-spec (§7.1). Raises ``BadRecord``."""
    rest = _check_macros(spec, only=_IN_DOMAINS)
    if rest is None:  # it ends with a macro
        return
    labels = spec.removesuffix(".").split(".")
    if len(labels) < 2 or not _TOP.fullmatch(labels[-1]):
        raise BadRecord(f"{spec[:60]!r} is no domain")


def _check_macros(text: str, only: str = "slodiphvcrt") -> str | None:
    """The literal after the last macro; None when there is none. Raises ``BadRecord``."""
    at = 0
    last_is_macro = False
    for match in _MACRO.finditer(text):
        if not _LITERAL.fullmatch(text, at, match.start()):
            raise BadRecord("a lone % or a character that may not be")
        letter, digits = match[2], match[3]
        if letter and (letter.lower() not in only or (digits and not int(digits))):
            raise BadRecord(f"an unknown macro {match[0]}")
        at = match.end()
        last_is_macro = bool(letter)
    if not _LITERAL.fullmatch(text, at):
        raise BadRecord("a lone % or a character that may not be")
    return None if last_is_macro and at == len(text) else text[at:]


def expand(spec: str, values: Mapping[str, Callable[[], str]]) -> str:
    """The domain with its macros replaced, shortened from the left where it is too long (§7.3)."""

    def replaced(match: re.Match[str]) -> str:
        if match[1]:
            return {"%": "%", "_": " ", "-": "%20"}[match[1]]
        letter = match[2]
        value = values[letter.lower()]()
        parts = re.split(f"[{re.escape(match[5] or '.')}]", value)
        if match[4]:
            parts.reverse()
        if match[3]:
            parts = parts[-int(match[3]) :]
        value = ".".join(parts)
        return quote(value, safe="") if letter.isupper() else value

    name = _MACRO.sub(replaced, spec).removesuffix(".")
    while len(name) > MAX_NAME and "." in name:
        name = name.partition(".")[2]
    return name
