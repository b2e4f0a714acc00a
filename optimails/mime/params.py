"""Content-Type and Content-Disposition: value and parameters (RFC 2045 §5.1, RFC 2183), with continuations and
character sets (RFC 2231). Whatever is written, some value comes out."""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from optimails.mime.charset import decode_bytes
from optimails.mime.header import unfolded
from optimails.mime.limits import FIELD_LIMIT, MAX_PARAMS
from optimails.mime.words import decode_header

Params = tuple[tuple[bytes, bytes], ...]
"""(name in lower case, value without quotes) in the order written, continuations joined (``filename*0*`` and on become
``filename*``), values otherwise as in the message."""

_TYPE = re.compile(rb"([^\s/;()<>@,:\\\"\[\]?=]++)[ \t]*+/[ \t]*+([^\s/;()<>@,:\\\"\[\]?=]++)")
_PARAM = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|([^;]*+))', re.DOTALL)
_TRAILING_COMMENT = re.compile(rb"\s\([^()]*\)\s*\Z")
_LEADING_COMMENTS = re.compile(rb"(?:\s*+\([^()]*+\))++\s*+")
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_CONTINUED = re.compile(rb"([^*]++)\*(\d{1,3})(\*?)\Z")
_TO_ENCODE = re.compile(rb"[^!#$&+\-.0-9A-Z^_`a-z{|}~]")
_MEMO_LENGTH = 80  # bytes; longer values (boundaries, file names) do not come again

DEFAULT_TYPE = (b"text", b"plain", ((b"charset", b"us-ascii"),))
"""RFC 2045 §5.2."""


def content_type(value: bytes) -> tuple[bytes, bytes, Params]:
    """Type and subtype in lower case, and parameters. An invalid value counts as the default (RFC 2045 §5.2)."""
    return _memoised_type(value) if len(value) <= _MEMO_LENGTH else _content_type(value)


def _content_type(value: bytes) -> tuple[bytes, bytes, Params]:
    value = _without_leading_comment(unfolded(value[:FIELD_LIMIT]))
    found = _TYPE.match(value)
    if not found:
        return DEFAULT_TYPE
    return found[1].lower(), found[2].lower(), _params(value, found.end())


_memoised_type = lru_cache(maxsize=1024)(_content_type)


def disposition(value: bytes) -> tuple[bytes, Params]:
    """The disposition in lower case and its parameters."""
    value = _without_leading_comment(unfolded(value[:FIELD_LIMIT]))
    kind = re.match(rb"[^\s;]*+", value)
    assert kind is not None
    return kind[0].lower(), _params(value, kind.end())


def token(value: bytes) -> bytes:
    """The first word of a value such as Content-Transfer-Encoding, in lower case."""
    word = re.match(rb"[^\s;(]*+", _without_leading_comment(unfolded(value[:FIELD_LIMIT])))
    assert word is not None
    return word[0].lower()


def _without_leading_comment(value: bytes) -> bytes:
    if value[:1] == b"(" and (comments := _LEADING_COMMENTS.match(value)):
        return value[comments.end() :]
    return value


def _params(value: bytes, at: int) -> Params:
    found: list[tuple[bytes, bytes]] = []
    continued = False
    for match in _PARAM.finditer(value, at):
        name, quoted, plain = match.groups()
        if plain is None:
            text = _PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        else:
            text = plain.strip()
            if text[-1:] == b")" and b"(" in text:
                text = _TRAILING_COMMENT.sub(b"", text)
        continued = continued or b"*" in name
        found.append((name.lower(), text))
        if len(found) >= MAX_PARAMS:
            break
    return tuple(_joined(found) if continued else found)


def _joined(params: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """RFC 2231 §3, §4.1: pieces in the order of their numbers, up to the first that is missing."""
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    result: list[tuple[bytes, bytes]] = []
    for name, value in params:
        numbered = _CONTINUED.match(name)
        if not numbered:
            result.append((name, value))
            continue
        base = numbered[1]
        if base not in pieces:
            pieces[base] = {}
            result.append((base + b"*0", b""))  # keeps the place
        pieces[base].setdefault(int(numbered[2]), (value, bool(numbered[3])))
    for place, (name, _) in enumerate(result):
        base = name[:-2]
        if name.endswith(b"*0") and base in pieces:
            result[place] = _join(base, pieces[base])
    return result


def _join(base: bytes, numbered: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    run: list[tuple[bytes, bool]] = []
    while len(run) in numbered:
        run.append(numbered[len(run)])
    if not any(encoded for _, encoded in run):
        return base, b"".join(value for value, _ in run)
    return base + b"*", b"".join(value if encoded else _percent(value) for value, encoded in run)


def _percent(value: bytes) -> bytes:
    return _TO_ENCODE.sub(lambda byte: b"%%%02X" % byte[0][0], value)


def first(params: Params, name: bytes) -> bytes | None:
    """The raw value of the first parameter of that name."""
    for key, value in params:
        if key == name:
            return value
    return None


def decoded(params: Params, name: bytes) -> str | None:
    """The value as text: the RFC 2231 form when there is one, else with RFC 2047 words and raw 8-bit as found."""
    extended = first(params, name + b"*")
    if extended is not None:
        charset, mark, rest = extended.partition(b"'")
        _, second_mark, text = rest.partition(b"'")
        if mark and second_mark:
            return decode_bytes(unquote_to_bytes(text), charset.decode("ascii", "replace"))
        return decode_bytes(unquote_to_bytes(extended), "")
    value = first(params, name)
    return None if value is None else decode_header(value)
