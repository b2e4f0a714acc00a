"""Web addresses in text and HTML, with what the reader sees instead of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from ipaddress import IPv4Address
from urllib.parse import unquote

from optimails.mime import html_text

_ADDRESS = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'\x00-\x20]{1,2000}|(?<![\w.@/-])www\.[^\s<>\"'\x00-\x20]{1,2000}", re.IGNORECASE
)
# An opening tag "a", and its text up to the next tag of the kind; both bounded, nothing is looked at twice.
_ANCHOR = re.compile(r"<a[\s/]([^<>]{0,4000}+)>((?:[^<]|<(?!/?a[\s/>])){0,4000}+)", re.IGNORECASE)
_HREF = re.compile(r"(?<![\w-])href\s*=\s*(?:\"([^\"]*+)|'([^']*+)|([^\s>]++))", re.IGNORECASE)
_SOURCE = re.compile(
    r"<(?:img|area|form|iframe)[\s/][^<>]{0,4000}?(?<![\w-])(?:src|href|action)\s*=\s*[\"']?([^\s\"'<>]{1,2000})",
    re.IGNORECASE,
)
_SPACE = re.compile(r"[\s\x00-\x20]+")
_TRAILING = ".,;:!?)]}>*'"
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Link:
    """``host`` in lower case, without user, port and final dot; ``shown`` only for links of HTML that have a text."""

    url: str
    host: str
    shown: str = ""
    user: bool = False  # there is something before an "@" in front of the host
    clicked: bool = True  # False: an image or a form, which the reader does not choose


def text_links(text: str) -> Iterator[Link]:
    """Those in a plain text."""
    for found in _ADDRESS.finditer(text):
        url = found[0].rstrip(_TRAILING)
        if link := link_to(url if "://" in url else f"http://{url}"):
            yield link


def html_links(source: str) -> Iterator[Link]:
    """Those of an HTML text: where it leads, and where it takes images from."""
    for anchor in _ANCHOR.finditer(source):
        href = _HREF.search(anchor[1])
        if href and (link := link_to(unescape(href[1] or href[2] or href[3] or ""), html_text(anchor[2]))):
            yield link
    for image in _SOURCE.finditer(source):
        if link := link_to(unescape(image[1]), clicked=False):
            yield link


def link_to(url: str, shown: str = "", *, clicked: bool = True) -> Link | None:
    """The link for an address as browsers read it; None for what leads to no web page (mailto, cid, an anchor)."""
    url = _SPACE.sub("", url)[:2000]
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in ("http", "https", "ftp"):
        return None
    # Browsers take any number of slashes of either kind.
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    host = unquote(host)
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    host = _numeric(host.lower().rstrip("."))
    return Link(url, host, shown[:_MAX_SHOWN], bool(at and user), clicked) if host else None


def _numeric(host: str) -> str:
    """An IPv4 address in the usual form for ``0x7f000001`` and ``2130706433``; any other host as it is."""
    if not host[:1].isdigit() or "." in host:
        return host
    try:
        return str(IPv4Address(int(host, 0)))
    except ValueError:
        return host
