"""The words of an HTML text, for search: no layout, no execution, one pass over the text whatever it holds."""

import html
import re

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}+(?![0-9])|#[xX][0-9a-fA-F]{1,6}+(?![0-9a-fA-F])|[A-Za-z][A-Za-z0-9]{1,31});?")
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)")
_SPACE = re.compile(r"\s+")
_HIDDEN = frozenset({"script", "style"})
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
    "wbr",
}  # fmt: skip
"""Tags that do not end a word: ``<b>mat</b>ch`` is one."""


def html_text(source: str) -> str:
    """Text without tags, comments, scripts and styles, entities resolved, white space collapsed."""
    head, *chunks = source.split("<")
    out = [head]
    hidden = ""  # the element whose end we wait for
    comment = False
    for chunk in chunks:
        if comment or (not hidden and chunk.startswith("!--")):
            _, ended, rest = chunk.partition("-->")
            comment = not ended
            out.append(rest if ended else "")
            continue
        name = _NAME.match(chunk)
        tag = name[1].lower() if name else ""
        if hidden:
            if tag != hidden or not chunk.startswith("/"):
                continue
            hidden = ""
        elif not tag and chunk[:1] not in ("!", "?", "/"):
            out.append("<" + chunk)  # a bare "<" in the text
            continue
        _, _, rest = chunk.partition(">")
        if tag in _HIDDEN and not chunk.startswith("/"):
            hidden = tag
            continue
        if tag not in _INLINE:
            out.append(" ")
        out.append(rest)
    return _SPACE.sub(" ", _ENTITY.sub(lambda found: html.unescape(found[0]), "".join(out))).strip()
