"""A vCard of version 3.0 (RFC 2426) as one of version 4.0 (RFC 6350), and back.

Cards are kept as they came; another version is made for the program that asks for it. What both versions write alike,
and what we do not know, passes as it is, character for character; only lines that differ are written anew. vobject
writes version 3.0 alone, so this is our own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimails.groupware.text import Component, Property, read_line

V3, V4 = "3.0", "4.0"
VERSIONS = (V3, V4)
_MEDIA = {"PHOTO": "image", "LOGO": "image", "SOUND": "audio", "KEY": "application"}
_RENAMED = (  # properties of 3.0 that programs made up, and their names in 4.0
    ("X-ADDRESSBOOKSERVER-KIND", "KIND"),
    ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"),
    ("X-ANNIVERSARY", "ANNIVERSARY"),
    ("X-GENDER", "GENDER"),
)
_DATES = ("BDAY", "ANNIVERSARY", "X-ANNIVERSARY", "DEATHDATE", "REV")
_TO_4, _TO_3 = dict(_RENAMED), {new: old for old, new in _RENAMED}
_EXTENDED = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(?:[.,]\d+)?(Z|[+-]\d\d(?::?\d\d)?)?)?$", re.ASCII
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z|[+-]\d\d(?:\d\d)?)?)?$", re.ASCII)
_NO_YEAR = re.compile(r"--(\d\d)-?(\d\d)$", re.ASCII)
_DATA = re.compile(r"data:([^;,]*)(?:;[^;,]+)*;base64,(.*)$", re.IGNORECASE | re.DOTALL)
_GEO = re.compile(r"geo:(-?[\d.]+),(-?[\d.]+)", re.IGNORECASE | re.ASCII)
_LEAP_YEAR = "1604"  # stands for no year with Apple's programs
_QUOTED = re.compile(r"[,;:]")


@dataclass(frozen=True, slots=True)
class _Line:
    """A property with its parameters taken apart."""

    group: str
    name: str
    types: tuple[str, ...]
    params: tuple[tuple[str, str], ...]  # the others
    value: str

    def param(self, name: str) -> str:
        return next((value for own, value in self.params if own == name), "")

    def without(self, *names: str) -> "_Line":
        return replace(self, params=tuple(one for one in self.params if one[0] not in names))

    def text(self) -> str:
        params = [("TYPE", ",".join(self.types))] if self.types else []
        written = "".join(f";{name}={_param(name, value)}" for name, value in (*params, *self.params))
        return f"{self.group + '.' if self.group else ''}{self.name}{written}:{self.value}"


def converted(card: Component, version: str) -> Component:
    """The card in that version; one that is in it already, or in 2.1, as it is."""
    now = card.value("VERSION")
    if now == version or now not in VERSIONS:
        return card
    change = _to_4 if version == V4 else _to_3
    made = Component(card.name)
    made.children = card.children
    for line in card.lines:
        found = read_line(line)
        if found is not None:
            made.lines += [f"VERSION:{version}"] if found.name == "VERSION" else _changed(line, found, change)
    made.lines += _names(card) if version == V3 else _shown(card)
    return made


def _changed(line: str, found: Property, change: "Callable[[_Line], list[_Line]]") -> list[str]:
    types = tuple(one for name, value in found.params if name == "TYPE" for one in value.split(",") if one)
    others = tuple(one for one in found.params if one[0] != "TYPE")
    before = _Line(found.group, found.name, types, others, found.value)
    after = change(before)
    return [line] if after == [before] else [one.text() for one in after]


def _param(name: str, value: str) -> str:
    """RFC 6868: what quotes cannot hold has an escape."""
    for character, escape in (("^", "^^"), ("\n", "^n"), ('"', "^'")):
        value = value.replace(character, escape)
    return f'"{value}"' if _QUOTED.search(value) and name != "TYPE" else value


# -- 3.0 to 4.0 --------------------------------------------------------------------------------------------------------


def _to_4(line: _Line) -> list[_Line]:
    line = replace(line, name=_TO_4.get(line.name, line.name)).without("CHARSET")
    lower = [one.lower() for one in line.types]
    if line.name in _MEDIA:
        return [_media_to_4(line)]
    if line.name in _DATES:
        return [_date_to_4(line)]
    if line.name == "GEO" and ";" in line.value:
        return [replace(line, value="geo:" + line.value.replace(";", ",", 1))]
    if line.name == "KIND":
        return [replace(line, value=line.value.strip().lower())]
    if "pref" in lower or "internet" in lower:
        types = tuple(one for one in line.types if one.lower() not in ("pref", "internet"))
        preferred = (("PREF", "1"),) if "pref" in lower and not line.param("PREF") else ()
        return [replace(line, types=types, params=(*line.params, *preferred))]
    return [line]


def _media_to_4(line: _Line) -> _Line:
    """RFC 6350 §6.2.4: pictures stand in a URI, with their type."""
    kind = line.types[0].lower() if line.types else ""
    media = kind if "/" in kind else f"{_MEDIA[line.name]}/{kind or 'octet-stream'}"
    if line.param("ENCODING").lower() in ("b", "base64"):
        data = "".join(line.value.split())
        return replace(line.without("ENCODING", "VALUE"), types=(), value=f"data:{media};base64,{data}")
    if line.param("VALUE").lower() == "uri" and kind and line.name != "KEY":
        line = line.without("VALUE")
        return replace(line, types=(), params=(*line.params, ("MEDIATYPE", media)))
    return line


def _date_to_4(line: _Line) -> _Line:
    """RFC 6350 §4.3: the basic format of ISO 8601, years may be missing."""
    found = _EXTENDED.match(line.value.strip())
    if found is None:
        return line
    year, month, day, hour, minute, second, zone = found.groups()
    if line.param("X-APPLE-OMIT-YEAR") == year:
        return replace(line.without("VALUE", "X-APPLE-OMIT-YEAR"), value=f"--{month}{day}")
    time = f"T{hour}{minute}{second}{(zone or '').replace(':', '')}" if hour else ""
    return replace(line.without("VALUE"), value=f"{year}{month}{day}{time}")


def _shown(card: Component) -> list[str]:
    """Version 4.0 must have FN; with N alone, which some programs write, it is made of it."""
    name = card.get("N")
    if card.get("FN") or name is None:
        return []
    family, given = [*re.split(r"(?<!\\);", name.value), ""][:2]
    return [f"FN:{' '.join(filter(None, (given, family)))}"]


# -- 4.0 to 3.0 --------------------------------------------------------------------------------------------------------


def _to_3(line: _Line) -> list[_Line]:
    line = replace(line, name=_TO_3.get(line.name, line.name))
    if line.name in _MEDIA:
        return [_media_to_3(line)]
    if line.name in _DATES:
        return [_date_to_3(line)]
    if line.name == "GEO" and (geo := _GEO.match(line.value)):
        return [replace(line, value=f"{geo[1]};{geo[2]}")]
    if line.name == "TEL" and line.param("VALUE").lower() == "uri":
        number, _, more = line.value.partition(":")[2].partition(";ext=")
        line = replace(line.without("VALUE"), value=number + (f" ext. {more}" if more else ""))
    preferred = line.param("PREF")
    if preferred:
        types = (*line.types, "PREF") if preferred == "1" else line.types
        return [replace(line.without("PREF"), types=types)]
    return [line]


def _media_to_3(line: _Line) -> _Line:
    data = _DATA.match(line.value)
    if data is not None:
        kind = data[1].rpartition("/")[2].upper()
        line = replace(line.without("VALUE", "MEDIATYPE"), types=(kind,) if kind else (), value=data[2])
        return replace(line, params=(("ENCODING", "b"), *line.params))
    kind = line.param("MEDIATYPE").rpartition("/")[2].upper()
    line = line.without("MEDIATYPE", "VALUE")
    return replace(line, types=(kind,) if kind else line.types, params=(("VALUE", "uri"), *line.params))


def _date_to_3(line: _Line) -> _Line:
    value = line.value.strip()
    if found := _BASIC.match(value):
        year, month, day, hour, minute, second, zone = found.groups()
        time = f"T{hour}:{minute}:{second}{zone or ''}" if hour else ""
        return replace(line.without("VALUE"), value=f"{year}-{month}-{day}{time}")
    if found := _NO_YEAR.match(value):
        params = (*line.without("VALUE").params, ("X-APPLE-OMIT-YEAR", _LEAP_YEAR))
        return replace(line, params=params, value=f"{_LEAP_YEAR}-{found[1]}-{found[2]}")
    return line


def _names(card: Component) -> list[str]:
    """Version 3.0 must have N; FN alone is put into its place for families, as is."""
    name = card.get("FN")
    return [f"N:{name.value.replace(';', ' ')};;;;"] if name is not None and not card.get("N") else []
