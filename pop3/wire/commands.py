"""One value per command, and the lines they come from."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from optimails.model.errors import BadSyntax

MAX_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class User:
    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    password: str = field(repr=False)  # everything behind the first space, spaces too (RFC 1939 §7)


@dataclass(frozen=True, slots=True)
class Auth:
    """RFC 5034 §4. ``mechanism`` is None for a bare AUTH, by which old clients ask for the list."""

    mechanism: str | None  # upper case
    initial: bytes | None = field(default=None, repr=False)  # still base64, or ``=``


@dataclass(frozen=True, slots=True)
class Stls:
    """RFC 2595 §4."""


@dataclass(frozen=True, slots=True)
class Capa:
    """RFC 2449 §5."""


@dataclass(frozen=True, slots=True)
class Utf8:
    """RFC 6856 §2.1."""


@dataclass(frozen=True, slots=True)
class Lang:
    """RFC 6856 §3: a language tag, ``*`` for the server's choice, None for the list."""

    tag: str | None


@dataclass(frozen=True, slots=True)
class Stat:
    pass


@dataclass(frozen=True, slots=True)
class List:
    number: int | None


@dataclass(frozen=True, slots=True)
class Uidl:
    number: int | None


@dataclass(frozen=True, slots=True)
class Retr:
    number: int


@dataclass(frozen=True, slots=True)
class Top:
    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele:
    number: int


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Rset:
    pass


@dataclass(frozen=True, slots=True)
class Quit:
    pass


Command = User | Pass | Auth | Stls | Capa | Utf8 | Lang | Stat | List | Uidl | Retr | Top | Dele | Noop | Rset | Quit

_LINE = re.compile(rb"([A-Za-z][A-Za-z0-9]{1,19})(?: (.*))?\Z", re.DOTALL)
_NUMBERS = re.compile(rb"[0-9]{1,10}(?: [0-9]{1,10})*")
_AUTH = re.compile(rb"([A-Za-z0-9\-_]{1,20})(?: +([A-Za-z0-9+/]+=*|=))? *\Z")
_TAG = re.compile(rb"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,5}) *\Z")


def parse(line: bytes) -> Command:
    """The command of a line without its CRLF.

    Raises:
        BadSyntax: unknown, or its arguments are not valid.
    """
    found = _LINE.match(line)
    grammar = _GRAMMAR.get(found[1].upper()) if found else None
    if found is None or grammar is None:
        raise BadSyntax("Unknown command")
    return grammar(found[2])


def _text(argument: bytes | None) -> str:
    if not argument or b"\x00" in argument:
        raise BadSyntax("An argument is missing")
    try:
        return argument.decode("utf-8")  # RFC 6856 §2.2; nothing says in which charset older clients write
    except UnicodeDecodeError:
        return argument.decode("latin-1")


def _plain(command: Command) -> Callable[[bytes | None], Command]:
    def grammar(argument: bytes | None) -> Command:
        if argument is not None and argument.strip(b" "):
            raise BadSyntax("This command has no arguments")
        return command

    return grammar


def _numbers(argument: bytes | None, count: int) -> list[int]:
    argument = (argument or b"").rstrip(b" ")
    if not _NUMBERS.fullmatch(argument):
        raise BadSyntax("A number is missing")
    numbers = [int(number) for number in argument.split(b" ")]
    if len(numbers) != count or max(numbers) > MAX_NUMBER:
        raise BadSyntax("The number is not valid")
    return numbers


def _optional(argument: bytes | None) -> int | None:
    return _numbers(argument, 1)[0] if argument is not None and argument.strip(b" ") else None


def _auth(argument: bytes | None) -> Auth:
    if argument is None or not argument.strip(b" "):
        return Auth(None)
    found = _AUTH.match(argument)
    if found is None:
        raise BadSyntax("The mechanism is not valid")
    return Auth(found[1].decode("ascii").upper(), found[2])


def _lang(argument: bytes | None) -> Lang:
    if argument is None or not argument.strip(b" "):
        return Lang(None)
    found = _TAG.match(argument)
    if found is None:
        raise BadSyntax("The language is not valid")
    return Lang(found[1].decode("ascii").lower())


_GRAMMAR: dict[bytes, Callable[[bytes | None], Command]] = {
    b"AUTH": _auth,
    b"CAPA": _plain(Capa()),
    b"DELE": lambda argument: Dele(_numbers(argument, 1)[0]),
    b"LANG": _lang,
    b"LIST": lambda argument: List(_optional(argument)),
    b"NOOP": _plain(Noop()),
    b"PASS": lambda argument: Pass(_text(argument)),
    b"QUIT": _plain(Quit()),
    b"RETR": lambda argument: Retr(_numbers(argument, 1)[0]),
    b"RSET": _plain(Rset()),
    b"STAT": _plain(Stat()),
    b"STLS": _plain(Stls()),
    b"TOP": lambda argument: Top(*_numbers(argument, 2)),
    b"UIDL": lambda argument: Uidl(_optional(argument)),
    b"USER": lambda argument: User(_text(argument).strip()),
    b"UTF8": _plain(Utf8()),
}
