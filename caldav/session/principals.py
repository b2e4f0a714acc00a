"""Reports about principals, and over the addresses in properties (RFC 3744 §9, RFC 3253 §3.8)."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from caldav.session.exchange import Answer
from caldav.session.places import Address, Place, home_of, place_of
from caldav.session.propfind import of_path
from caldav.session.rendering import missing, multistatus
from caldav.wire.names import DECLARATIONS, c, cs, d, element
from caldav.wire.reading import Wanted, read_prop
from optimails.model.account import Account
from optimails.model.errors import BadSyntax, Refused

MAX_EXPANDED = 200  # resources of one answer
MAX_LEVELS = 4
MAX_FOUND = 200  # principals of one answer
_HREF = re.compile(r"<D:href>([^<]*)</D:href>")
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_BY_ADDRESS = (cs("email-address-set"), c("calendar-user-address-set"), d("alternate-URI-set"))


def _expand(place: Place, root: Element) -> Answer:
    """expand-property: addresses in properties are followed."""
    budget = [MAX_EXPANDED]
    return Answer.xml(207, multistatus([_expanded(place, root, budget, MAX_LEVELS)]))


def _expanded(place: Place, asked: Element, budget: list[int], levels: int) -> str:
    properties = asked.findall(d("property"))
    names = {_name(one): one for one in properties}
    budget[0] -= 1
    answer = of_path(place, Wanted(tuple(names)))
    if levels <= 0:
        return answer
    for name, inner in names.items():
        if inner.find(d("property")) is None:
            continue
        start, end = element(name, "\0").split("\0")
        head, found, rest = answer.partition(start)
        if not found:
            continue
        value, _, tail = rest.partition(end)
        followed = "".join(_follow(place, value, inner, budget, levels - 1))
        answer = head + start + followed + end + tail
    return answer


def _name(found: Element) -> str:
    """The {namespace}name that the attributes say, which go into the answer. Raises ``BadSyntax``."""
    name, namespace = found.get("name") or "", found.get("namespace") or "DAV:"
    if not _XML_NAME.fullmatch(name) or "}" in namespace:
        raise BadSyntax("Not the name of a property")
    return f"{{{namespace}}}{name}"


def _follow(place: Place, value: str, inner: Element, budget: list[int], levels: int) -> Iterator[str]:
    for address in _HREF.findall(value):
        if budget[0] <= 0:
            return
        path = unquote(urlsplit(address).path)
        if not path.startswith(place.root + "/"):
            yield f"<D:href>{address}</D:href>"
            continue
        try:
            with place_of(place.world, place.exchange, path.removeprefix(place.root)).opened() as other:
                yield _expanded(other, inner, budget, levels)
        except Refused:
            yield missing(path)


def _search(place: Place, root: Element) -> Answer:
    """principal-property-search: by an address in full, or among oneself; people are not listed to anybody.

    Rooms and equipment are there to be found.
    """
    wanted = _wanted(root)
    searches = root.findall(d("property-search"))
    found: dict[str, Place] = {}
    if not searches:  # not in the grammar, but asked: everybody whom one may see
        own = f"/{str(place.user.address).lower()}/"
        found[own] = place_of(place.world, place.exchange, own)
    for search in searches:
        prop, text = search.find(d("prop")), (search.findtext(d("match")) or "").strip()
        names = [one.tag for one in prop] if prop is not None else []
        for path in _matching(place, names, text):
            try:
                other = place_of(place.world, place.exchange, path)
            except Refused:
                continue
            found[path] = other
    for one in _resources(place, root):
        path = f"/{str(one.address).lower()}/"
        found[path] = Place(place.world, place.exchange, Address.parse(path), one)
    responses = []
    for other in list(found.values())[:MAX_FOUND]:
        with other.opened():
            responses.append(of_path(other, wanted))
    return Answer.xml(207, multistatus(responses))


def _resources(place: Place, root: Element) -> list[Account]:
    """Those of the user's domain that all conditions fit, or one of them (RFC 3744 §9.4)."""
    searches = root.findall(d("property-search"))
    fits = any if root.get("test") == "anyof" else all
    if not searches:
        return []
    everything = place.world.people.resources(place.user.address.domain)
    return [one for one in everything if fits(_fits(one, search) for search in searches)]


def _fits(one: Account, search: Element) -> bool:
    prop, text = search.find(d("prop")), (search.findtext(d("match")) or "").strip().casefold()
    assert one.resource is not None
    address = str(one.address).casefold()
    known = {
        d("displayname"): one.name.casefold() or address,
        c("calendar-user-type"): one.resource.kind.calendar_user_type.casefold(),
        **dict.fromkeys(_BY_ADDRESS, f"mailto:{address}"),
    }
    names = [name.tag for name in prop] if prop is not None else []
    return bool(names) and all(name in known and text in known[name] for name in names)


def _wanted(root: Element) -> Wanted:
    """A D:prop, or what python-caldav puts beside an empty one."""
    wanted = read_prop(root)
    beside = (d("prop"), d("property-search"), d("apply-to-principal-collection-set"))
    return wanted if wanted.names else Wanted(tuple(one.tag for one in root if one.tag not in beside))


def _matching(place: Place, names: list[str], text: str) -> Iterator[str]:
    user, address = place.user, text.lower().removeprefix("mailto:")
    own = f"/{str(user.address).lower()}/"
    if any(name in _BY_ADDRESS for name in names):
        if "@" in address and "/" not in address:
            yield f"/{address}/"
        if address and address in str(user.address).lower():
            yield own
    if d("displayname") in names and text.casefold() in (user.name or str(user.address)).casefold():
        yield own


def _search_set(place: Place, root: Element) -> Answer:
    del place, root
    shown = (
        (d("displayname"), "Name"),
        (cs("email-address-set"), "Email address"),
        (c("calendar-user-type"), "Room or resource"),
    )
    inside = "".join(
        f"<D:principal-search-property><D:prop>{element(name)}</D:prop>"
        f'<D:description xml:lang="en">{text}</D:description></D:principal-search-property>'
        for name, text in shown
    )
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<D:principal-search-property-set{DECLARATIONS}>{inside}'
    return Answer.xml(200, body + "</D:principal-search-property-set>")


def _own(place: Place, root: Element) -> Answer:
    """principal-match, and the principals of an ACL: oneself, and the owner."""
    wanted = read_prop(root)
    accounts = [place.user] if root.tag == d("principal-match") else [place.owner]
    responses = []
    for account in accounts:
        path = unquote(home_of("", account))
        with place_of(place.world, place.exchange, path).opened() as other:
            responses.append(of_path(other, wanted))
    return Answer.xml(207, multistatus(responses))


REPORTS: dict[str, Callable[[Place, Element], Answer]] = {
    "expand-property": _expand,
    "principal-property-search": _search,
    "principal-search-property-set": _search_set,
    "principal-match": _own,
    "acl-principal-prop-set": _own,
}
