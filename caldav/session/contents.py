"""GET, PUT and DELETE; COPY and MOVE of items."""

from caldav.session import attachments, moving, scheduling
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place, place_of
from caldav.session.properties import content_type, http_date
from caldav.session.world import View, mounted
from caldav.wire.accept import accepted
from optimails.groupware.account import MAX_ANSWER
from optimails.groupware.api import Kind, Rule, Unfit, as_object
from optimails.groupware.card import read_card
from optimails.groupware.card_versions import VERSIONS, converted
from optimails.groupware.expanding import text_of
from optimails.groupware.transfer import export_text
from optimails.groupware.visited import forget
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.rights import Answer as Reply
from optimails.model.rights import Right

_TYPES = {
    Kind.CALENDAR: ("text/calendar", "C:supported-calendar-data"),
    Kind.BOOK: ("text/vcard", "CR:supported-address-data"),
}
_ALSO = ("", "application/octet-stream", "text/x-vcard", "text/directory", "text/x-vcalendar", "text/plain")


def get(place: Place) -> Answer:
    """An item as it came; a collection as one file."""
    if not place.address.collection:
        return Answer(200, {"Content-Type": "text/plain; charset=utf-8"}, b"CalDAV and CardDAV\n")
    view = place.view(Right.READ)
    if not place.address.item:
        return _whole(view)
    found = view.read(place.address.item)
    if found is None:
        raise Refused(Reason.NON_EXISTENT)
    item, text = found
    headers = {
        "ETag": f'"{item.etag}"',
        "Last-Modified": http_date(item.modified),
        "Content-Type": content_type(view.collection.kind, item.component if item.component != "VCARD" else ""),
        **scheduling.tag(item),
    }
    unchanged = place.exchange.conditions.none_match
    if unchanged is not None and ("*" in unchanged or item.etag in unchanged):
        return Answer(304, headers)
    expected = place.exchange.conditions.match
    if expected is not None and "*" not in expected and item.etag not in expected:
        raise Unfit(Rule.MATCH)
    if view.collection.kind is Kind.BOOK:
        return _negotiated(place, headers, text)
    return Answer(200, headers, text)


def _negotiated(place: Place, headers: dict[str, str], card: bytes) -> Answer:
    """RFC 6352 §5.1.1: in the version that the program accepts; as it is kept, when it names none."""
    version = accepted(place.exchange.headers.get("accept", ""), VERSIONS)
    if version is None:
        raise Precondition(406, "CR:supported-address-data-conversion")
    headers["Vary"] = "Accept"
    if version:
        headers["Content-Type"] += f"; version={version}"
        found = read_card(card.decode("utf-8", "replace"))
        if found.version != version:
            return Answer(200, headers, text_of(converted(found.component, version)).encode("utf-8", "replace"))
    return Answer(200, headers, card)


def _whole(view: View) -> Answer:
    if view.collection.size > MAX_ANSWER:
        raise Refused(Reason.LIMIT)
    ending = "vcf" if view.collection.kind is Kind.BOOK else "ics"
    headers = {
        "Content-Type": content_type(view.collection.kind),
        "Content-Disposition": f'attachment; filename="{view.collection.object_id}.{ending}"',
    }
    return Answer(200, headers, export_text(view.account, view.collection, view.hidden).encode("utf-8", "replace"))


def put(place: Place) -> Answer:
    address = place.address
    if not address.item or address.slash:
        raise Refused(Reason.NO_PERMISSION, "Only items are written")
    try:
        view = place.view()
    except Refused as refused:
        if refused.reason is Reason.NON_EXISTENT and place.own:
            return Answer(409)  # RFC 4918 §9.7.1: its collection is not there
        raise
    existing = view.item(address.item)
    if existing is None and address.item in view.hidden:
        raise Refused(Reason.NO_PERMISSION)
    place.need(view, Right.WRITE if existing else Right.INSERT)
    scheduling.need_calendar(view)
    kind = view.collection.kind
    type_, charset = _content_type(place.exchange.headers.get("content-type", ""))
    if (type_ != _TYPES[kind][0] and type_ not in _ALSO) or charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Precondition(403, _TYPES[kind][1])
    attachments.check(view, place.exchange.body)
    return scheduling.put(place, view, address.item, place.exchange.body)


def _content_type(value: str) -> tuple[str, str]:
    """The type, and its charset."""
    type_, _, params = value.lower().partition(";")
    charset = ""
    for param in params.split(";"):
        name, _, given = param.partition("=")
        if name.strip() == "charset":
            charset = given.strip().strip("\"'")
    return type_.strip(), charset


def delete(place: Place) -> Answer:
    address = place.address
    if not address.collection:
        raise Refused(Reason.NO_PERMISSION)
    if not address.item:
        if mounted(address.collection) and (view := place.view()).mount is not None:
            return _taken_away(place, view)
        view = place.view(Right.DELETE)
        scheduling.remove(place, view)
        place.world.people.forget(place.owner.id, as_object(view.collection))
        return Answer(204)
    view = place.view(Right.READ)
    if view.item(address.item) is None:
        raise Refused(Reason.NON_EXISTENT)
    place.need(view, Right.REMOVE)
    return scheduling.delete(place, view, address.item)


def _taken_away(place: Place, view: View) -> Answer:
    """What another shares is not deleted: who does not want it in his home any more has refused it."""
    on = as_object(view.collection)
    place.world.people.answer(place.user.id, place.owner_of(view).id, on, Reply.REFUSED)
    forget(place.groupware, on.id)
    return Answer(204)


def copy(place: Place) -> Answer:
    return _transfer(place, move=False)


def move(place: Place) -> Answer:
    return _transfer(place, move=True) if place.address.item else moving.move(place)


def _transfer(place: Place, *, move: bool) -> Answer:
    """RFC 4918 §9.8, §9.9. Between accounts a move is a copy that is there before the original goes."""
    if not place.address.item:
        raise Refused(Reason.NO_PERMISSION, "Collections are not copied")
    source = place.view(Right.READ, *([Right.REMOVE] if move else []))
    name = place.address.item
    if source.item(name) is None:
        raise Refused(Reason.NON_EXISTENT)
    overwrite = _overwrite(place)
    with place_of(place.world, place.exchange, place.exchange.target()).opened() as other:
        new_name = other.address.item
        if not new_name:
            raise Refused(Reason.NO_PERMISSION)
        try:
            target = other.view(Right.INSERT)
        except Refused as refused:
            return Answer(409 if refused.reason is Reason.NON_EXISTENT else 403)
        if target.item(new_name) is not None:
            other.need(target, Right.WRITE)
        scheduling.need_calendar(target)
        one_file = source.account is target.account
        if one_file and (source.collection.id, name) == (target.collection.id, new_name):
            raise Refused(Reason.NO_PERMISSION)  # RFC 4918 §9.8.5: the same resource
        location = {"Location": other.item_path()}
        if one_file:
            new = place.world.scheduler.transfer(
                source.account, source.collection, name, target.collection, new_name, move=move, overwrite=overwrite
            )
            return Answer(201 if new else 204, location)
        if target.item(new_name) is not None and not overwrite:
            raise Unfit(Rule.MATCH)
        new = scheduling.transfer(place, source, target, new_name, other=other)
        return Answer(201 if new else 204, location)


def _overwrite(place: Place) -> bool:
    value = place.exchange.headers.get("overwrite", "T").strip().upper()
    if value not in ("T", "F"):
        raise BadSyntax("Overwrite is T or F")
    return value == "T"
