"""Filters and requests for data in REPORT bodies → the values of ``optimails.groupware``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from xml.etree.ElementTree import Element

from caldav.wire.names import c, cr, d
from optimails.groupware import zones
from optimails.groupware.card_versions import VERSIONS
from optimails.groupware.expanding import Selection
from optimails.groupware.filters import (
    COLLATIONS,
    CardFilter,
    CompFilter,
    ParamFilter,
    PropFilter,
    TextMatch,
    TimeRange,
)
from optimails.groupware.moments import EVER, NEVER, read
from optimails.groupware.zones import Zones, named
from optimails.model.errors import BadSyntax

MAX_FILTERS = 200  # of one request
_MATCHES = ("equals", "contains", "starts-with", "ends-with")


class Unsupported(BadSyntax):
    """A filter or collation that we do not know; ``rule`` is the precondition that says so."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class CalendarData:
    """The form in which texts are wanted (RFC 4791 §9.6)."""

    expand: TimeRange | None = None
    limit: TimeRange | None = None
    selection: Selection | None = None
    version: str = ""  # of vCard; empty: as it is kept

    @property
    def plain(self) -> bool:
        return self.expand is None and self.limit is None and self.selection is None and not self.version


def read_time_range(found: Element, *, both: bool = False) -> TimeRange:
    """RFC 4791 §9.9: UTC times, of which one may be missing."""
    ends = []
    for name, missing in (("start", NEVER), ("end", EVER)):
        value = found.get(name)
        if value is None:
            if both:
                raise BadSyntax("A time range needs a start and an end")
            ends.append(missing)
            continue
        moment = read(value, None, Zones())
        if moment.date or moment.floating:
            raise Unsupported("valid-filter")
        ends.append(moment.seconds)
    if ends[0] >= ends[1] or ends == [NEVER, EVER]:
        raise Unsupported("valid-filter")
    return TimeRange(*ends)


def read_calendar_filter(root: Element) -> CompFilter:
    """The C:filter of a calendar-query."""
    found = root.find(c("filter"))
    inner = found.findall(c("comp-filter")) if found is not None else []
    if len(inner) != 1:
        raise Unsupported("valid-filter")
    if sum(1 for _ in inner[0].iter()) > MAX_FILTERS:
        raise Unsupported("supported-filter")
    return _comp(inner[0])


def _comp(found: Element) -> CompFilter:
    time_range = found.find(c("time-range"))
    return CompFilter(
        _name(found),
        found.find(c("is-not-defined")) is not None,
        read_time_range(time_range) if time_range is not None else None,
        tuple(_prop(one) for one in found.findall(c("prop-filter"))),
        tuple(_comp(one) for one in found.findall(c("comp-filter"))),
    )


def _name(found: Element) -> str:
    name = (found.get("name") or "").strip().upper()
    if not name:
        raise Unsupported("valid-filter")
    return name


def _prop(found: Element) -> PropFilter:
    time_range = found.find(c("time-range"))
    return PropFilter(
        _name(found),
        found.find(c("is-not-defined")) is not None,
        read_time_range(time_range) if time_range is not None else None,
        tuple(_text(one, "i;ascii-casemap") for one in found.findall(c("text-match"))),
        tuple(_param(one, c, "i;ascii-casemap") for one in found.findall(c("param-filter"))),
    )


def _param(found: Element, ns: Callable[[str], str], default: str) -> ParamFilter:
    text = found.find(ns("text-match"))
    return ParamFilter(
        _name(found), found.find(ns("is-not-defined")) is not None, _text(text, default) if text is not None else None
    )


def _text(found: Element, default: str) -> TextMatch:
    collation = found.get("collation") or default
    if collation == "default":
        collation = default
    if collation not in COLLATIONS:
        raise Unsupported("supported-collation")
    match = found.get("match-type") or "contains"
    if match not in _MATCHES:
        raise Unsupported("valid-filter")
    return TextMatch(found.text or "", collation, (found.get("negate-condition") or "no").lower() == "yes", match)


def read_card_filter(root: Element) -> CardFilter:
    """The CR:filter of an addressbook-query; without one, everything."""
    found = root.find(cr("filter"))
    if found is None:
        return CardFilter()
    if sum(1 for _ in found.iter()) > MAX_FILTERS:
        raise Unsupported("supported-filter")
    default = "i;unicode-casemap"
    props = tuple(
        PropFilter(
            _name(one),
            one.find(cr("is-not-defined")) is not None,
            None,
            tuple(_text(text, default) for text in one.findall(cr("text-match"))),
            tuple(_param(param, cr, default) for param in one.findall(cr("param-filter"))),
            any_of=(one.get("test") or "anyof") == "anyof",
        )
        for one in found.findall(cr("prop-filter"))
    )
    return CardFilter(props, any_of=(found.get("test") or "anyof") == "anyof")


def read_limit(root: Element) -> int | None:
    """D:limit (RFC 5323 §5.17, RFC 6578 §3.7) or CR:limit (RFC 6352 §10.6)."""
    for path in (f"{d('limit')}/{d('nresults')}", f"{cr('limit')}/{cr('nresults')}"):
        value = root.findtext(path)
        if value is not None:
            text = value.strip()
            if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
                raise BadSyntax("Not a limit")
            return int(text)
    return None


def read_zone(root: Element) -> tzinfo | None:
    """The zone of floating times that the request names (RFC 4791 §9.8, RFC 7809 §5.2)."""
    name = (root.findtext(c("timezone-id")) or "").strip()
    if name:
        zone = named(name)
        if zone is None:
            raise Unsupported("valid-timezone")
        return zone
    text = root.findtext(c("timezone")) or ""
    return zone_of(text) if text.strip() else None


def zone_of(text: str) -> tzinfo | None:
    """The zone of a VCALENDAR with a VTIMEZONE. Raises ``Unsupported``."""
    try:
        zone = zones.zone_of(text)
    except BadSyntax as wrong:
        raise Unsupported("valid-calendar-data") from wrong
    if zone is None:
        raise Unsupported("valid-calendar-data")
    return zone


def read_calendar_data(found: Element | None) -> CalendarData:
    """C:calendar-data or CR:address-data in a D:prop."""
    if found is None:
        return CalendarData()
    expand, limit, comp = found.find(c("expand")), found.find(c("limit-recurrence-set")), found.find(c("comp"))
    selection = _selection(comp) if comp is not None else None
    card = [one.get("name", "").upper() for one in found.findall(cr("prop"))]
    if card:
        selection = Selection("VCARD", frozenset([*card, "VERSION"]))
    return CalendarData(
        read_time_range(expand, both=True) if expand is not None else None,
        read_time_range(limit, both=True) if limit is not None else None,
        selection,
        _version(found) if found.tag == cr("address-data") else "",
    )


def _version(found: Element) -> str:
    """RFC 6352 §10.4; who names none gets cards as they are kept."""
    version = (found.get("version") or "").strip()
    if (found.get("content-type") or "text/vcard").strip().lower() != "text/vcard":
        raise Unsupported("supported-address-data")
    if version and version not in VERSIONS:
        raise Unsupported("supported-address-data")
    return version


def _selection(comp: Element) -> Selection:
    props, comps = comp.findall(c("prop")), comp.findall(c("comp"))
    names = frozenset((one.get("name") or "").upper() for one in props)
    bare = frozenset((one.get("name") or "").upper() for one in props if one.get("novalue") == "yes")
    every = comp.find(c("allprop")) is not None or (not props and not comps)
    inner = tuple(_selection(one) for one in comps)
    everything = comp.find(c("allcomp")) is not None or (every and not comps)
    return Selection(_name(comp), None if every else names, bare, None if everything else inner)
