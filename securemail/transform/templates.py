"""Texts with places for what the directory knows of their sender, such as ``{name}`` or ``{phone}``."""

import re
from collections.abc import Mapping
from html import escape

from optimails.model.contact import FIELDS

PLACES = frozenset({"name", "email", *FIELDS} - {"manager"})
_PLACE = re.compile(r"\{([a-z_]*)\}")


def unknown_places(template: str) -> list[str]:
    """Places that nothing would be put into."""
    return sorted({one for one in _PLACE.findall(template) if one not in PLACES})


def render(template: str, values: Mapping[str, str], *, html: bool = False) -> str:
    """The template with its places filled. A line whose places are all empty is left out."""
    lines = []
    for line in template.strip("\r\n").splitlines():
        places = _PLACE.findall(line)
        if places and not any(values.get(one) for one in places):
            continue
        lines.append(_PLACE.sub(lambda match: _shown(values.get(match[1], ""), html=html), line))
    return "\n".join(lines)


def as_html(text: str) -> str:
    """A plain text as HTML looks it."""
    return "<br>\n".join(escape(line) for line in text.splitlines())


def _shown(value: str, *, html: bool) -> str:
    plain = "".join(one for one in value if one.isprintable())
    return escape(plain) if html else plain
