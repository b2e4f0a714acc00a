"""REPORT: calendar-query, free-busy-query (RFC 4791), addressbook-query (RFC 6352), both multigets, sync-collection
(RFC 6578). Answered from the tables; a text is only read when another form of it is asked for.
"""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import tzinfo
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element

from caldav.session import principals
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import SAFE, Place
from caldav.session.properties import sync_token
from caldav.session.propfind import facts, form_of
from caldav.session.rendering import ItemForm, missing, multistatus
from caldav.session.world import View
from caldav.wire.filters import read_calendar_filter, read_card_filter, read_limit, read_time_range, read_zone, zone_of
from caldav.wire.names import c, d, element
from caldav.wire.reading import REPORTS, Wanted, hrefs, read_prop, read_xml
from optimails.groupware.api import Kind, Rule, Unfit
from optimails.groupware.colleagues import busy_of, users_of
from optimails.groupware.filters import CardFilter, CompFilter
from optimails.groupware.freebusy import Person, free_busy_text
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.rights import Right

MAX_HREFS = 10_000  # of one multiget
MAX_SYNC = 20_000  # changes in one answer; whoever has more to hear asks again
_TOO_MANY = "<D:error><D:number-of-matches-within-limits/></D:error>"
_TOKEN = re.compile(r"urn:optimails:sync:([0-9a-f]{32}):(\d{1,18})(:p)?$", re.ASCII)


def report(place: Place) -> Answer:
    root = read_xml(place.exchange.body)
    name = REPORTS.get(root.tag) if root is not None else None
    if root is None or name is None:
        raise Precondition(403, "D:supported-report")  # RFC 3253 §3.6
    if name in principals.REPORTS:
        return principals.REPORTS[name](place, root)
    return _REPORTS[name](place, root)


def _collection(place: Place) -> View:
    if not place.address.collection:
        raise Precondition(403, "D:supported-report")
    return place.view(Right.READ)


def _zone(root: Element, view: View) -> tzinfo | None:
    """Of floating times: the request's, else the calendar's (RFC 4791 §7.3)."""
    zone = read_zone(root)
    if zone is None and view.collection.time_zone:
        try:
            zone = zone_of(view.collection.time_zone)
        except BadSyntax:
            zone = None
    return zone


def _query(place: Place, root: Element) -> Answer:
    wanted = read_prop(root)
    search: CompFilter | CardFilter
    if root.tag == c("calendar-query"):
        kind, search = Kind.CALENDAR, read_calendar_filter(root)
    else:
        kind, search = Kind.BOOK, read_card_filter(root)
    limit = read_limit(root)
    if place.address.collection:
        views = [_collection(place)]
        if not _is(views[0], kind):
            raise Precondition(403, "D:supported-report")
    else:
        place.owner  # noqa: B018 - the root has none
        views = [one for one in place.views() if one.collection.kind is kind and one.effective.may(Right.READ)]
        for one in views:
            place.visit(one)
    responses: list[str] = []
    for view in views:
        responses += _found(place, view, search, wanted, root)
    truncated = ""
    if limit is not None and len(responses) > limit:  # RFC 6352 §8.6.1
        responses = responses[:limit]
        truncated = missing(
            place.base() if place.address.collection else place.home(), "507 Insufficient Storage", _TOO_MANY
        )
    return Answer.xml(207, multistatus(responses, truncated))


def _is(view: View, kind: Kind) -> bool:
    """Whether the report is for such collections; the inbox is asked as calendars are (RFC 6638 §2.2)."""
    return view.collection.kind is kind or (view.collection.kind is Kind.INBOX and kind is Kind.CALENDAR)


def _found(place: Place, view: View, search: CompFilter | CardFilter, wanted: Wanted, root: Element) -> Iterator[str]:
    try:
        zone = _zone(root, view)
        rows = view.find(search, zone, place.world.max_matches)
    except Refused as refused:
        if refused.reason is Reason.LIMIT:
            raise Precondition(507, "D:number-of-matches-within-limits") from refused
        raise
    form = form_of(place, view, wanted, zone)
    yield from _contents(view, form, [row for row in rows if place.address.item in ("", row[0])])


def _contents(view: View, form: ItemForm, rows: list[tuple[str, str, bytes]]) -> Iterator[str]:
    if form.wants_more:
        items = {item.name: item for item in view.items()} if len(rows) > 50 else {}
        for name, etag, content in rows:
            item = items.get(name) or view.item(name)
            if item is not None:
                yield form.one(name, **{**facts(item), "etag": etag}, content=content)
        return
    for name, etag, content in rows:
        yield form.one(name, etag=etag, content=content)


def _multiget(place: Place, root: Element) -> Answer:
    wanted, asked = read_prop(root), hrefs(root)
    if len(asked) > MAX_HREFS:
        raise Precondition(507, "D:number-of-matches-within-limits")
    view = _collection(place)
    kind = Kind.CALENDAR if root.tag == c("calendar-multiget") else Kind.BOOK
    if not _is(view, kind):
        raise Precondition(403, "D:supported-report")
    form = form_of(place, view, wanted, _zone(root, view))
    base, names = unquote(place.base()), {}
    for one in dict.fromkeys(asked):
        path = unquote(urlsplit(one).path)
        names[one] = path.removeprefix(base) if path.startswith(base) and "/" not in path[len(base) :] else ""
    texts = view.texts([name for name in names.values() if name])
    found = [(name, *texts[name]) for name in names.values() if name in texts]
    absent = [missing(one) for one, name in names.items() if name not in texts]
    return Answer.xml(207, multistatus([*_contents(view, form, found), *absent]))


def _free_busy(place: Place, root: Element) -> Answer:
    """RFC 4791 §7.10: text/calendar, not a multistatus."""
    time_range = root.find(c("time-range"))
    if time_range is None:
        raise BadSyntax("A time range is wanted")
    asked = read_time_range(time_range, both=True)
    if place.address.collection:
        view = place.view()  # whoever reads may know this, too (RFC 4791 §6.1.1)
        if view.collection.kind is not Kind.CALENDAR:
            raise Precondition(403, "D:supported-report")
        person = Person(users_of(place.world.people.addresses(place.owner_of(view))))
        periods = busy_of(view.account, [view.collection], asked, person, zone=_zone(root, view), own=False)
    else:  # of a person
        place.world.visits.note_lookup(place.user, [place.owner])
        periods = place.world.colleagues.busy(place.user, place.owner, asked)
    text = free_busy_text(periods, asked, int(time.time()), str(uuid.uuid4()))
    return Answer(200, {"Content-Type": "text/calendar; charset=utf-8"}, text.encode())


def _sync(place: Place, root: Element) -> Answer:
    view = _collection(place)
    level = (root.findtext(d("sync-level")) or place.exchange.headers.get("depth", "1")).strip().lower()
    if level not in ("1", "0", "infinite", "infinity"):
        raise BadSyntax("Not a sync-level")
    wanted = read_prop(root)
    since = _since(view, (root.findtext(d("sync-token")) or "").strip())
    changes = view.changes(since, min(read_limit(root) or MAX_SYNC, MAX_SYNC))
    base = place.base()
    form = form_of(place, view, wanted)
    responses = [
        *_changed(view, form, changes.changed),
        *(missing(base + quote(name, safe=SAFE)) for name in changes.gone),
    ]
    if not changes.complete:
        responses.append(missing(base, "507 Insufficient Storage", _TOO_MANY))
    return Answer.xml(207, multistatus(responses, element(d("sync-token"), sync_token(view, changes.change))))


def _changed(view: View, form: ItemForm, changed: list[tuple[str, str]]) -> Iterator[str]:
    if not (form.wants_text or form.wants_more):
        yield from form.etags(changed)
        return
    texts = view.texts([name for name, _ in changed])
    yield from _contents(view, form, [(name, *texts[name]) for name, _ in changed if name in texts])


def _since(view: View, token: str) -> int:
    """Raises ``Unfit(TOKEN)``; an empty token is the first question."""
    if not token:
        return 0
    found = _TOKEN.match(token)
    if not found or found[1] != view.collection.object_id or bool(found[3]) is not view.effective.hide_private:
        raise Unfit(Rule.TOKEN)
    return int(found[2])


_REPORTS: dict[str, Callable[[Place, Element], Answer]] = {
    "calendar-query": _query,
    "addressbook-query": _query,
    "multiget": _multiget,
    "free-busy-query": _free_busy,
    "sync-collection": _sync,
}
