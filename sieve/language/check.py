"""From the generic grammar to a script that can be run: names, extensions, types and values are checked here.

Extensions decide how strings are read and which commands exist, so ``require`` must come first (RFC 5228 §3.2), and
checking goes through the script in its order. ``ihave`` (RFC 5463) asks at run time, but about something that never
changes: it is answered here, and what its answer excludes is not checked at all, so that it may hold anything.
"""

from collections.abc import Sequence
from typing import NoReturn

from sieve.language import values
from sieve.language.errors import SieveError
from sieve.language.limits import Limits
from sieve.language.specs import COMMANDS, EXTENSIONS, IMPLIED, TESTS, Block, Spec, Tag, Type
from sieve.language.strings import decode_characters, template
from sieve.language.syntax import Argument, Item, parse
from sieve.language.tokens import Source
from sieve.language.tree import Given, Node, Script, Text, Value

TRUE, FALSE = Node("true", 0, 0), Node("false", 0, 0)


def compile_script(script: bytes, limits: Limits | None = None, extensions: Sequence[str] = EXTENSIONS) -> Script:
    """Check a script. ``extensions`` are those that it may require.

    Raises:
        SieveError: whatever is wrong with it.
    """
    limits = limits or Limits()
    if len(script) > limits.script_size:
        raise SieveError(f"the script is larger than {limits.script_size} bytes")
    source = Source(script)
    return _Checker(source, limits, frozenset(extensions)).script(parse(source, limits))


class _Checker:
    def __init__(self, source: Source, limits: Limits, available: frozenset[str]) -> None:
        self.source = source
        self.limits = limits
        self.available = available
        self.extensions: set[str] = set()
        self._loops: list[str] = []  # names of the foreverypart around us

    def script(self, items: list[Item]) -> Script:
        at = 0
        while at < len(items) and items[at].name == "require":
            self._require(items[at])
            at += 1
        commands = self._commands(items[at:])
        return Script(commands, frozenset(self.extensions))

    def fail(self, text: str, at: int) -> NoReturn:
        raise self.source.error(text, at)

    # -- commands

    def _require(self, item: Item) -> None:
        if len(item.arguments) != 1 or not item.arguments[0].is_string or item.tests or item.block is not None:
            self.fail("require takes one list of strings", item.at)
        for name in item.arguments[0].strings:
            if name not in self.available:
                self.fail(f"the extension {name[:60]!r} is not known here", item.arguments[0].at)
            self._enable(name)

    def _enable(self, name: str) -> None:
        self.extensions.add(name)
        self.extensions.update(IMPLIED.get(name, ()))

    def _commands(self, items: Sequence[Item]) -> tuple[Node, ...]:
        nodes: list[Node] = []
        chain = False  # an if or elsif stands before
        decided = False  # a branch of it is always taken: what follows is never
        for item in items:
            if item.name in ("elsif", "else"):
                if not chain:
                    self.fail(f"{item.name} needs an if before it", item.at)
                chain = item.name == "elsif"
                if decided:
                    continue
            else:
                chain, decided = item.name == "if", False
            if item.name in ("if", "elsif"):
                node = self._branch(item)
                nodes.append(node)
                decided = node.tests[0].name == "true" and node.tests[0].line == 0
            else:
                nodes.append(self._node(item, COMMANDS, "command"))
        return tuple(nodes)

    def _branch(self, item: Item) -> Node:
        self._shape(item, COMMANDS[item.name])
        test = self._test(item.tests[0])
        block = () if _constant(test, of="false") else self._commands(item.block or ())
        return Node(item.name, *self.source.place(item.at), tests=(test,), block=block)

    def _test(self, item: Item) -> Node:
        match item.name:
            case "ihave":
                return self._ihave(item)
            case "not":
                self._shape(item, TESTS["not"])
                test = self._test(item.tests[0])
                if _constant(test, of="true"):
                    return FALSE
                if _constant(test, of="false"):
                    return TRUE
                return Node("not", *self.source.place(item.at), tests=(test,))
            case "allof" | "anyof":
                return self._several(item)
            case _:
                return self._node(item, TESTS, "test")

    def _several(self, item: Item) -> Node:
        """What decides alone leaves the tests behind it unchecked (RFC 5463 §4)."""
        self._shape(item, TESTS[item.name])
        decisive = "false" if item.name == "allof" else "true"
        tests = []
        for one in item.tests:
            test = self._test(one)
            if _constant(test, of=decisive):
                return test
            tests.append(test)
        return Node(item.name, *self.source.place(item.at), tests=tuple(tests))

    def _ihave(self, item: Item) -> Node:
        node = self._node(item, TESTS, "test")
        names = node.arguments[0]
        assert isinstance(names, tuple)
        if any(not isinstance(name, str) for name in names):
            self.fail("the extensions that ihave asks for must be constant", item.at)
        if not all(name in self.available for name in names):
            return FALSE
        for name in names:
            self._enable(str(name))
        return TRUE

    # -- one command or test

    def _node(self, item: Item, table: dict[str, Spec], what: str) -> Node:
        spec = table.get(item.name)
        if spec is None:
            other = TESTS if table is COMMANDS else COMMANDS
            kind = " (it is a test)" if item.name in other and other is TESTS else ""
            kind = " (it is a command)" if item.name in other and other is COMMANDS else kind
            self.fail(f"unknown {what} {item.name[:60]!r}{kind}", item.at)
        if spec.extensions and not self.extensions.intersection(spec.extensions):
            self.fail(f"{item.name} needs: require {spec.extensions[0]!r};", item.at)
        if item.name == "require":
            self.fail("require stands before all other commands", item.at)
        self._shape(item, spec)
        tags, given = self._tags(item, spec)
        arguments = self._arguments(item, spec, given)
        loop = self._loop(item, tags)
        block = self._commands(item.block or ())
        if loop:
            self._loops.pop()
        tests = tuple(self._test(test) for test in item.tests)
        line, column = self.source.place(item.at)
        node = Node(item.name, line, column, tags, arguments, tests, block)
        try:
            values.check(node, spec, self.extensions, self.limits)
        except ValueError as wrong:
            self.fail(f"{item.name}: {wrong}", item.at)
        return node

    def _shape(self, item: Item, spec: Spec) -> None:
        if spec.block is Block.NEEDED and item.block is None:
            self.fail(f"{item.name} needs a block", item.at)
        if spec.block is Block.NONE and item.block is not None:
            self.fail(f"{item.name} takes no block", item.at)
        if spec.tests == "one" and (len(item.tests) != 1 or item.test_list):
            self.fail(f"{item.name} needs one test", item.at)
        if spec.tests == "list" and not item.test_list:
            self.fail(f"{item.name} needs a list of tests in parentheses", item.at)
        if not spec.tests and item.tests:
            self.fail(f"{item.name} takes no test", item.tests[0].at)
        if spec.tests and item.arguments:
            self.fail(f"{item.name} takes no arguments", item.arguments[0].at)

    def _loop(self, item: Item, tags: dict[str, Value | Given]) -> bool:
        name = str(tags.get("name", ""))
        if item.name == "foreverypart":
            if len(self._loops) >= self.limits.nesting:
                self.fail("foreverypart is nested too deeply", item.at)
            self._loops.append(name)
            return True
        if item.name in ("break", "extracttext") and not self._loops:
            self.fail(f"{item.name} stands within foreverypart", item.at)
        if item.name == "break" and name and name not in self._loops:
            self.fail(f"there is no foreverypart named {name[:60]!r} around this break", item.at)
        return False

    # -- arguments

    def _tags(self, item: Item, spec: Spec) -> tuple[dict[str, Value | Given], list[Argument]]:
        """The tags, and the positional arguments, which must follow them (RFC 5228 §2.6.2)."""
        tags: dict[str, Value | Given] = {}
        arguments = item.arguments
        at = 0
        while at < len(arguments) and (name := arguments[at].tag) is not None:
            tag, place = spec.tags.get(name), arguments[at].at
            if tag is None:
                self.fail(f"{item.name} knows no tag :{name[:60]}", place)
            if tag.extension and tag.extension not in self.extensions:
                self.fail(f":{name} needs: require {tag.extension!r};", place)
            at += 1
            value: Value | Given = True
            if tag.type is not None:
                if at >= len(arguments):
                    self.fail(f":{name} needs a value", place)
                value = self._value(arguments[at], tag.type, f":{name}")
                at += 1
            self._put(tags, name, tag, value, place)
        rest = arguments[at:]
        for argument in rest:
            if argument.tag is not None:
                self.fail(f":{argument.tag} must stand before the other arguments", argument.at)
        return tags, rest

    def _put(self, tags: dict[str, Value | Given], name: str, tag: Tag, value: Value | Given, place: int) -> None:
        if name in tags or (tag.group and tag.group in tags):
            self.fail(f":{name} is given twice, or excludes another tag", place)
        if tag.group:
            tags[tag.group] = name
        if tag.type is not None or not tag.group:
            tags[name] = value

    def _arguments(self, item: Item, spec: Spec, given: list[Argument]) -> tuple[Value, ...]:
        most = len(spec.arguments)
        least = most - spec.optional - spec.trailing
        if not least <= len(given) <= most:
            wanted = str(most) if least == most else f"{least} or {most}"
            self.fail(f"{item.name} takes {wanted} arguments, not {len(given)}", item.at)
        types = spec.arguments[: len(given)] if spec.trailing else spec.arguments[most - len(given) :]
        return tuple(
            self._value(argument, kind, f"argument {number} of {item.name}")
            for number, (argument, kind) in enumerate(zip(given, types, strict=True), 1)
        )

    def _value(self, argument: Argument, kind: Type, what: str) -> Value:
        if kind is Type.NUMBER:
            if argument.number is None:
                self.fail(f"{what} must be a number, not {argument.shown}", argument.at)
            return argument.number
        if not argument.is_string:
            wanted = "a string" if kind is Type.STRING else "a list of strings"
            self.fail(f"{what} must be {wanted}, not {argument.shown}", argument.at)
        if kind is Type.STRING:
            if argument.is_list:
                self.fail(f"{what} must be a single string, not a list", argument.at)
            return self._text(argument.strings[0], argument.at)
        return tuple(self._text(text, argument.at) for text in argument.strings)

    def _text(self, text: str, at: int) -> Text:
        try:
            if "encoded-character" in self.extensions:
                text = decode_characters(text)
            return template(text) if "variables" in self.extensions else text
        except ValueError as wrong:
            shown = "the encoded characters are not UTF-8" if isinstance(wrong, UnicodeError) else str(wrong)
            self.fail(shown, at)


def _constant(test: Node, *, of: str) -> bool:
    """Whether an ``ihave`` has decided the test; ``true`` in a script has a place."""
    return test.name == of and test.line == 0
