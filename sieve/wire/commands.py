"""The commands of ManageSieve (RFC 5804 §2), one type each."""

from collections.abc import Callable
from dataclasses import dataclass

from optimails.model.errors import BadSyntax
from sieve.wire.reader import Line, Token

MAX_TAG = 1_000  # octets that NOOP gives back


@dataclass(frozen=True, slots=True)
class Authenticate:
    mechanism: str
    initial: bytes | None  # base64


@dataclass(frozen=True, slots=True)
class StartTls:
    pass


@dataclass(frozen=True, slots=True)
class Logout:
    pass


@dataclass(frozen=True, slots=True)
class Capability:
    pass


@dataclass(frozen=True, slots=True)
class HaveSpace:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class PutScript:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ListScripts:
    pass


@dataclass(frozen=True, slots=True)
class SetActive:
    name: str  # empty: none


@dataclass(frozen=True, slots=True)
class GetScript:
    name: str


@dataclass(frozen=True, slots=True)
class DeleteScript:
    name: str


@dataclass(frozen=True, slots=True)
class RenameScript:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class CheckScript:
    content: bytes


@dataclass(frozen=True, slots=True)
class Noop:
    tag: bytes | None


Command = (
    Authenticate
    | StartTls
    | Logout
    | Capability
    | HaveSpace
    | PutScript
    | ListScripts
    | SetActive
    | GetScript
    | DeleteScript
    | RenameScript
    | CheckScript
    | Noop
)


def parse(line: Line) -> Command:
    """Raises ``BadSyntax``."""
    if not line.tokens or not isinstance(line.tokens[0], str):
        raise BadSyntax("A command begins with its name")
    name, arguments = line.tokens[0], line.tokens[1:]
    known = _COMMANDS.get(name)
    if known is None:
        raise BadSyntax("Unknown command")
    least, most, make = known
    if not least <= len(arguments) <= most:
        raise BadSyntax(f"{name} has another number of arguments")
    return make(*arguments)


def response(line: Line) -> bytes:
    """What a client answers to a challenge: one string (RFC 5804 §2.1). Raises ``BadSyntax``."""
    if len(line.tokens) != 1:
        raise BadSyntax("One string is expected")
    return _bytes(line.tokens[0])


def _bytes(token: Token) -> bytes:
    if not isinstance(token, bytes):
        raise BadSyntax("A string is expected")
    return token


def _text(token: Token) -> str:
    try:
        return _bytes(token).decode()
    except UnicodeDecodeError as wrong:
        raise BadSyntax("The string is not UTF-8") from wrong


def _number(token: Token) -> int:
    if not isinstance(token, int):
        raise BadSyntax("A number is expected")
    return token


def _tag(token: Token) -> bytes:
    tag = _bytes(token)
    if len(tag) > MAX_TAG:
        raise BadSyntax("The string is too long")
    return tag


def _authenticate(mechanism: Token, initial: Token | None = None) -> Authenticate:
    return Authenticate(_text(mechanism).upper(), None if initial is None else _bytes(initial))


_COMMANDS: dict[str, tuple[int, int, Callable[..., Command]]] = {
    "AUTHENTICATE": (1, 2, _authenticate),
    "STARTTLS": (0, 0, StartTls),
    "LOGOUT": (0, 0, Logout),
    "CAPABILITY": (0, 0, Capability),
    "HAVESPACE": (2, 2, lambda name, size: HaveSpace(_text(name), _number(size))),
    "PUTSCRIPT": (2, 2, lambda name, content: PutScript(_text(name), _bytes(content))),
    "LISTSCRIPTS": (0, 0, ListScripts),
    "SETACTIVE": (1, 1, lambda name: SetActive(_text(name))),
    "GETSCRIPT": (1, 1, lambda name: GetScript(_text(name))),
    "DELETESCRIPT": (1, 1, lambda name: DeleteScript(_text(name))),
    "RENAMESCRIPT": (2, 2, lambda old, new: RenameScript(_text(old), _text(new))),
    "CHECKSCRIPT": (1, 1, lambda content: CheckScript(_bytes(content))),
    "NOOP": (0, 1, lambda tag=None: Noop(None if tag is None else _tag(tag))),
}
