"""Runs a checked script: the state of a run, its budget, and the commands that steer.

Tests are in ``tests``, commands that act in ``commands``. A run ends with its outcome or with ``ScriptFailed``; the
budget (``Limits``) ends what would take too long, however the script goes about it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from optimails.mime import Part
from sieve.language.limits import Limits
from sieve.language.tree import Given, Node, Script, Text, Value, Variable
from sieve.run import flags
from sieve.run.actions import Action, Discard, FileInto, Keep, Outcome, Redirect, Reject, Remember, Vacation
from sieve.run.compare import Matcher
from sieve.run.environment import Environment, ScriptFailed
from sieve.run.message import Message

MAX_TEXT = 262_144  # characters of a string once its variables are in
_DELIVERS = (Keep, FileInto, Redirect, Vacation)


class _Stop(Exception):
    pass


class _Return(Exception):
    pass


class Break(Exception):
    """Leave the foreverypart of that name; empty: the innermost one."""


@dataclass(slots=True)
class Frame:
    """One script that is running: its own variables (RFC 6609 §3.4)."""

    name: str
    script: Script
    variables: dict[str, str] = field(default_factory=dict)
    global_names: set[str] = field(default_factory=set)
    matched: Sequence[str] = ()


class Machine:
    """One run."""

    def __init__(self, message: Message, environment: Environment, limits: Limits, given: tuple[str, ...] = ()) -> None:
        self.message = message
        self.environment = environment
        self.limits = limits
        self.actions: list[Action] = []
        self.keeps = True  # the implicit keep
        self.flags = given  # the internal variable of RFC 5232 §2
        self.globals: dict[str, str] = {}
        self.part: Part | None = None  # of the innermost foreverypart
        self.frames: list[Frame] = []
        self.duplicates: dict[bytes, bool] = {}
        self.line = 0
        self._included: set[tuple[str, bool]] = set()
        self._includes = 0
        self._steps = limits.steps
        self._comparisons = limits.comparisons
        self._work = limits.work

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def main(self, script: Script) -> Outcome:
        stopped = False
        try:
            self._script(Frame("", script))
        except _Stop:
            stopped = True
        if self.keeps:
            self.actions.append(Keep(self.flags, self.message.edited_header(), implicit=True))
        return Outcome(tuple(self.actions), stopped)

    # -- budget and errors

    def fail(self, text: str) -> ScriptFailed:
        return ScriptFailed(text, self.line)

    def charge(self, characters: int) -> None:
        """For looking at so many characters."""
        self._work -= characters
        if self._work < 0:
            raise self.fail("the script looks at too much")

    def _step(self, node: Node) -> None:
        self.line = node.line or self.line
        self._steps -= 1
        if self._steps < 0:
            raise self.fail("the script takes too many steps")

    # -- control

    def _script(self, frame: Frame) -> None:
        self.frames.append(frame)
        try:
            self.commands(frame.script.commands)
        except _Return:
            pass
        finally:
            self.frames.pop()

    def commands(self, nodes: Iterable[Node]) -> None:
        from sieve.run.commands import COMMANDS  # noqa: PLC0415 - commands and machine know each other

        taken = False  # a branch of the if that stands before
        for node in nodes:
            self._step(node)
            match node.name:
                case "if" | "elsif" | "else":
                    if node.name == "if":
                        taken = False
                    if not taken and (node.name == "else" or self.test(node.tests[0])):
                        taken = True
                        self.commands(node.block)
                case "stop":
                    raise _Stop
                case "return":
                    raise _Return
                case "include":
                    self._include(node)
                case name:
                    COMMANDS[name](self, node)

    def test(self, node: Node) -> bool:
        from sieve.run.tests import TESTS  # noqa: PLC0415 - as above

        self._step(node)
        match node.name:
            case "true":
                return True
            case "false":
                return False
            case "not":
                return not self.test(node.tests[0])
            case "allof":
                return all(self.test(one) for one in node.tests)
            case "anyof":
                return any(self.test(one) for one in node.tests)
            case name:
                return TESTS[name](self, node)

    def _include(self, node: Node) -> None:
        """RFC 6609 §3.2."""
        name, everybodys = self.string(node.arguments[0]), node.tags.get("location") == "global"
        if node.tags.get("once") and (name, everybodys) in self._included:
            return
        self._includes += 1
        if self._includes > self.limits.includes or len(self.frames) > self.limits.include_depth:
            raise self.fail("too many scripts include each other")
        label = f"{'global' if everybodys else 'personal'}/{name}"
        if any(frame.name == label for frame in self.frames):
            raise self.fail(f"the script {name!r} includes itself")
        script = self.environment.included(name, everybodys=everybodys)
        if script is None:
            if node.tags.get("optional"):
                return
            raise self.fail(f"there is no script {name!r} to include, or it is not valid")
        self._included.add((name, everybodys))
        part, self.part = self.part, None
        self._script(Frame(label, script))
        self.part = part

    # -- strings and variables

    def string(self, value: Value | Given) -> str:
        """A string with its variables filled in."""
        if isinstance(value, str):
            return value
        assert not isinstance(value, int | tuple)
        parts, size = [], 0
        for part in value.parts:
            text = part if isinstance(part, str) else self.variable(part)
            size += len(text)
            if size > MAX_TEXT:
                raise self.fail("a string is too long")
            parts.append(text)
        self.charge(size)
        return "".join(parts)

    def strings(self, value: Value | Given) -> list[str]:
        if isinstance(value, tuple):
            return [self.string(text) for text in value]
        return [self.string(value)]

    def optional(self, node: Node, tag: str) -> str | None:
        """The string of a tag, where it is given."""
        return self.string(node.tags[tag]) if tag in node.tags else None

    def variable(self, of: Variable) -> str:
        if of.name.isdigit():
            matched, at = self.frame.matched, int(of.name)
            return matched[at] if at < len(matched) else ""
        return self._place(of).get(of.name, "")

    def set_variable(self, of: Variable, text: str) -> None:
        place = self._place(of)
        if of.name not in place and len(place) >= self.limits.variables:
            raise self.fail("the script has too many variables")
        place[of.name] = text[: self.limits.variable]

    def _place(self, of: Variable) -> dict[str, str]:
        if of.namespace == "global" or of.name in self.frame.global_names:
            return self.globals
        return self.frame.variables

    # -- matching

    def matches(self, node: Node, values: Iterable[str], *, variables: bool = True, keys: Text | Value = ()) -> bool:
        """Whether any of the values matches any of the node's keys, in its way (RFC 5228 §2.7)."""
        how, tags = str(node.tags.get("match", "is")), node.tags
        captures = variables and how in ("matches", "regex") and "variables" in self.frame.script.extensions
        relation = str(tags.get(how, "eq")).lower() if how in ("count", "value") else "eq"
        matcher = Matcher(how, str(tags.get("comparator", "i;ascii-casemap")), relation, captures=captures)
        wanted = self.strings(keys or node.arguments[-1])
        if how == "count":
            count = sum(1 for _ in values)
            return any(matcher.count(count, key) for key in wanted)
        for value in values:
            for key in wanted:
                self._comparisons -= 1
                too_long = len(key) > self.limits.pattern and how in ("matches", "regex")
                if self._comparisons < 0 or too_long:
                    raise self.fail("the script compares too much")
                try:
                    self.charge(matcher.cost(value, key))
                    matched = matcher.match(value, key)
                except ValueError as wrong:  # a pattern made of variables
                    raise self.fail(str(wrong)) from wrong
                if matched is not None:
                    if captures and matched:
                        self.frame.matched = matched
                    return True
        return False

    # -- actions

    def act(self, action: Action) -> None:
        """Note an action; those that say nothing new are left out (RFC 5228 §2.10.3)."""
        if action in self.actions:
            return
        if isinstance(action, Reject) and any(isinstance(other, (*_DELIVERS, Reject)) for other in self.actions):
            raise self.fail("reject excludes other actions")  # RFC 5429 §2.4
        if isinstance(action, _DELIVERS) and any(isinstance(other, Reject) for other in self.actions):
            raise self.fail("reject excludes other actions")
        if isinstance(action, Vacation) and any(isinstance(other, Vacation) for other in self.actions):
            raise self.fail("only one vacation can answer")  # RFC 5230 §4.7
        counted = sum(1 for other in self.actions if not isinstance(other, Remember | Discard))
        redirects = sum(1 for other in self.actions if isinstance(other, Redirect))
        if counted >= self.limits.actions or len(self.actions) > 4 * self.limits.actions:
            raise self.fail("the script wants too many actions")
        if isinstance(action, Redirect) and redirects >= self.limits.redirects:
            raise self.fail("the script redirects to too many addresses")
        self.actions.append(action)

    def flags_of(self, node: Node) -> tuple[str, ...]:
        """``:flags``, or the internal variable (RFC 5232 §5)."""
        given = node.tags.get("flags")
        return self.flags if given is None else flags.normal(self.strings(given))


Command = Callable[[Machine, Node], None]
Test = Callable[[Machine, Node], bool]


def run(
    script: Script,
    message: Message,
    environment: Environment,
    limits: Limits | None = None,
    *,
    given: tuple[str, ...] = (),
) -> Outcome:
    """Carry a script out over a message. Changes ``message`` where the script edits its header.

    ``given`` are the flags that the message has already, where it lies in a mailbox.

    Raises:
        ScriptFailed: it cannot go on; nothing of what it wanted is to be done.
    """
    machine = Machine(message, environment, limits or Limits(), given)
    try:
        return machine.main(script)
    except RecursionError as deep:  # scripts that include each other, each nested to its limit
        raise ScriptFailed("the script is nested too deeply", machine.line) from deep
