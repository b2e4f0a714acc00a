"""Editing the header (RFC 5293)."""

from email.header import Header

from sieve.language.tree import Node
from sieve.language.values import is_field_name
from sieve.run.machine import Machine
from sieve.run.message import Field

PROTECTED = frozenset({"received", "auto-submitted"})  # RFC 5293 §6; a loop must stay visible
_NEVER_ADDED = frozenset({"received", "return-path", "delivered-to"})  # a script must not forge a trace
MAX_VALUE = 8_000
MAX_ADDED = 100


def add(machine: Machine, node: Node) -> None:
    name, value = (machine.string(argument) for argument in node.arguments)
    value = " ".join(value.strip().split("\r\n"))
    if not is_field_name(name) or len(name) > 100:
        raise machine.fail(f"{name[:60]!r} is not the name of a header field")
    if len(value) > MAX_VALUE or any(ord(character) < 32 and character != "\t" for character in value):
        raise machine.fail(f"the value of the new field {name[:60]!r} is too long, or has control characters")
    if name.lower() in _NEVER_ADDED:
        return
    fields = machine.message.fields
    if len(fields) > MAX_ADDED + 10_000:
        raise machine.fail("the header has too many fields")
    field = _field(name, value)
    machine.message.edit([*fields, field] if "last" in node.tags else [field, *fields])


def _field(name: str, value: str) -> Field:
    if value.isascii() and len(name) + len(value) + 2 <= 998:
        written = value
    else:
        written = Header(value, "utf-8", maxlinelen=75, header_name=name).encode(linesep="\r\n")
    encoded = b" " + written.encode("utf-8", "replace")
    return Field(name.encode() + b":" + encoded, name.encode(), encoded)


def delete(machine: Machine, node: Node) -> None:
    """RFC 5293 §5: fields of that name, of the index, whose value matches; without patterns all of them."""
    name = machine.string(node.arguments[0]).lower()
    if not is_field_name(name):
        raise machine.fail(f"{name[:60]!r} is not the name of a header field")
    if name in PROTECTED:
        return
    chosen = indexed(machine.message.named(name), node)
    if len(node.arguments) == 2:
        if node.tags.get("match") == "count":
            chosen = chosen if machine.matches(node, [field.text for field in chosen], variables=False) else []
        else:
            chosen = [field for field in chosen if machine.matches(node, [field.text], variables=False)]
    if chosen:
        gone = set(map(id, chosen))
        machine.message.edit([field for field in machine.message.fields if id(field) not in gone])


def indexed(fields: list[Field], node: Node) -> list[Field]:
    """``:index`` and ``:last`` (RFC 5260 §6)."""
    index = node.tags.get("index")
    if not isinstance(index, int) or isinstance(index, bool):
        return fields
    if not 1 <= index <= len(fields):
        return []
    return [fields[-index]] if "last" in node.tags else [fields[index - 1]]
