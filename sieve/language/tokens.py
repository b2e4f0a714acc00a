"""From text to tokens (RFC 5228 §8.1). One regular expression, possessive throughout: nothing is looked at twice."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from sieve.language.errors import SieveError
from sieve.language.limits import MAX_NUMBER

_TOKEN = re.compile(
    r"[ \t\r\n]++"
    r"|\#[^\n]*+"
    r"|/\*(?P<comment>(?:[^*]++|\*(?!/))*+\*/)?+"
    r"|(?P<multiline>(?i:text):[ \t]*+(?:\#[^\n]*+)?+\r?\n)"
    r"|(?P<identifier>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<number>[0-9]++)(?P<unit>[KMGkmg]?)(?![A-Za-z0-9_])"
    r'|"(?P<quoted>(?:[^"\\]++|\\.)*+)"'
    r"|(?P<mark>[\[\](){},;])",
    re.DOTALL,
)
_MULTILINE_END = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_DOT_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BARE_LF = re.compile(r"(?<!\r)\n")
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


class Kind(Enum):
    IDENTIFIER = auto()
    TAG = auto()
    NUMBER = auto()
    STRING = auto()
    MARK = auto()
    END = auto()


class Token(NamedTuple):
    kind: Kind
    value: str | int  # names in lower case, strings without quotes
    at: int  # offset in the text


class Source:
    """The text of a script; turns offsets into places."""

    def __init__(self, script: bytes) -> None:
        wrong: UnicodeDecodeError | None = None
        try:
            self.text = script.decode("utf-8")
        except UnicodeDecodeError as error:
            wrong = error
            self.text = script[: error.start].decode("utf-8")
        self._starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        if wrong is not None:
            raise self.error("the script is not valid UTF-8", len(self.text)) from wrong
        if "\0" in self.text:
            raise self.error("the script contains a NUL character", self.text.index("\0"))

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def error(self, text: str, at: int) -> SieveError:
        return SieveError(text, *self.place(at))


def tokens(source: Source) -> Iterator[Token]:  # noqa: C901, PLR0912 - one branch a kind of token
    """All tokens, END last. Raises ``SieveError``."""
    text, at, end, match = source.text, 0, len(source.text), _TOKEN.match
    while at < end:
        found = match(text, at)
        if found is None:
            raise _unexpected(source, at)
        kind, start, at = found.lastgroup, at, found.end()
        if kind is None or kind == "comment":
            if kind is None and text.startswith("/*", start):
                raise source.error("this comment has no end", start)
        elif kind == "multiline":
            last = _MULTILINE_END.search(text, at)
            if last is None:
                raise source.error("this text: has no end (a line with a dot alone)", start)
            content = _DOT_STUFFED.sub(".", text[at : last.start()])
            at = last.end()
            # RFC 5228 §8.1: lines of a string end with CRLF, whatever the file has.
            yield Token(Kind.STRING, _BARE_LF.sub("\r\n", content), start)
        elif kind == "quoted":
            quoted = found["quoted"]
            if "\\" in quoted:
                quoted = _ESCAPE.sub(r"\1", quoted)
            yield Token(Kind.STRING, _BARE_LF.sub("\r\n", quoted) if "\n" in quoted else quoted, start)
        elif kind == "identifier":
            yield Token(Kind.IDENTIFIER, found["identifier"].lower(), start)
        elif kind == "tag":
            yield Token(Kind.TAG, found["tag"].lower(), start)
        elif kind == "mark":
            yield Token(Kind.MARK, found["mark"], start)
        else:
            digits = found["number"].lstrip("0") or "0"
            number = int(digits) * _UNITS[found["unit"].lower()] if len(digits) < 20 else MAX_NUMBER + 1
            if number > MAX_NUMBER:
                raise source.error("this number is too large", start)
            yield Token(Kind.NUMBER, number, start)
    yield Token(Kind.END, "", end)


def _unexpected(source: Source, at: int) -> SieveError:
    character = source.text[at]
    if character == '"':
        return source.error("this string has no end", at)
    if character.isdigit() and character.isascii():
        return source.error("a number is followed by K, M, G or nothing", at)
    return source.error(f"unexpected character {character!r}", at)
