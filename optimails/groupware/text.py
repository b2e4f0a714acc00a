"""Lines and components of iCalendar (RFC 5545 §3.1) and vCard (RFC 6350 §3.2, RFC 2426).

The text itself is the record and is kept as it came; what is read here only serves to find it again. So reading is
lenient: a line that makes no sense is passed over. Only the frame (BEGIN and END) has to be right. Plain ``str``
operations, no tree of typed values: an event is read in about 0.1 ms, a tenth of what the icalendar library needs.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from optimails.model.errors import BadSyntax

MAX_DEPTH = 8
MAX_COMPONENTS = 5_000
MAX_LINES = 100_000
FILE_FACTOR = 200  # how much more a file may have than an item
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CARET = re.compile(r"\^([n'^])")


class Property(NamedTuple):
    """One line. ``name`` and parameter names in upper case, ``value`` still escaped."""

    name: str
    value: str
    params: tuple[tuple[str, str], ...] = ()
    group: str = ""

    def param(self, name: str) -> str | None:
        """Its value; several values stand with their commas."""
        return next((value for own, value in self.params if own == name), None)

    @property
    def text(self) -> str:
        return unescape(self.value)


class Component:
    """What stands between BEGIN and END."""

    __slots__ = ("children", "lines", "name", "properties")

    def __init__(self, name: str) -> None:
        self.name = name
        self.properties: list[Property] = []
        self.children: list[Component] = []
        self.lines: list[str] = []  # unfolded, as they came

    def get(self, name: str) -> Property | None:
        """The first property of that name."""
        return next((one for one in self.properties if one.name == name), None)

    def every(self, name: str) -> Iterator[Property]:
        return (one for one in self.properties if one.name == name)

    def value(self, name: str) -> str:
        """The value of the first property of that name; empty without one."""
        found = self.get(name)
        return found.value.strip() if found else ""


def unfold(text: str, *, most: int = MAX_LINES) -> list[str]:
    """Lines, whatever ends them; empty ones are left out. Raises ``BadSyntax`` when there are far too many."""
    lines = [line for line in _FOLD.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
    if len(lines) > most:
        raise BadSyntax("Too many lines")
    return lines


def parse(text: str, *, whole_file: bool = False) -> list[Component]:
    """The components at the top, in order. Raises ``BadSyntax`` when BEGIN and END do not fit.

    ``whole_file``: not the text of one item, but whatever an administrator imports.
    """
    most = FILE_FACTOR if whole_file else 1
    top: list[Component] = []
    open_: list[Component] = []
    count = 0
    for line in unfold(text.removeprefix("\ufeff"), most=MAX_LINES * most):
        head = line[:6].upper()
        if head == "BEGIN:":
            count += 1
            if len(open_) >= MAX_DEPTH or count > MAX_COMPONENTS * most:
                raise BadSyntax("Too many components")
            component = Component(line[6:].strip().upper())
            (open_[-1].children if open_ else top).append(component)
            open_.append(component)
        elif head[:4] == "END:":
            if not open_ or open_.pop().name != line[4:].strip().upper():
                raise BadSyntax("BEGIN and END do not fit")
        elif open_:
            found = read_line(line)
            if found is not None:
                open_[-1].properties.append(found)
                open_[-1].lines.append(line)
        elif line.strip():
            raise BadSyntax("Text outside of a component")
    if open_:
        raise BadSyntax(f"{open_[-1].name[:40]} has no end")
    return top


def read_line(line: str) -> Property | None:
    """The property of an unfolded line; None when it is none."""
    head, colon, value = line.partition(":")
    if not colon:
        return None
    params: tuple[tuple[str, str], ...] = ()
    if ";" in head:
        name, _, rest = line.partition(";")
        split = _params(rest)
        if split is None:
            return None
        params, value = split
    else:
        name = head
    group, dot, own = name.partition(".")
    name = (own if dot else name).strip().upper()
    return Property(name, value, params, group if dot else "") if name else None


def _params(rest: str) -> tuple[tuple[tuple[str, str], ...], str] | None:
    """Parameters, and the value behind them; None without a colon outside of quotes."""
    found: list[tuple[str, str]] = []
    start, at, size = 0, 0, len(rest)
    while at < size:
        character = rest[at]
        if character == '"':
            at = rest.find('"', at + 1)
            if at < 0:
                return None
        elif character in ";:":
            name, _, value = rest[start:at].partition("=")
            found.append((name.strip().upper(), _CARET.sub(_caret, value.replace('"', ""))))
            if character == ":":
                return tuple(found), rest[at + 1 :]
            start = at + 1
        at += 1
    return None


def _caret(found: "re.Match[str]") -> str:
    """RFC 6868 §3.2."""
    return {"n": "\n", "'": '"', "^": "^"}[found[1]]


def unescape(value: str) -> str:
    r"""The text of a value of type TEXT (RFC 5545 §3.3.11): ``\\n`` is a line end, others stand for themselves."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def split_list(value: str) -> list[str]:
    r"""The parts of a list of texts, unescaped; ``\\,`` belongs to a part."""
    parts = re.findall(r"(?:[^,\\]|\\.)+", value, re.DOTALL)
    return [unescape(part) for part in parts]


def fold(line: str) -> str:
    """A line of at most 75 octets each (RFC 5545 §3.1), characters kept whole, with its line end."""
    if line.isascii():  # a photo is one line of a hundred thousand
        return "\r\n ".join([line[:75], *(line[at : at + 74] for at in range(75, len(line), 74))]) + "\r\n"
    rows, row, size = [], "", 0
    for character in line:
        width = len(character.encode("utf-8", "replace"))
        if size + width > 75:
            rows.append(row)
            row, size = " ", 1
        row += character
        size += width
    return "\r\n".join([*rows, row]) + "\r\n"


def write(component: Component) -> str:
    """The text of a component, from its lines."""
    inside = "".join(map(fold, component.lines)) + "".join(map(write, component.children))
    return f"BEGIN:{component.name}\r\n{inside}END:{component.name}\r\n"


def decode(data: bytes) -> str:
    """UTF-8, without the mark that some programs put first. Raises ``BadSyntax``."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadSyntax("Not UTF-8") from wrong
