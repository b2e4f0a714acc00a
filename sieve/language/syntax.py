"""The generic grammar (RFC 5228 §8.2): commands with arguments, tests and blocks, whatever they are called."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sieve.language.errors import SieveError
from sieve.language.limits import Limits
from sieve.language.tokens import Kind, Source, Token, tokens


@dataclass(slots=True)
class Argument:
    """A tag, a number, a string, or a list of strings (``is_list``)."""

    at: int
    tag: str | None = None
    number: int | None = None
    strings: list[str] = field(default_factory=list)
    is_list: bool = False

    @property
    def is_string(self) -> bool:
        return self.tag is None and self.number is None

    @property
    def shown(self) -> str:
        """For messages."""
        if self.tag is not None:
            return f"tag :{self.tag}"
        return "a number" if self.number is not None else "a string list" if self.is_list else "a string"


@dataclass(slots=True)
class Item:
    """A command or a test as written."""

    name: str
    at: int
    arguments: list[Argument] = field(default_factory=list)
    tests: list["Item"] = field(default_factory=list)
    test_list: bool = False  # the tests stand in parentheses
    block: list["Item"] | None = None


def parse(source: Source, limits: Limits) -> list[Item]:
    """All commands of the script. Raises ``SieveError``."""
    return _Parser(source, limits).script()


class _Parser:
    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self._tokens: Iterator[Token] = tokens(source)
        self._token = next(self._tokens)
        self._nodes = 0
        self._strings = 0

    def script(self) -> list[Item]:
        commands = []
        while self._token.kind is not Kind.END:
            commands.append(self._command(0))
        return commands

    # -- tokens

    def _next(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._tokens)
        return token

    def _is(self, mark: str) -> bool:
        return self._token.kind is Kind.MARK and self._token.value == mark

    def _take(self, mark: str) -> bool:
        if self._is(mark):
            self._next()
            return True
        return False

    def _fail(self, text: str, at: int | None = None) -> SieveError:
        return self.source.error(text, self._token.at if at is None else at)

    def _shown(self) -> str:
        return "the end of the script" if self._token.kind is Kind.END else f"{self._token.value!r}"

    # -- grammar

    def _item(self, what: str) -> Item:
        if self._token.kind is not Kind.IDENTIFIER:
            raise self._fail(f"expected {what}, found {self._shown()}")
        self._nodes += 1
        if self._nodes > self.limits.nodes:
            raise self._fail("the script has too many commands and tests")
        token = self._next()
        return Item(str(token.value), token.at)

    def _command(self, depth: int) -> Item:
        item = self._item("a command")
        self._arguments(item, 0)
        if self._take(";"):
            return item
        if not self._is("{"):
            raise self._fail(f"expected ';' or a block after {item.name}, found {self._shown()}")
        opened = self._next().at
        if depth >= self.limits.nesting:
            raise self._fail("blocks are nested too deeply", opened)
        item.block = []
        while not self._take("}"):
            if self._token.kind is Kind.END:
                raise self._fail("this block has no end", opened)
            item.block.append(self._command(depth + 1))
        return item

    def _test(self, depth: int) -> Item:
        if depth > self.limits.nesting:
            raise self._fail("tests are nested too deeply")
        item = self._item("a test")
        self._arguments(item, depth)
        return item

    def _arguments(self, item: Item, depth: int) -> None:
        while (argument := self._argument()) is not None:
            item.arguments.append(argument)
        if self._token.kind is Kind.IDENTIFIER:
            item.tests.append(self._test(depth + 1))
        elif self._take("("):
            item.test_list = True
            while True:
                item.tests.append(self._test(depth + 1))
                if self._take(")"):
                    break
                if not self._take(","):
                    raise self._fail(f"expected ',' or ')' in a list of tests, found {self._shown()}")

    def _argument(self) -> Argument | None:
        token = self._token
        match token.kind:
            case Kind.TAG:
                self._next()
                return Argument(token.at, tag=str(token.value))
            case Kind.NUMBER:
                self._next()
                return Argument(token.at, number=int(token.value))
            case Kind.STRING:
                self._next()
                return Argument(token.at, strings=[self._string(token)])
            case _:
                return self._string_list(token) if self._take("[") else None

    def _string_list(self, opened: Token) -> Argument:
        argument = Argument(opened.at, is_list=True)
        while True:
            token = self._token
            if token.kind is not Kind.STRING:
                raise self._fail(f"expected a string in a list, found {self._shown()}")
            self._next()
            argument.strings.append(self._string(token))
            if self._take("]"):
                return argument
            if not self._take(","):
                raise self._fail(f"expected ',' or ']' in a list of strings, found {self._shown()}")

    def _string(self, token: Token) -> str:
        self._strings += 1
        if self._strings > self.limits.strings:
            raise self._fail("the script has too many strings", token.at)
        return str(token.value)
