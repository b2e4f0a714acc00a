"""``Authentication-Results`` (RFC 8601): ours is written, and those that others wrote in our name are found.

Every value may come from a stranger: what is no plain word is quoted, and nothing but printable ASCII gets in.
"""

import re

from optimails.authentication.results import Authentication, Dkim, Result, Spf

_NAME = b"authentication-results"
_FIELD = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*|[^\n]+\Z")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_WHITE_OR_COMMENT = re.compile(rb"[ \t\r\n]+|\((?:[^()\\]++|\\.)*+\)", re.DOTALL)
_AUTHSERV = re.compile(rb'"((?:[^"\\]++|\\.)*+)"|([^ \t\r\n;("]+)', re.DOTALL)
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_MAX_VALUE = 256


def render(authserv: str, found: Authentication) -> bytes:
    """The whole field; ``authserv`` is the name of this service."""
    parts = [*map(_spf, found.spf), *(map(_dkim, found.dkim) if found.dkim else ["dkim=none"])]
    dmarc = found.dmarc
    spared = f" dis={dmarc.disposition}" if dmarc.result is Result.FAIL and dmarc.disposition != dmarc.policy else ""
    shown_policy = f" (p={dmarc.policy}{spared})" if dmarc.result in {Result.PASS, Result.FAIL} else ""
    parts.append(
        f"dmarc={dmarc.result}{shown_policy}{_reason(dmarc.reason)}"
        + (f" header.from={_value(dmarc.domain)}" if dmarc.domain else "")
    )
    arc = found.arc
    sealers = f" ({arc.sets} {'set' if arc.sets == 1 else 'sets'})" if arc.sets else ""
    parts.append(f"arc={arc.result}{sealers}{_reason(arc.reason)} smtp.remote-ip={_value(found.remote)}")
    return ("".join([f"Authentication-Results: {authserv}", *(f";\r\n\t{part}" for part in parts)]) + "\r\n").encode()


def _spf(one: Spf) -> str:
    shown = one.shown if _ADDRESS.fullmatch(one.shown) and len(one.shown) <= _MAX_VALUE else _value(one.shown)
    return f"spf={one.result}{_reason(one.reason)} smtp.{one.identity}={shown}"


def _dkim(one: Dkim) -> str:
    properties = [("d", one.domain), ("s", one.selector), ("a", one.algorithm), ("b", one.mark)]
    shown = "".join(f" header.{name}={_value(value)}" for name, value in properties if value)
    return f"dkim={one.result}{_reason(one.reason)}{shown}"


def _reason(text: str) -> str:
    return f' reason="{_inside_quotes(text)}"' if text else ""


def _value(text: str) -> str:
    return text if len(text) <= _MAX_VALUE and _TOKEN.fullmatch(text) else f'"{_inside_quotes(text)}"'


def _inside_quotes(text: str) -> str:
    return re.sub(r"[^ !#-\[\]-~]", "?", text)[:_MAX_VALUE]


def without_claims(header: bytes, authserv: str) -> bytes:
    """The header without fields that claim to be ours (RFC 8601 §5); itself when there are none."""
    if _NAME not in header.lower():
        return header
    ours = authserv.lower().encode()
    kept = [field for field in _FIELD.findall(header) if not _claims(field, ours)]
    return b"".join(kept)


def newest(header: bytes, authserv: str) -> bytes | None:
    """The value of the topmost of our fields, after the name of the service; None when there is none."""
    ours = authserv.lower().encode()
    for field in _FIELD.findall(header) if _NAME in header.lower() else ():
        if _claims(field, ours):
            return bytes(field.partition(b";")[2]).rstrip(b"\r\n")
    return None


def _claims(field: bytes, ours: bytes) -> bool:
    name, colon, value = field.partition(b":")
    if not colon or name.rstrip(b" \t").lower() != _NAME:
        return False
    at = 0
    while (gap := _WHITE_OR_COMMENT.match(value, at)) is not None:
        at = gap.end()
    match = _AUTHSERV.match(value, at)
    if match is None:
        return ours in value.lower()  # nested comments and worse: nobody honest writes so
    said = re.sub(rb"\\(.)", rb"\1", match[1]) if match[1] is not None else match[2]
    return said.strip().rstrip(b".").lower() == ours
