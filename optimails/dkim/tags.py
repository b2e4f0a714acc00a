"""Lists of tags, as signatures, keys and policies are written (RFC 6376 §3.2)."""

import re

_TAG = re.compile(r"[ \t\r\n]*([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=(.*)", re.DOTALL)
_WHITE = " \t\r\n"
MAX_TAGS = 100


def parse_tags(text: str) -> dict[str, str]:
    """Values by name, without white space around them.

    Raises:
        ValueError: it is no such list, or has a tag twice.
    """
    found: dict[str, str] = {}
    parts = text.split(";", MAX_TAGS)
    if not parts[-1].strip(_WHITE):
        parts.pop()
    if len(parts) > MAX_TAGS:
        raise ValueError("too many tags")
    for part in parts:
        match = _TAG.fullmatch(part)
        if match is None:
            raise ValueError("not a list of tags")
        name = match[1]
        if name in found:
            raise ValueError(f"{name}= stands there twice")
        found[name] = match[2].strip(_WHITE)
    return found


def without_white(value: str) -> str:
    """A value that may be folded anywhere, such as base64."""
    return "".join(value.split())
