"""Changing single lines of a calendar text: everything that is not meant stays as it came.

A component keeps its lines as text beside what was read of them; here both change together.
"""

import re
from collections.abc import Callable, Iterable

from optimails.groupware.text import Component, Property, read_line

_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\"]")  # what a parameter cannot hold (RFC 5545 §3.1)
_QUOTED = re.compile(r"[;:,]")


def copied(component: Component) -> Component:
    """With everything inside of it."""
    made = Component(component.name)
    made.properties, made.lines = list(component.properties), list(component.lines)
    made.children = [copied(child) for child in component.children]
    return made


def edit(component: Component, change: Callable[[Property, str], str | None]) -> None:
    """Replace each line by what ``change`` makes of it; None takes it away."""
    properties, lines = [], []
    for found, line in zip(component.properties, component.lines, strict=True):
        new = change(found, line)
        read = found if new is line else read_line(new) if new is not None else None
        if new is not None and read is not None:
            properties.append(read)
            lines.append(new)
    component.properties, component.lines = properties, lines


def drop(component: Component, names: Iterable[str]) -> None:
    """Take properties away."""
    unwanted = frozenset(names)
    edit(component, lambda found, line: None if found.name in unwanted else line)


def add(component: Component, line: str) -> None:
    """Append a line, unfolded."""
    read = read_line(line)
    assert read is not None
    component.properties.append(read)
    component.lines.append(line)


def put(component: Component, line: str) -> None:
    """A property that is there once: it takes the place of the old one, or comes last."""
    read = read_line(line)
    assert read is not None
    places = [at for at, found in enumerate(component.properties) if found.name == read.name]
    if not places:
        add(component, line)
        return
    component.properties[places[0]], component.lines[places[0]] = read, line
    for at in reversed(places[1:]):
        del component.properties[at], component.lines[at]


def lines_of(component: Component, name: str) -> list[str]:
    """The lines of a property, as they came."""
    return [
        line for found, line in zip(component.properties, component.lines, strict=True) if found.name == name
    ]  # fmt: skip


def with_params(line: str, values: dict[str, str | None]) -> str:
    """The line with these parameters; None takes one away. The others stay as they are written."""
    head, params, value = split(line)
    kept = [one for one in params if one.partition("=")[0].strip().upper() not in values]
    made = [f"{name}={quoted(text)}" for name, text in values.items() if text is not None]
    return ";".join([head, *kept, *made]) + ":" + value


def quoted(text: str) -> str:
    """As the value of a parameter."""
    text = _UNSAFE.sub("", text)
    return f'"{text}"' if _QUOTED.search(text) else text


def split(line: str) -> tuple[str, list[str], str]:
    """Name, parameters as they are written, value. A line that was read once."""
    parts: list[str] = []
    start, at = 0, 0
    while at < len(line):
        character = line[at]
        if character == '"':
            at = max(line.find('"', at + 1), at)
        elif character in ";:":
            parts.append(line[start:at])
            start = at + 1
            if character == ":":
                break
        at += 1
    return parts[0], parts[1:], line[start:]
