"""Names in the XML of WebDAV, as ElementTree writes them: {namespace}name."""

import re
from xml.sax.saxutils import escape

DAV = "DAV:"
CALDAV = "urn:ietf:params:xml:ns:caldav"
CARDDAV = "urn:ietf:params:xml:ns:carddav"
SERVER = "http://calendarserver.org/ns/"
ICAL = "http://apple.com/ns/ical/"
PREFIXES = {DAV: "D", CALDAV: "C", CARDDAV: "CR", SERVER: "CS", ICAL: "I"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 §2.2
DECLARATIONS = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in PREFIXES.items())


def d(name: str) -> str:
    return f"{{{DAV}}}{name}"


def c(name: str) -> str:
    return f"{{{CALDAV}}}{name}"


def cr(name: str) -> str:
    return f"{{{CARDDAV}}}{name}"


def cs(name: str) -> str:
    return f"{{{SERVER}}}{name}"


def element(name: str, inside: str = "") -> str:
    """An element by its {namespace}name; the usual prefixes are declared at the root."""
    namespace, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
    prefix = PREFIXES.get(namespace)
    if prefix is not None:
        tag, declared = f"{prefix}:{local}", ""
    elif namespace:
        tag, declared = f"x:{local}", f' xmlns:x="{escape(namespace, {chr(34): "&quot;"})}"'
    else:
        tag, declared = local, ' xmlns=""'
    return f"<{tag}{declared}>{inside}</{tag}>" if inside else f"<{tag}{declared}/>"


def text(value: str) -> str:
    """Character data; what XML cannot carry at all is left out."""
    return escape(_FORBIDDEN.sub("", value)).replace("\r", "&#13;")


def href(path: str) -> str:
    """A D:href with an address that is already quoted."""
    return f"<D:href>{escape(path)}</D:href>"
