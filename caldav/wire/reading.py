"""Bodies of requests → values. Everything a client can send gives a value or ``BadSyntax``."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from caldav.wire.names import c, cr, d
from optimails.model.errors import BadSyntax

MAX_DEPTH = 30
MAX_PROPS = 500  # names that one request asks for


def read_xml(body: bytes) -> Element | None:
    """The root; None for an empty body. No document type, no entities, no deep nests."""
    if not body.strip():
        return None
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as wrong:
        raise BadSyntax("The body is not XML") from wrong
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in parent]
        if not level:
            return root
    raise BadSyntax("The body is nested too deeply")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Properties asked for, by name, or a kind of all of them. ``elements`` has what some of them say besides."""

    names: tuple[str, ...] = ()
    every: bool = False  # allprop; ``names`` are those of D:include
    only_names: bool = False
    elements: dict[str, Element] = field(default_factory=dict)


def read_propfind(root: Element | None) -> Wanted:
    """RFC 4918 §9.1; an empty body asks for all."""
    if root is None:
        return Wanted(every=True)
    if root.tag != d("propfind"):
        raise BadSyntax("propfind is wanted")
    if root.find(d("propname")) is not None:
        return Wanted(only_names=True)
    if root.find(d("allprop")) is not None:
        include = root.find(d("include"))
        return Wanted(tuple(one.tag for one in include) if include is not None else (), every=True)
    return read_prop(root)


def read_prop(root: Element) -> Wanted:
    """The D:prop of a request."""
    prop = root.find(d("prop"))
    if prop is None:
        if root.find(d("allprop")) is not None or root.tag != d("propfind"):
            return Wanted(every=True)
        raise BadSyntax("prop is wanted")
    names = tuple(dict.fromkeys(one.tag for one in prop))
    if len(names) > MAX_PROPS:
        raise BadSyntax("Too many properties")
    return Wanted(names, elements={one.tag: one for one in prop})


@dataclass(frozen=True, slots=True)
class Update:
    """Properties to set, and to remove, in order; values are elements."""

    changes: tuple[tuple[str, Element | None], ...]


def read_update(root: Element | None, *, tag: str) -> Update:
    """Of PROPPATCH (RFC 4918 §9.2), MKCALENDAR (RFC 4791 §5.3.1) and MKCOL (RFC 5689)."""
    if root is None:
        return Update(())
    if root.tag != tag:
        raise BadSyntax(f"{tag} is wanted")
    changes: list[tuple[str, Element | None]] = []
    for child in root:
        prop = child.find(d("prop"))
        if child.tag not in (d("set"), d("remove")) or prop is None:
            continue
        changes += [(one.tag, one if child.tag == d("set") else None) for one in prop]
    if len(changes) > MAX_PROPS:
        raise BadSyntax("Too many properties")
    return Update(tuple(changes))


def raw(found: Element) -> str:
    """An element as text, for keeping."""
    return str(tostring(found, encoding="unicode"))


def hrefs(root: Element) -> list[str]:
    return [(one.text or "").strip() for one in root.findall(d("href"))]


REPORTS = {
    c("calendar-query"): "calendar-query",
    c("calendar-multiget"): "multiget",
    c("free-busy-query"): "free-busy-query",
    cr("addressbook-query"): "addressbook-query",
    cr("addressbook-multiget"): "multiget",
    d("sync-collection"): "sync-collection",
    d("expand-property"): "expand-property",
    d("principal-property-search"): "principal-property-search",
    d("principal-search-property-set"): "principal-search-property-set",
    d("principal-match"): "principal-match",
    d("acl-principal-prop-set"): "acl-principal-prop-set",
}
"""The reports we know, by their root element."""
