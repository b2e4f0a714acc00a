"""The tests, one function each."""

import hashlib
from collections.abc import Iterator

from optimails.mime import Part, html_text
from optimails.mime.charset import decode_bytes
from optimails.mime.params import content_type, decoded, disposition
from sieve.language.specs import ADDRESS_FIELDS, NOTIFY_METHODS
from sieve.language.strings import variable_name
from sieve.language.tree import Node
from sieve.language.values import is_zone
from sieve.run import addresses, dates, flags, mailto
from sieve.run.actions import Remember
from sieve.run.headers import indexed
from sieve.run.machine import Machine, Test
from sieve.run.message import Field

MAX_BODY = 4_194_304  # bytes of one part, as transferred, that a test looks at
_WEEK = 7 * 86_400


# -- header fields


def _parts(machine: Machine, node: Node) -> list[Part] | None:
    """The parts that ``:mime`` speaks of (RFC 5703 §4); None: the message, as any test without it."""
    if "mime" not in node.tags:
        return None
    part = machine.part or machine.message.root
    return list(machine.message.descend(part)) if "anychild" in node.tags else [part]


def _fields(machine: Machine, node: Node, name: str) -> Iterator[Field]:
    parts = _parts(machine, node)
    if parts is None:
        yield from indexed(machine.message.named(name), node)
        return
    name = name.lower()
    for part in parts:
        machine.charge(min(part.body_start - part.header_start, 65_536))
        found = [field for field in machine.message.part_fields(part) if field.name == name]
        yield from indexed(found, node)


def _header(machine: Machine, node: Node) -> bool:
    of = node.tags.get("of")

    def values() -> Iterator[str]:
        for name in machine.strings(node.arguments[0]):
            for field in _fields(machine, node, name):
                if of is None:
                    yield field.text
                else:
                    yield from _of_content(machine, node, field, str(of))

    return machine.matches(node, values())


def _of_content(machine: Machine, node: Node, field: Field, of: str) -> Iterator[str]:
    """``:type``, ``:subtype``, ``:contenttype`` and ``:param`` of a MIME field (RFC 5703 §4.1)."""
    kind = subtype = b""
    if field.name == "content-type":
        kind, subtype, params = content_type(field.raw)
    elif field.name == "content-disposition":
        value, params = disposition(field.raw)
        kind = value or b""
    else:
        params = ()
    if of == "param":
        for name in machine.strings(node.tags["param"]):
            value_of = decoded(params, name.lower().encode("utf-8", "replace"))
            if value_of is not None:
                yield value_of
    elif of == "contenttype":
        yield (kind + b"/" + subtype if subtype else kind).decode("utf-8", "replace")
    else:
        yield (kind if of == "type" else subtype).decode("utf-8", "replace")


def _address(machine: Machine, node: Node) -> bool:
    which = str(node.tags.get("part", "all"))

    def values() -> Iterator[str]:
        for name in machine.strings(node.arguments[0]):
            if name.lower() not in ADDRESS_FIELDS:
                continue  # named by a variable
            for field in _fields(machine, node, name):
                for address in addresses.addresses(field.raw):
                    part = addresses.part(address, which)
                    if part is not None:
                        yield part

    return machine.matches(node, values())


def _exists(machine: Machine, node: Node) -> bool:
    return all(any(True for _ in _fields(machine, node, name)) for name in machine.strings(node.arguments[0]))


def _size(machine: Machine, node: Node) -> bool:
    limit = int(str(node.arguments[0]))
    size = machine.message.size
    return size > limit if node.tags["than"] == "over" else size < limit  # RFC 5228 §5.9: neither when equal


def _envelope(machine: Machine, node: Node) -> bool:
    which = str(node.tags.get("part", "all"))
    envelope = machine.environment.envelope

    def values() -> Iterator[str]:
        for name in machine.strings(node.arguments[0]):
            address = {"from": envelope.sender, "to": envelope.recipient}.get(name.lower())
            if address is None:
                continue
            # RFC 5228 §5.4: the null sender is the empty string, whatever part is asked for.
            part = addresses.part(address, which) if address else ""
            if part is not None:
                yield part

    return machine.matches(node, values())


# -- body


def _body(machine: Machine, node: Node) -> bool:
    """RFC 5173; sets no match variables (§6)."""
    of = str(node.tags.get("of", "text"))

    def values() -> Iterator[str]:
        message = machine.message
        if of == "raw":
            body = message.content[message.body_at : message.body_at + MAX_BODY]
            machine.charge(len(body))
            yield decode_bytes(bytes(body), "utf-8")
            return
        wanted = [kind.lower() for kind in machine.strings(node.tags["content"])] if of == "content" else ["text"]
        for part in message.descend(message.root):
            if not any(_is_type(part, kind) for kind in wanted):
                continue
            machine.charge(min(part.size, MAX_BODY))
            if part.children:
                yield _around_children(machine, part)
            elif part.message is not None:
                header = message.content[part.message.header_start : part.message.body_start]
                yield decode_bytes(bytes(header), "utf-8")
            else:
                text = message.part_text(part, MAX_BODY)
                yield html_text(text) if of == "text" and part.subtype == b"html" else text

    return machine.matches(node, values(), variables=False)


def _is_type(part: Part, wanted: str) -> bool:
    """RFC 5173 §5.2: nothing is every type, ``text`` every subtype; what is malformed is none."""
    if not wanted:
        return True
    kind, slash, subtype = wanted.partition("/")
    if slash and (not subtype or not kind or "/" in subtype):
        return False
    return part.type.decode("latin-1") == kind and (not slash or part.subtype.decode("latin-1") == subtype)


def _around_children(machine: Machine, part: Part) -> str:
    """The prologue and epilogue of a multipart, without the lines of its delimiters."""
    content = machine.message.content
    before = bytes(content[part.body_start : part.children[0].header_start])
    after = bytes(content[part.children[-1].body_end : part.body_end])
    lines = [line for line in (before + after).splitlines(keepends=True) if not line.startswith(b"--")]
    return decode_bytes(b"".join(lines), "utf-8")


# -- dates


def _date(machine: Machine, node: Node) -> bool:
    name, part = (machine.string(argument) for argument in node.arguments[:2])
    now = machine.environment.now()
    zone = machine.optional(node, "zone")

    def values() -> Iterator[str]:
        for field in _fields(machine, node, name):
            at = dates.parse(field.raw.decode("utf-8", "replace"))
            if at is not None and zone is not None and is_zone(zone):
                at = dates.in_zone(at, zone)
            elif at is not None and "where" not in node.tags:
                at = dates.in_local_zone(at, now)
            value = dates.part(at, part) if at is not None else None
            if value is not None:
                yield value

    return machine.matches(node, values())


def _currentdate(machine: Machine, node: Node) -> bool:
    at = machine.environment.now()
    zone = machine.optional(node, "zone")
    shifted = dates.in_zone(at, zone) if zone is not None and is_zone(zone) else at
    value = dates.part(shifted or at, machine.string(node.arguments[0]))
    return machine.matches(node, [] if value is None else [value])


# -- everything else


def _string(machine: Machine, node: Node) -> bool:
    values = machine.strings(node.arguments[0])
    if node.tags.get("match") == "count":
        values = [value for value in values if value]  # RFC 5229 §5
    return machine.matches(node, values)


def _hasflag(machine: Machine, node: Node) -> bool:
    if len(node.arguments) == 1:
        values = list(machine.flags)
    else:
        names = [variable_name(name) for name in machine.strings(node.arguments[0])]
        values = [flag for name in names for flag in flags.normal([machine.variable(name)])]
    if node.tags.get("match", "is") in ("is", "contains"):
        # RFC 5232 §4: the keys are lists of flags, too.
        keys = tuple(" ".join(machine.strings(node.arguments[-1])).split())
        return bool(keys) and machine.matches(node, values, keys=keys)
    return machine.matches(node, values)


def _environment(machine: Machine, node: Node) -> bool:
    value = machine.environment.item(machine.string(node.arguments[0]).lower())
    return value is not None and machine.matches(node, [value])  # RFC 5183 §4: unknown items fail


def _mailboxexists(machine: Machine, node: Node) -> bool:
    return all(machine.environment.mailbox_exists(name) for name in machine.strings(node.arguments[0]))


def _mailboxidexists(machine: Machine, node: Node) -> bool:
    return all(machine.environment.mailbox_id_exists(name) for name in machine.strings(node.arguments[0]))


def _specialuse_exists(machine: Machine, node: Node) -> bool:
    mailbox = machine.string(node.arguments[0]) if len(node.arguments) == 2 else None
    return all(machine.environment.special_use_exists(use, mailbox) for use in machine.strings(node.arguments[-1]))


def _metadata(machine: Machine, node: Node) -> bool:
    """RFC 5490 §3.3, §4.1: what is not set matches nothing."""
    *mailbox, entry = (machine.string(argument) for argument in node.arguments[:-1])
    value = machine.environment.annotation(mailbox[0] if mailbox else None, entry)
    return value is not None and machine.matches(node, [value])


def _metadataexists(machine: Machine, node: Node) -> bool:
    """RFC 5490 §3.4, §4.2: all of them."""
    mailbox = machine.string(node.arguments[0]) if len(node.arguments) == 2 else None
    entries = machine.strings(node.arguments[-1])
    return all(machine.environment.annotation(mailbox, entry) is not None for entry in entries)


def _duplicate(machine: Machine, node: Node) -> bool:
    """RFC 7352 §3."""
    handle = machine.optional(node, "handle") or ""
    if "uniqueid" in node.tags:
        identity = machine.string(node.tags["uniqueid"])
    else:
        name = machine.optional(node, "header") or "message-id"
        found = machine.message.named(name)
        if not found:
            return False
        # RFC 7352 §3: the same value is the same identity, whether it comes from a field or from the script.
        identity = found[0].raw.decode("utf-8", "replace")
    if not identity:
        return False
    text = f"{machine.environment.user}\0{handle}\0{identity}"
    key = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    if key in machine.duplicates:
        return machine.duplicates[key]
    seen = machine.duplicates[key] = machine.environment.seen(key)
    if not seen or "last" in node.tags:
        seconds = int(str(node.tags.get("seconds", _WEEK)))
        machine.act(Remember(key, min(seconds, machine.limits.duplicate_seconds)))
    return seen


def _valid_notify_method(machine: Machine, node: Node) -> bool:
    return all(mailto.is_valid(uri) for uri in machine.strings(node.arguments[0]))


def _notify_method_capability(machine: Machine, node: Node) -> bool:
    """RFC 5436 §2.6: nobody knows whether the reader of a mailbox is there."""
    uri, capability = (machine.string(argument) for argument in node.arguments[:2])
    if uri.partition(":")[0].lower() not in NOTIFY_METHODS or not mailto.is_valid(uri):
        return False
    return capability.lower() == "online" and machine.matches(node, ["maybe"])


TESTS: dict[str, Test] = {
    "address": _address,
    "body": _body,
    "currentdate": _currentdate,
    "date": _date,
    "duplicate": _duplicate,
    "envelope": _envelope,
    "environment": _environment,
    "exists": _exists,
    "hasflag": _hasflag,
    "header": _header,
    "mailboxexists": _mailboxexists,
    "mailboxidexists": _mailboxidexists,
    "metadata": _metadata,
    "metadataexists": _metadataexists,
    "notify_method_capability": _notify_method_capability,
    "servermetadata": _metadata,
    "servermetadataexists": _metadataexists,
    "size": _size,
    "specialuse_exists": _specialuse_exists,
    "string": _string,
    "valid_notify_method": _valid_notify_method,
}
