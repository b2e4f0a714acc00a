"""A script that was checked: every command is known, every argument is of its type, every extension was required."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Variable(NamedTuple):
    """``${name}`` in a string, in lower case; match variables have their number as name."""

    name: str
    namespace: str = ""  # of include: ``global``


@dataclass(frozen=True, slots=True)
class Template:
    """A string with variables in it (RFC 5229 §3)."""

    parts: tuple["str | Variable", ...]


Text = str | Template
Value = int | Text | tuple[Text, ...]
Given = bool
"""A tag that was given, without a value."""


@dataclass(frozen=True, slots=True)
class Node:
    """A command or a test. ``tags`` has what was given: of tags with a value the value, else True.

    The match type, comparator and address part stand under ``match``, ``comparator`` and ``part``, always filled where
    the command has them; ``relation`` has that of ``:count`` and ``:value``.
    """

    name: str
    line: int
    column: int
    tags: Mapping[str, Value | Given] = field(default_factory=dict)
    arguments: tuple[Value, ...] = ()
    tests: tuple["Node", ...] = ()
    block: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    commands: tuple[Node, ...]
    extensions: frozenset[str]

    def uses(self, *extensions: str) -> bool:
        """Whether any of these was required."""
        return any(name in self.extensions for name in extensions)
