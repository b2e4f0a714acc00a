"""Managed attachments over CalDAV (RFC 8607): POST adds, replaces and takes away, GET gives.

They belong to whole objects, not to single recurrences. Whoever may read an item that names one gets it, and so does
who was invited to such an item: its id, which nobody can guess, is in his own calendar.
"""

import re
from urllib.parse import quote, unquote

from caldav.session import scheduling
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import ATTACHMENTS, Place, home_of
from caldav.session.world import View
from optimails.groupware import attachments
from optimails.groupware.api import Conditions, Item, Kind, Rule, Unfit
from optimails.groupware.attachments import MAX_ATTACHMENTS, Attachment, Attachments
from optimails.groupware.calendar import CalendarObject, read_object
from optimails.groupware.scheduling import editing
from optimails.groupware.text import Property, write
from optimails.model.errors import Reason, Refused
from optimails.model.rights import Right

PARAMETER = "MANAGED-ID"
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}$")
_STAR = re.compile(r"filename\*\s*=\s*utf-8''([^;]+)", re.IGNORECASE)
_NAME = re.compile(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]+))', re.IGNORECASE)
_UNFIT = re.compile(r'[\x00-\x1f\x7f"/\\]')


# -- POST --------------------------------------------------------------------------------------------------------------


def post(place: Place) -> Answer:
    """RFC 8607 §3.3: ``action`` says what, ``managed-id`` which one."""
    query = place.exchange.query
    act = {"attachment-add": _add, "attachment-update": _update, "attachment-remove": _remove}.get(query["action"])
    if act is None or not place.address.item:
        raise Precondition(403, "C:valid-action")
    if query.get("rid", "M") != "M":
        raise Precondition(403, "C:valid-rid")
    if (act is _add) is ("managed-id" in query):
        raise Precondition(403, "C:valid-managed-id")
    view = place.view(Right.READ)
    found = view.read(place.address.item)
    if found is None or view.collection.kind is not Kind.CALENDAR:
        raise Refused(Reason.NON_EXISTENT)
    place.need(view, Right.WRITE)
    _match(place.exchange.conditions, found[0])
    return act(place, view, found[0], read_object(found[1].decode("utf-8", "replace")))


def _match(conditions: Conditions, item: Item) -> None:
    if conditions.match is not None and "*" not in conditions.match and item.etag not in conditions.match:
        raise Unfit(Rule.MATCH)


def _add(place: Place, view: View, item: Item, found: CalendarObject) -> Answer:
    if max(len(editing.lines_of(part, "ATTACH")) for part in found.parts) >= MAX_ATTACHMENTS:
        raise Precondition(403, "C:max-attachments-per-resource")
    made = _stored(place, view)
    try:
        for part in found.parts:
            editing.add(part, _line(place, view, made))
        return _put(place, view, item, found, made, 201)
    except BaseException:
        _of(place, view).drop(made.id)
        raise


def _update(place: Place, view: View, item: Item, found: CalendarObject) -> Answer:
    old = _present(place, found)
    made = _stored(place, view)
    try:
        line = _line(place, view, made)
        for part in found.parts:
            editing.edit(part, lambda one, text: line if _is(one, old) else text)
        answer = _put(place, view, item, found, made, 204)
    except BaseException:
        _of(place, view).drop(made.id)
        raise
    _of(place, view).drop(old)
    return answer


def _remove(place: Place, view: View, item: Item, found: CalendarObject) -> Answer:
    old = _present(place, found)
    for part in found.parts:
        editing.edit(part, lambda one, text: None if _is(one, old) else text)
    answer = _put(place, view, item, found, None, 204)
    _of(place, view).drop(old)
    return answer


def _present(place: Place, found: CalendarObject) -> str:
    """The managed id that is meant, when the item has it."""
    wanted = place.exchange.query.get("managed-id", "")
    if not any(_is(one, wanted) for part in found.parts for one in part.properties):
        raise Precondition(403, "C:valid-managed-id")
    return wanted


def _is(one: Property, identity: str) -> bool:
    return one.name == "ATTACH" and one.param(PARAMETER) == identity


def _stored(place: Place, view: View) -> Attachment:
    data, headers = place.exchange.body, place.exchange.headers
    if len(data) > view.account.bounds.attachment:
        raise Precondition(403, "C:max-attachment-size")
    type_ = headers.get("content-type", "").partition(";")[0].strip().lower()
    return _of(place, view).store(
        data,
        filename(headers.get("content-disposition", "")),
        type_ if _TYPE.match(type_) else "application/octet-stream",
    )


def filename(disposition: str) -> str:
    """Of a Content-Disposition (RFC 6266), without a path and what no name has."""
    star, plain = _STAR.search(disposition), _NAME.search(disposition)
    name = unquote(star[1], errors="replace") if star else ""
    if not name and plain:
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]
    name = _UNFIT.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")[:150]
    return name or "attachment"


def _line(place: Place, view: View, made: Attachment) -> str:
    address = f"{place.exchange.origin}{home_of(place.root, place.owner_of(view))}{ATTACHMENTS}/{made.id}"
    values: dict[str, str | None] = {
        PARAMETER: made.id, "FMTTYPE": made.type, "FILENAME": made.filename, "SIZE": str(made.size),
    }  # fmt: skip
    return editing.with_params(f"ATTACH:{address}", values)


def _put(place: Place, view: View, item: Item, found: CalendarObject, made: Attachment | None, status: int) -> Answer:  # noqa: PLR0913, PLR0917
    data = write(found.root).encode("utf-8", "replace")
    stored = scheduling.put(place, view, item.name, data, Conditions(match=(item.etag,)))
    headers = {name: value for name, value in stored.headers.items() if name != "Location"}
    if made is not None:
        headers["Cal-Managed-ID"] = made.id
        headers["Location"] = f"{home_of(place.root, place.owner_of(view))}{ATTACHMENTS}/{made.id}"
    if "return=representation" not in place.exchange.headers.get("prefer", "").replace(" ", "").lower():
        return Answer(status, headers)
    now = view.read(item.name)
    if now is None:
        return Answer(status, headers)
    headers |= {"Content-Type": "text/calendar; charset=utf-8", "Content-Location": place.item_path()}
    headers |= {"ETag": f'"{now[0].etag}"', "Preference-Applied": "return=representation"}
    return Answer(201 if status == 201 else 200, headers, now[1])


def _of(place: Place, view: View) -> Attachments:
    folder = place.world.groupware.attachments(place.owner_of(view).id)
    if folder is None:
        raise Refused(Reason.CANNOT, "There is no place for attachments")
    return Attachments(view.account, folder)


def check(view: View, data: bytes) -> None:
    """RFC 8607 §3.7: a text may name what is there, or what an invitation brought. Raises ``Precondition``."""
    if view.collection.kind is not Kind.CALENDAR or PARAMETER.encode() not in data.upper():
        return
    try:
        found = read_object(data.decode("utf-8", "replace"))
    except Unfit:
        return  # which will be said when it is stored
    named = {one.param(PARAMETER) for part in found.parts for one in part.properties if one.name == "ATTACH"}
    for identity in named - {None}:
        if identity and not attachments.known(view.account, identity) and not attachments.users(view.account, identity):
            raise Precondition(403, "C:valid-managed-id-parameter")


# -- GET ---------------------------------------------------------------------------------------------------------------


def here(place: Place) -> bool:
    """Whether the place is an attachment."""
    return place.address.collection == ATTACHMENTS and place.groupware.collection(ATTACHMENTS) is None


def answer(place: Place) -> Answer:
    """RFC 8607 §3.8, §3.9: only POST to its item changes it."""
    if place.exchange.method not in ("GET", "HEAD"):
        raise Refused(Reason.NO_PERMISSION, "Attachments belong to items")
    identity = place.address.item
    folder = place.world.groupware.attachments(place.owner.id)
    if not identity or folder is None or not _may_read(place, identity):
        raise Refused(Reason.NON_EXISTENT)
    found = Attachments(place.groupware, folder).read(identity)
    if found is None:
        raise Refused(Reason.NON_EXISTENT)
    row, data = found
    headers = {
        "Content-Type": row.type,
        "ETag": f'"{row.id}"',
        # Whatever it is, a browser neither shows nor runs it as a page of ours.
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }
    return Answer(200, headers, data)


def _may_read(place: Place, identity: str) -> bool:
    if place.own:
        return True
    for view in place.views():
        if view.effective.may(Right.READ):
            names = [
                name for where, name in attachments.users(place.groupware, identity) if where == view.collection.name
            ]
            if any(name not in view.hidden for name in names):
                place.visit(view)
                return True
    with place.world.groupware.open(place.user) as own:
        invited = bool(attachments.users(own, identity))
    if invited:
        place.world.visits.record(place.user, place.owner, "dav attachment", {"item": identity})
    return invited
