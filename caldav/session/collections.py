"""MKCALENDAR (RFC 4791 §5.3.1), extended MKCOL (RFC 5689) and PROPPATCH (RFC 4918 §9.2)."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from caldav.session import properties, scheduling
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place
from caldav.session.properties import COLOR, ORDER
from caldav.session.rendering import multistatus
from caldav.session.world import View, mounted
from caldav.wire.filters import zone_of
from caldav.wire.names import c, cr, d, element, href
from caldav.wire.reading import raw, read_update, read_xml
from optimails.groupware.api import COMPONENTS, Kind, NewCollection, Unfit
from optimails.groupware.hours import set_availability
from optimails.groupware.visited import keep
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.rights import Right

MAX_VALUE = 65_536  # characters of a property that a client keeps
MAX_KEPT = 100  # of those
_TEXT = 2_000  # characters of a name or description


class _Wrong(Exception):
    """A value that is not possible; ``args[0]`` is the precondition, or empty."""


def mkcalendar(place: Place) -> Answer:
    update = read_update(read_xml(place.exchange.body), tag=c("mkcalendar"))
    return _make(place, NewCollection(Kind.CALENDAR), update.changes)


def mkcol(place: Place) -> Answer:
    """Plain collections are not made: they would hold nothing that anybody looks for."""
    update = read_update(read_xml(place.exchange.body), tag=d("mkcol"))
    types: set[str] = set()
    for name, value in update.changes:
        if name == d("resourcetype") and value is not None:
            types = {one.tag for one in value}
    if types == {d("collection"), c("calendar")}:
        new = NewCollection(Kind.CALENDAR)
    elif types == {d("collection"), cr("addressbook")}:
        new = NewCollection(Kind.BOOK, ())
    else:
        raise Precondition(403, "D:valid-resourcetype")
    return _make(place, new, tuple(one for one in update.changes if one[0] != d("resourcetype")))


def _make(place: Place, new: NewCollection, changes: tuple[tuple[str, Element | None], ...]) -> Answer:
    address = place.address
    if not address.collection or address.item or not place.own:
        if address.item and place.own and place.groupware.collection(address.collection) is None:
            return Answer(409)
        raise Precondition(403, "C:calendar-collection-location-ok")
    if place.reserved(address.collection) or place.groupware.collection(address.collection) is not None:
        status = 403 if place.exchange.method == "MKCALENDAR" else 405
        raise Precondition(status, "D:resource-must-be-null")
    values: dict[str, object] = {}
    kept: dict[str, str] = {}
    for name, value in changes:
        if value is None:
            continue
        try:
            if name == c("supported-calendar-component-set") and new.kind is Kind.CALENDAR:
                values["components"] = _components(value)
            elif name in _COLUMNS:
                values[_COLUMNS[name][0]] = _COLUMNS[name][1](value)
            else:
                kept[name] = _kept(value)
        except _Wrong as wrong:
            raise Precondition(403, wrong.args[0]) from wrong
    made = NewCollection(**{**_as_dict(new), **values})  # type: ignore[arg-type]  # read by _COLUMNS
    place.groupware.create(address.collection, made, kept)
    return Answer(201, {"Cache-Control": "no-cache"})


def _as_dict(new: NewCollection) -> dict[str, object]:
    return {name: getattr(new, name) for name in NewCollection.__slots__}


def _components(value: Element) -> tuple[str, ...]:
    names = tuple((one.get("name") or "").upper() for one in value.findall(c("comp")))
    if not names or any(name not in COMPONENTS for name in names):
        raise _Wrong("C:supported-calendar-component")
    return names


def _kept(value: Element) -> str:
    text = raw(value)
    if len(text) > MAX_VALUE:
        raise _Wrong("")
    return text


def _text(value: Element) -> str:
    return (value.text or "").strip()[:_TEXT]


def _order(value: Element) -> int:
    try:
        return max(-(2**31), min(int((value.text or "").strip()), 2**31 - 1))
    except ValueError as wrong:
        raise _Wrong("") from wrong


def _time_zone(value: Element) -> str:
    text = (value.text or "").strip()
    try:
        zone_of(text)
    except BadSyntax as wrong:
        raise _Wrong("C:valid-calendar-data") from wrong
    return text


def _transparent(value: Element) -> bool:
    return value.find(c("transparent")) is not None


_COLUMNS: dict[str, tuple[str, Callable[[Element], object]]] = {
    d("displayname"): ("display_name", _text),
    c("calendar-description"): ("description", _text),
    cr("addressbook-description"): ("description", _text),
    COLOR: ("color", _text),
    ORDER: ("position", _order),
    c("calendar-timezone"): ("time_zone", _time_zone),
    c("schedule-calendar-transp"): ("transparent", _transparent),
}
_EMPTY: dict[str, object] = {"position": None, "transparent": False}


def proppatch(place: Place) -> Answer:
    """All of the changes, or none of them."""
    update = read_update(read_xml(place.exchange.body), tag=d("propertyupdate"))
    if not update.changes:
        raise BadSyntax("Nothing is to be changed")
    if place.address.item or not place.address.collection:
        place.owner  # noqa: B018 - the root has none
        if place.address.item:
            place.view(Right.READ)
        return told(place, {name: "403 Forbidden" for name, _ in update.changes})
    view = place.view(*([] if mounted(place.address.collection) else [Right.ADMINISTER]))
    if view.collection.kind is Kind.INBOX:
        return told(place, {name: _of_inbox(place, name, value) for name, value in update.changes})
    live = properties.of_collection(place, view)
    values: dict[str, object] = {}
    kept: dict[str, str | None] = {}
    wrong: dict[str, str] = {}
    for name, value in update.changes:
        try:
            if name in _COLUMNS:
                column, read = _COLUMNS[name]
                none = None if view.mount is not None else _EMPTY.get(column, "")
                values[column] = none if value is None else read(value)
            elif name in live:
                wrong[name] = "403 Forbidden"
            else:
                kept[name] = None if value is None else _kept(value)
        except _Wrong:
            wrong[name] = "409 Conflict"
    if wrong:
        return told(place, {name: wrong.get(name, "424 Failed Dependency") for name, _ in update.changes})
    _store(place, view, values, kept)
    return told(place, {name: "200 OK" for name, _ in update.changes})


def _of_inbox(place: Place, name: str, value: Element | None) -> str:
    """Where invitations go (RFC 6638 §9.2), and when its owner works, is all that can be said of an inbox."""
    if name in scheduling.AVAILABILITY:
        try:
            set_availability(place.groupware, (value.text or "").strip() if value is not None else "")
        except Unfit:
            return "409 Conflict"
        return "200 OK"
    if name != c("schedule-default-calendar-URL"):
        return "403 Forbidden"
    path = unquote(urlsplit((value.findtext(d("href")) or "").strip()).path) if value is not None else ""
    return "200 OK" if scheduling.set_default(place, path) else "409 Conflict"


def _store(place: Place, view: View, values: dict[str, object], kept: dict[str, str | None]) -> None:
    """Raises ``Refused(OVER_QUOTA)``."""
    if len([one for one in kept.values() if one]) + len(view.properties()) > MAX_KEPT:
        raise Refused(Reason.OVER_QUOTA)
    if view.mount is not None:  # how it stands in one's own home; to its owner nothing is changed
        keep(place.groupware, view.collection.object_id, values | kept)
    else:
        view.account.update(view.collection.name, values, kept)


def told(place: Place, statuses: dict[str, str]) -> Answer:
    """What became of each property of a PROPPATCH."""
    stats = []
    for status in dict.fromkeys(statuses.values()):
        names = "".join(element(name) for name, own in statuses.items() if own == status)
        protected = "<D:error><D:cannot-modify-protected-property/></D:error>" if status.startswith("403") else ""
        stats.append(
            f"<D:propstat><D:prop>{names}</D:prop><D:status>HTTP/1.1 {status}</D:status>{protected}</D:propstat>"
        )
    path = place.item_path() if place.address.item else place.base() if place.address.collection else place.home()
    return Answer.xml(207, multistatus([f"<D:response>{href(path)}{''.join(stats)}</D:response>"]))
