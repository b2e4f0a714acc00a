"""Address lists of header fields (RFC 5322 §3.4, §4.4), read as mail programs write them and as they get them wrong."""

import re
from typing import NamedTuple

from optimails.mime.header import unfolded
from optimails.mime.quote import nstring

_TEXT = rb"[!#-'*+\-./0-9=?A-Z^-~]"  # atoms, dots and what unquoted display names contain
# The form nearly every address has; every group is printable ASCII without quote or backslash, so it prints as it is.
_SIMPLE = re.compile(
    rb'[ \t]*+(?:(?:"([ !#-\[\]-~]{0,900}+)"|(' + _TEXT + rb"{1,300}+(?:[ ]" + _TEXT + rb"{1,100}+){0,6}+))?[ \t]*+"
    rb"<([!#-'*+\-./0-9=?A-Z^-~]{1,320}+)@([!#-'*+\-./0-9=?A-Z^-~]{1,320}+)>"
    rb"|([!#-'*+\-./0-9=?A-Z^-~]{1,320}+)@([!#-'*+\-./0-9=?A-Z^-~]{1,320}+))[ \t]*+(?:,|\Z)"
)
_TOKEN = re.compile(
    rb'[ \t]++|"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|(\[(?:[^\]\\]++|\\.)*+(?:\]|\\?\Z))'
    rb"|([^ \t\"(),:;<>@\[]++)|([(),:;<>@])",
    re.DOTALL,
)
_SPECIAL_GROUP = 4
_COMMENT_MARK = re.compile(rb"[^()\\]++|\\.|[()\\]", re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)


class Address(NamedTuple):
    """As ENVELOPE has it (RFC 9051 §7.5.2). ``host`` None marks a group: its start has the group's name as
    ``mailbox``, its end has None there too. What is missing in a broken address is empty."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Address(None, None, None, None)


def render_addresses(value: bytes | None) -> bytes:
    """The value of an address field as ENVELOPE shows it: ``((…)(…))`` or NIL."""
    if value is None:
        return b"NIL"
    value = unfolded(value)
    parts = _simple(value)
    if parts is None:
        parts = [b"(%b %b %b %b)" % tuple(map(nstring, address)) for address in parse_addresses(value)]
    return b"(%b)" % b"".join(parts) if parts else b"NIL"


def _simple(value: bytes) -> list[bytes] | None:
    parts: list[bytes] = []
    at, end, match = 0, len(value), _SIMPLE.match
    while at < end:
        found = match(value, at)
        if not found:
            return None
        quoted, phrase, mailbox, host, bare_mailbox, bare_host = found.groups()
        name = quoted or phrase
        parts.append(
            (b'("%b" NIL "%b" "%b")' % (name, mailbox, host))
            if name
            else (b'(NIL NIL "%b" "%b")' % (mailbox or bare_mailbox, host or bare_host))
        )
        at = found.end()
    return parts


def parse_addresses(value: bytes) -> list[Address]:
    """The addresses of an unfolded field value."""
    return _Reader(value).read()


class _Reader:
    """One pass over the tokens. ``words`` collects what may become a display name or a local part."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.found: list[Address] = []
        self.in_group = False
        self._clear()

    def _clear(self) -> None:
        self.words: list[bytes] = []  # the phrase, or the address when no angle bracket comes
        self.glued: list[bool] = []  # whether no white space stood before the word
        self.angle: list[bytes] | None = None  # what stands between < and >
        self.angle_at = False  # whether that has an "@"
        self.closed = False
        self.comment: bytes | None = None
        self.at_sign = -1  # position in words of the last "@" outside brackets
        self.space = True

    def read(self) -> list[Address]:
        at, end, match = 0, len(self.value), _TOKEN.match
        while at < end:
            token = match(self.value, at)
            assert token is not None  # some alternative takes any byte
            at = token.end()
            kind = token.lastindex
            if kind is None:
                self.space = True
            elif kind == _SPECIAL_GROUP:
                at = self._special(token[4], at)
            else:
                self._word(_PAIR.sub(rb"\1", token[1]) if kind == 1 else token[kind])
        self._finish()
        if self.in_group:
            self.found.append(GROUP_END)
        return self.found

    def _special(self, mark: bytes, at: int) -> int:
        if mark == b"(":
            text, at = _comment(self.value, at)
            self.comment = self.comment or text
            self.space = True
        elif self.angle is not None and not self.closed:
            self._special_inside(self.angle, mark)
        else:
            self._special_outside(mark)
        return at

    def _special_inside(self, angle: list[bytes], mark: bytes) -> None:
        if mark == b">":
            self.closed = True
        elif mark == b"," and self.angle_at and angle[0] != b"@":  # the bracket was never closed
            self._finish()
        else:
            self.angle_at = self.angle_at or mark == b"@"
            angle.append(mark)

    def _special_outside(self, mark: bytes) -> None:
        if mark in {b",", b";"}:
            self._finish()
            if mark == b";" and self.in_group:
                self.found.append(GROUP_END)
                self.in_group = False
        elif self.angle is not None or mark in b")>":  # strays
            return
        elif mark == b"<":
            self.angle = []
        elif mark == b":" and not self.in_group:
            self.found.append(Address(None, None, _phrase(self.words, self.glued), None))
            self.in_group = True
            self._clear()
        else:
            if mark == b"@":
                self.at_sign = len(self.words)
            self._word(mark)

    def _word(self, word: bytes) -> None:
        if self.angle is not None and not self.closed:
            self.angle.append(word)
        elif self.angle is None:
            self.words.append(word)
            self.glued.append(not self.space)
        self.space = False

    def _finish(self) -> None:
        if self.angle is not None:
            name = _phrase(self.words, self.glued) or self.comment
            route, mailbox, host = _addr_spec(self.angle)
        elif self.at_sign >= 0:
            name, route = self.comment, None
            mailbox = b"".join(self.words[: self.at_sign])
            host = b"".join(self.words[self.at_sign + 1 :])
        else:
            words = self.words
            one = len(words) == 1
            name = self.comment if one else (_phrase(words, self.glued) or None)
            route, mailbox, host = None, words[0] if one else b"", b""
        if name or mailbox or host:
            self.found.append(Address(name or None, route, mailbox, host))
        self._clear()


def _phrase(words: list[bytes], glued: list[bool]) -> bytes:
    return b"".join(word if close else b" " + word for word, close in zip(words, glued, strict=True)).strip()


def _addr_spec(tokens: list[bytes]) -> tuple[bytes | None, bytes, bytes]:
    """Route, local part and domain of what stands between angle brackets (RFC 5322 §4.4, obs-route)."""
    route = None
    if tokens[:1] == [b"@"] and b":" in tokens:
        colon = tokens.index(b":")
        route, tokens = b"".join(tokens[:colon]), tokens[colon + 1 :]
    if b"@" not in tokens:
        return route, b"".join(tokens), b""
    at_sign = len(tokens) - 1 - tokens[::-1].index(b"@")
    return route, b"".join(tokens[:at_sign]), b"".join(tokens[at_sign + 1 :])


def _comment(value: bytes, at: int) -> tuple[bytes, int]:
    """The text of the comment that opened just before ``at``, and the position behind it. Comments nest."""
    depth = 1
    pieces: list[bytes] = []
    for piece in _COMMENT_MARK.finditer(value, at):
        text = piece[0]
        if text == b"(":
            depth += 1
        elif text == b")":
            depth -= 1
            if not depth:
                return b"".join(pieces).strip(), piece.end()
        elif text[:1] == b"\\":
            text = text[1:]
        pieces.append(text)
    return b"".join(pieces).strip(), len(value)
