"""Calendar users as calendar texts name them."""

import re
from urllib.parse import unquote, urlsplit

from optimails.groupware.scheduling.messages import address_of
from optimails.groupware.text import Component, Property

_PRINCIPAL = re.compile(r"/([^/@]+@[^/]+)/?$")


def user_of(value: str) -> str:
    """Whom a calendar address means, as it is compared: an address in lower case, also from a principal's URL."""
    plain = address_of(value)
    if plain.startswith("/") or plain[:5].lower() in ("http:", "https"):
        found = _PRINCIPAL.search(unquote(urlsplit(plain).path))
        if found:
            plain = found[1]
    return unquote(plain).lower() if "%" in plain else plain.lower()


def organizer_of(part: Component) -> str:
    """Empty without one."""
    return user_of(part.value("ORGANIZER"))


def attendees_of(part: Component) -> dict[str, Property]:
    """Each once, by user; the first line counts."""
    found: dict[str, Property] = {}
    for line in part.every("ATTENDEE"):
        found.setdefault(user_of(line.value), line)
    return found


def partstat(line: Property | None) -> str:
    """RFC 5545 §3.2.12."""
    return ((line.param("PARTSTAT") if line else None) or "NEEDS-ACTION").upper()


def by_server(line: Property | None) -> bool:
    """Whether messages between this user and us are ours to send (SCHEDULE-AGENT, RFC 6638 §7.1)."""
    return line is not None and (line.param("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"
