"""PROPFIND (RFC 4918 §9.1) and what reads properties like it."""

from collections.abc import Iterator
from datetime import tzinfo

from caldav.session import properties, proxies
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place
from caldav.session.rendering import ItemForm, missing, multistatus, response
from caldav.session.world import View
from caldav.wire.filters import read_calendar_data
from caldav.wire.names import c, cr
from caldav.wire.reading import Wanted, read_propfind, read_xml
from optimails.groupware.account import MAX_ANSWER
from optimails.model.errors import Reason, Refused
from optimails.model.rights import Right


def propfind(place: Place) -> Answer:
    """Depth infinity is refused above collections; in a collection it is 1."""
    wanted = read_propfind(read_xml(place.exchange.body))
    depth = place.exchange.depth
    if depth is None:
        if not place.address.collection:
            raise Precondition(403, "D:propfind-finite-depth")  # RFC 4918 §9.1
        depth = 1
    return Answer.xml(207, multistatus(_responses(place, wanted, depth)))


def _responses(place: Place, wanted: Wanted, depth: int) -> Iterator[str]:
    address = place.address
    if not address.owner:
        yield response(place.root + "/", wanted, properties.of_root(place))
        if depth:
            home = Place(place.world, place.exchange, type(address)(str(place.user.address)), place.user)
            with home.opened():
                yield response(home.home(), wanted, properties.of_home(home))
        return
    if not address.collection:
        yield response(place.home(), wanted, properties.of_home(place))
        if depth:
            for view in place.views():
                yield of_view(place, view, wanted)
        return
    if proxies.here(place) and not address.item:
        yield response(place.base(), wanted, proxies.properties(place))
        return
    view = place.view()
    if address.item:
        yield of_item(place, view, wanted)
        return
    yield of_view(place, view, wanted)
    if depth and view.effective.may(Right.READ):
        yield from items(place, view, wanted)


def of_view(place: Place, view: View, wanted: Wanted) -> str:
    """The response for a collection."""
    values = properties.of_collection(place, view)
    return response(place.base(view.name), wanted, values, view.properties)


def items(place: Place, view: View, wanted: Wanted) -> Iterator[str]:
    """Responses for all items."""
    form = form_of(place, view, wanted)
    if form.wants_text:
        if view.collection.size > MAX_ANSWER:
            raise Precondition(507, "D:number-of-matches-within-limits")
        with view.account.all_texts(view.collection) as texts:
            contents = {name: content for _, name, content in texts}
        for item in view.items():
            if item.name in contents:
                yield form.one(item.name, **facts(item), content=contents[item.name])
    elif form.wants_more:
        for item in view.items():
            yield form.one(item.name, **facts(item))
    else:
        yield from form.etags(view.etags())


def form_of(place: Place, view: View, wanted: Wanted, zone: tzinfo | None = None) -> ItemForm:
    data = wanted.elements.get(c("calendar-data"))
    if data is None:
        data = wanted.elements.get(cr("address-data"))
    return ItemForm(place, view, wanted, read_calendar_data(data), zone)


def facts(item: object) -> dict[str, object]:
    return {name: getattr(item, name) for name in ("etag", "size", "modified", "created", "schedule_tag")}


def of_item(place: Place, view: View, wanted: Wanted) -> str:
    """Raises ``Refused(NON_EXISTENT)``."""
    if not view.effective.may(Right.READ):
        raise Refused(Reason.NON_EXISTENT)
    found = view.read(place.address.item)
    if found is None:
        raise Refused(Reason.NON_EXISTENT)
    return form_of(place, view, wanted).one(found[0].name, **facts(found[0]), content=found[1])


def of_path(place: Place, wanted: Wanted) -> str:
    """The response for whatever the place is; for reports over addresses."""
    try:
        return next(iter(_responses(place, wanted, 0)))
    except Refused:
        return missing(place.item_path() if place.address.item else place.base())
