"""Replies of a server as values (RFC 5321 §4.2). The server is a stranger: everything it sends has a bound."""

import re
from dataclasses import dataclass

from optimails.model.errors import BadSyntax

MAX_LINE = 4_096  # bytes; RFC 5321 §4.5.3.1.5 allows 512, real servers write more
MAX_LINES = 200  # of one reply
MAX_WAITING = 4_096  # replies that were received and not yet asked for

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+|$)")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """``lines`` is the text of each line, without code."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status code of the first line, if it agrees with the basic one (RFC 2034 §4); or nothing."""
        found = _STATUS.match(self.lines[0])
        return found.group(1) if found and found.group(1)[0] == str(self.code)[0] else ""

    def __str__(self) -> str:
        """One printable line, as logs and reports show it."""
        return _NOT_PRINTABLE.sub(" ", f"{self.code} {' '.join(self.lines)}")[:1_000].strip()


class ReplyReader:
    """Bytes in, replies out. ``error`` says what was wrong, once something was: the connection is of no more use."""

    __slots__ = ("_buffer", "_code", "_lines", "error")

    def __init__(self) -> None:
        self._buffer = b""
        self._code = 0
        self.error = ""
        self._lines: list[str] = []

    @property
    def idle(self) -> bool:
        """Whether nothing of a next reply has come."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """All replies that ``data`` completes. What came before the first mistake counts; then ``error`` is set."""
        if self.error:
            return []
        *complete, rest = (self._buffer + data).split(b"\n") if self._buffer else data.split(b"\n")
        self._buffer = rest
        found = []
        try:
            for line in complete:
                reply = self._line(line.removesuffix(b"\r"))
                if reply is not None:
                    found.append(reply)
            if len(rest) > MAX_LINE:
                raise BadSyntax("a reply line is too long")  # noqa: TRY301  # as those of the lines above
        except BadSyntax as wrong:
            self.error, self._buffer = str(wrong), b""
        return found

    def _line(self, line: bytes) -> Reply | None:
        if len(line) > MAX_LINE:
            raise BadSyntax("a reply line is too long")
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadSyntax("a reply does not begin with a code")
        code = int(match.group(1))
        if self._lines and code != self._code:  # RFC 5321 §4.2.1: the code is the same in each line
            raise BadSyntax("a reply changes its code")
        self._code = code
        self._lines.append((match.group(3) or b"").decode("utf-8", "replace").strip())
        if match.group(2) == b"-":
            if len(self._lines) >= MAX_LINES:
                raise BadSyntax("a reply has too many lines")
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines = []
        return reply
