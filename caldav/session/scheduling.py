"""Meetings over CalDAV (RFC 6638): what is stored brings its invitations and answers with it.

The engine is ``optimails.groupware.scheduling``; here stand the headers, properties and preconditions of the protocol,
and the scheduling inbox, which is a collection like others that nobody writes to.
"""

from collections.abc import Callable

from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place
from caldav.session.world import View
from caldav.wire.names import c, cs, d, href, text
from optimails.groupware.account import etag_of
from optimails.groupware.api import Conditions, Item, Kind
from optimails.groupware.hours import availability
from optimails.groupware.scheduling.inbox import INBOX, choose_default, default_calendar
from optimails.groupware.scheduling.organizer import MAX_ATTENDEES
from optimails.groupware.scheduling.planning import Writer
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.rights import SendRight

AVAILABILITY = (c("calendar-availability"), cs("calendar-availability"))
"""Working hours (RFC 7953 §7.2.4), and as Apple had them before that."""
_INBOX_PRIVILEGES = (
    "D:read", "D:write-properties", "D:unbind", "D:read-current-user-privilege-set", "C:schedule-deliver",
    "C:schedule-deliver-invite", "C:schedule-deliver-reply", "C:schedule-query-freebusy",
)  # fmt: skip


def writer(place: Place, view: View) -> Writer:
    """In whose name messages go out: the calendar's owner's, and whether they say who else wrote them."""
    owner = place.owner_of(view)
    if owner.id == place.user.id:
        return Writer(owner)
    right = place.world.people.send_right(place.user.id, owner.id)
    if right is SendRight.ON_BEHALF:
        return Writer(owner, sent_by=str(place.user.address))
    return Writer(owner, may_send=right is not SendRight.NO)


def put(place: Place, view: View, name: str, data: bytes, conditions: Conditions | None = None) -> Answer:
    """Store an item, and what follows from it, under these conditions or those of the request."""
    need_calendar(view)
    by = writer(place, view)
    try:
        item, created = place.world.scheduler.put(
            view.account, by, view.collection, name, data, conditions or place.exchange.conditions
        )
    except Refused as refused:
        raise _may_not_send(place, by, refused) from refused
    headers = tag(item)
    if item.etag == etag_of(data):  # RFC 4791 §5.3.4: else the program has to read it again
        headers["ETag"] = f'"{item.etag}"'
    return Answer(201 if created else 204, headers)


def delete(place: Place, view: View, name: str) -> Answer:
    """Take an item away; an attendee's organizer need not hear of it (RFC 6638 §8.1)."""
    reply = place.exchange.headers.get("schedule-reply", "T").strip().upper()
    if reply not in ("T", "F"):
        raise BadSyntax("Schedule-Reply is T or F")
    by = writer(place, view)
    try:
        place.world.scheduler.delete(
            view.account, by, view.collection, name, place.exchange.conditions, reply=reply == "T"
        )
    except Refused as refused:
        raise _may_not_send(place, by, refused) from refused
    return Answer(204)


def remove(place: Place, view: View) -> None:
    """A collection with its meetings."""
    if view.collection.kind is Kind.INBOX:
        raise Refused(Reason.NO_PERMISSION, "The inbox stays")
    by = writer(place, view)
    try:
        place.world.scheduler.remove(view.account, by, view.collection)
    except Refused as refused:
        raise _may_not_send(place, by, refused) from refused


def need_calendar(view: View) -> None:
    """Nobody writes into the inbox; what comes is put there. Raises ``Refused``."""
    if view.collection.kind is Kind.INBOX:
        raise Refused(Reason.NO_PERMISSION, "Messages come into the inbox by themselves")


def transfer(place: Place, source: View, target: View, new_name: str, *, other: Place) -> bool:
    """Between accounts: whether the target is new. What is moved has gone from the one as if it were deleted there."""
    name = place.address.item
    found = source.read(name)
    if found is None:
        raise Refused(Reason.NON_EXISTENT)
    scheduler = place.world.scheduler
    by = writer(other, target)
    try:
        _, new = scheduler.put(target.account, by, target.collection, new_name, found[1])
        if place.exchange.method == "MOVE":
            by = writer(place, source)
            scheduler.delete(source.account, by, source.collection, name)
    except Refused as refused:
        raise _may_not_send(place, by, refused) from refused
    return new


def _may_not_send(place: Place, by: Writer, refused: Refused) -> Exception:
    """RFC 6638 §6.1.2: a privilege on the owner's outbox is missing."""
    if refused.reason is not Reason.NO_PERMISSION or by.may_send:
        return refused
    outbox = f"<D:resource>{href(place.home() + 'schedule-outbox/')}<D:privilege><C:schedule-send/></D:privilege>"
    return Precondition(403, "D:need-privileges", outbox + "</D:resource>")


def tag(item: Item) -> dict[str, str]:
    """The Schedule-Tag header (RFC 6638 §8.2), where people are invited."""
    return {"Schedule-Tag": f'"{item.schedule_tag}"'} if item.schedule_tag is not None else {}


# -- properties --------------------------------------------------------------------------------------------------------


def of_principal(place: Place) -> dict[str, Callable[[], str | None]]:
    """Of one's own."""
    if not place.own:
        return {}
    return {
        c("schedule-inbox-URL"): lambda: href(place.base(INBOX)) if place.inbox() is not None else None,
        c("calendar-user-address-set"): lambda: _addresses(place),
        c("schedule-default-calendar-URL"): lambda: _default(place),
    }


def _addresses(place: Place) -> str:
    """The first is preferred; aliases that lead to the account alone are its addresses, too."""
    found = [str(one) for one in place.world.people.addresses(place.owner)]
    return "".join(href(f"mailto:{one}") for one in found) + href(place.home())


def of_calendar() -> dict[str, Callable[[], str | None]]:
    return {c("max-attendees-per-instance"): lambda: str(MAX_ATTENDEES)}


def of_inbox(place: Place) -> dict[str, Callable[[], str | None]]:
    return {
        d("resourcetype"): lambda: "<D:collection/><C:schedule-inbox/>",
        d("displayname"): lambda: INBOX,
        d("current-user-privilege-set"): lambda: "".join(
            f"<D:privilege><{name}/></D:privilege>" for name in _INBOX_PRIVILEGES
        ),
        c("schedule-default-calendar-URL"): lambda: _default(place),
        c("supported-calendar-component-set"): lambda: '<C:comp name="VEVENT"/><C:comp name="VTODO"/>',
        c("supported-calendar-data"): lambda: '<C:calendar-data content-type="text/calendar" version="2.0"/>',
        **{name: lambda: text(availability(place.groupware)) or None for name in AVAILABILITY},
    }


def _default(place: Place) -> str:
    """RFC 6638 §9.2."""
    return href(place.base(default_calendar(place.groupware, "VEVENT").name))


def set_default(place: Place, path: str) -> bool:
    """Whether the address is that of a calendar which can take invitations, and now does."""
    home = place.home()
    name = path.removeprefix(home).strip("/") if path.startswith(home) else ""
    found = place.groupware.collection(name) if name and "/" not in name else None
    if found is None or found.kind is not Kind.CALENDAR or "VEVENT" not in found.components:
        return False
    choose_default(place.groupware, name)
    return True
