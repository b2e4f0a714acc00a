"""What cannot be said in the table of ``specs``: values that fit together, and constants that are wrong in any mail."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from sieve.language import patterns
from sieve.language.limits import Limits
from sieve.language.specs import ADDRESS_FIELDS, COMPARATORS, DATE_PARTS, Spec
from sieve.language.strings import variable_name
from sieve.language.tree import Given, Node, Value

_RELATIONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne"})
_FIELD_CHARACTERS = frozenset(map(chr, range(33, 127))) - {":"}
_ENVELOPE = frozenset({"from", "to"})
MAX_HANDLE = 200


def check(node: Node, spec: Spec, extensions: AbstractSet[str], limits: Limits) -> None:
    """Raises ``ValueError`` with a text for the author of the script."""
    if spec.keys:
        _match(node, extensions, limits)
    rule = _RULES.get(node.name)
    if rule is not None:
        rule(node)
    if "last" in node.tags and "index" in spec.tags and "index" not in node.tags:
        raise ValueError(":last needs :index")
    if {"specialuse", "mailboxid"} <= node.tags.keys():
        raise ValueError(":specialuse and :mailboxid exclude each other")
    if (
        "fcc" in spec.tags
        and "fcc" not in node.tags
        and node.tags.keys() & {"flags", "create", "specialuse", "mailboxid"}
    ):
        raise ValueError("these tags need :fcc")


def constants(value: Value | Given) -> Iterable[str]:
    """The strings in a value that have no variables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from (text for text in value if isinstance(text, str))


def is_field_name(name: str) -> bool:
    """RFC 5322 §2.2."""
    return bool(name) and _FIELD_CHARACTERS.issuperset(name)


def _match(node: Node, extensions: AbstractSet[str], limits: Limits) -> None:  # noqa: C901 - a list of rules
    comparator = node.tags.get("comparator")
    how = node.tags.get("match", "is")
    if comparator is not None:
        if comparator not in COMPARATORS:
            raise ValueError(f"unknown comparator {comparator!r}"[:100])
        if comparator == "i;ascii-numeric":
            if "comparator-i;ascii-numeric" not in extensions:
                raise ValueError("needs: require 'comparator-i;ascii-numeric';")
            if how in ("contains", "matches", "regex"):
                raise ValueError("the comparator i;ascii-numeric knows no parts of strings")
    if how in ("count", "value"):
        relation = node.tags[str(how)]
        if not isinstance(relation, str) or relation.lower() not in _RELATIONS:
            raise ValueError(f":{how} needs one of gt, ge, lt, le, eq, ne")
    if how not in ("regex", "matches") or not node.arguments:
        return
    for key in constants(node.arguments[-1]):
        if len(key) > limits.pattern:
            raise ValueError(f"a pattern is longer than {limits.pattern} characters")
        if how == "regex":
            patterns.regex(key, fold=comparator != "i;octet")


def _fields(place: int, allowed: frozenset[str] | None = None) -> Callable[[Node], None]:
    def rule(node: Node) -> None:
        for name in constants(node.arguments[place]):
            if not is_field_name(name):
                raise ValueError(f"{name[:60]!r} is not the name of a header field")
            if allowed is not None and name.lower() not in allowed:
                raise ValueError(f"the header field {name[:60]!r} holds no addresses")
        if node.tags.get("anychild") and not node.tags.get("mime"):
            raise ValueError(":anychild needs :mime")
        if node.tags.get("of") and not node.tags.get("mime"):
            raise ValueError(f":{node.tags['of']} needs :mime")
        _positive(node, "index")

    return rule


def _positive(node: Node, tag: str) -> None:
    if node.tags.get(tag) == 0 and tag in node.tags:
        raise ValueError(f":{tag} counts from 1")


def _envelope(node: Node) -> None:
    for name in constants(node.arguments[0]):
        if name.lower() not in _ENVELOPE:
            raise ValueError(f"unknown envelope part {name[:60]!r}")


def _date(node: Node) -> None:
    if node.name == "date":
        _fields(0)(node)
    for part in constants(node.arguments[-2]):
        if part.lower() not in DATE_PARTS:
            raise ValueError(f"unknown part of a date {part[:60]!r}")
    zone = node.tags.get("zone")
    if isinstance(zone, str) and not is_zone(zone):
        raise ValueError(f"{zone[:60]!r} is not a time zone such as +0200")


def is_zone(zone: str) -> bool:
    """``+0200``."""
    return len(zone) == 5 and zone[0] in "+-" and zone[1:].isascii() and zone[1:].isdigit() and int(zone[3:]) < 60


def _variable(place: int) -> Callable[[Node], None]:
    def rule(node: Node) -> None:
        name = node.arguments[place]
        if not isinstance(name, str):
            raise ValueError("the name of a variable must be constant")  # noqa: TRY004 - shown to the author
        if variable_name(name).name.isdigit():
            raise ValueError("match variables cannot be set")
        _positive(node, "first")

    return rule


def _flags(node: Node) -> None:
    if len(node.arguments) == 2:
        for name in constants(node.arguments[0]):
            variable_name(name)


def _globals(node: Node) -> None:
    names = node.arguments[0]
    assert isinstance(names, tuple)
    for name in names:
        if not isinstance(name, str) or variable_name(name).namespace:
            raise ValueError("global takes plain names of variables")


def _include(node: Node) -> None:
    name = node.arguments[0]
    if not isinstance(name, str):
        raise ValueError("the name of the script must be constant")  # noqa: TRY004 - shown to the author
    if not is_script_name(name):
        raise ValueError(f"{name[:60]!r} is not the name of a script")


def is_script_name(name: str) -> bool:
    """RFC 5804 §1.6: no control characters and line separators; not a path either, and short enough for a file."""
    if not name or name in (".", "..") or "/" in name:
        return False
    if any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or ord(c) in (0x2028, 0x2029) for c in name):
        return False
    try:
        return len(name.encode()) <= 200
    except UnicodeEncodeError:
        return False


def _fileinto(node: Node) -> None:
    for name in constants(node.arguments[0]):
        if not name or any(character in name for character in "\0\r\n"):
            raise ValueError(f"{name[:60]!r} is not the name of a mailbox")


def is_address(text: str) -> bool:
    """Whether it may be one; whoever sends there checks it in full."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and not any(ord(character) <= 32 for character in text)


def _redirect(node: Node) -> None:
    for address in constants(node.arguments[0]):
        if not is_address(bare_address(address)):
            raise ValueError(f"{address[:60]!r} is not an address")


def bare_address(text: str) -> str:
    """``user@example.org`` of ``Name <user@example.org>``."""
    head, less, rest = text.strip().rpartition("<")
    return rest[:-1] if less and rest.endswith(">") and "<" not in head else text.strip()


def _vacation(node: Node) -> None:
    for value in constants(node.tags.get("from", True)):
        if not is_address(bare_address(value)):
            raise ValueError(f":from {value[:60]!r} is not an address")
    for value in constants(node.tags.get("handle", True)):
        if len(value) > MAX_HANDLE:
            raise ValueError(":handle is too long")


def _size(node: Node) -> None:
    if "than" not in node.tags:
        raise ValueError("needs :over or :under")


def _addheader(node: Node) -> None:
    for name in constants(node.arguments[0]):
        if not is_field_name(name):
            raise ValueError(f"{name[:60]!r} is not the name of a header field")
    _positive(node, "index")


def _deleteheader(node: Node) -> None:
    _addheader(node)
    if len(node.arguments) == 1 and any(tag in node.tags for tag in ("match", "comparator")):
        raise ValueError("a match type needs patterns of values")


def _duplicate(node: Node) -> None:
    for name in constants(node.tags.get("header", True)):
        if not is_field_name(name):
            raise ValueError(f"{name[:60]!r} is not the name of a header field")


def _notify(node: Node) -> None:
    for value in constants(node.tags.get("importance", True)):
        if value not in ("1", "2", "3"):
            raise ValueError(":importance is 1, 2 or 3")
    for method in constants(node.arguments[0]):
        if ":" not in method:
            raise ValueError(f"{method[:60]!r} is not the URI of a notification method")


_RULES: dict[str, Callable[[Node], None]] = {
    "address": _fields(0, ADDRESS_FIELDS),
    "header": _fields(0),
    "exists": _fields(0),
    "envelope": _envelope,
    "size": _size,
    "date": _date,
    "currentdate": _date,
    "set": _variable(0),
    "extracttext": _variable(0),
    "setflag": _flags,
    "addflag": _flags,
    "removeflag": _flags,
    "hasflag": _flags,
    "global": _globals,
    "include": _include,
    "fileinto": _fileinto,
    "redirect": _redirect,
    "vacation": _vacation,
    "addheader": _addheader,
    "deleteheader": _deleteheader,
    "duplicate": _duplicate,
    "notify": _notify,
}
