"""The scheduling outbox (RFC 6638 §2.1, §5): where programs ask when the people of a meeting are busy.

It holds nothing. A delegate who may write in the owner's calendars may ask here, too; he is told what he himself may
know, not what the owner may.
"""

import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import OUTBOX, Place
from caldav.session.properties import Values, common
from caldav.session.rendering import multistatus, response
from caldav.wire.busy_request import BusyRequest, read_busy_request
from caldav.wire.names import DECLARATIONS, c, d, element, href, text
from caldav.wire.reading import read_propfind, read_xml
from optimails.groupware.colleagues import No, Told
from optimails.groupware.freebusy import free_busy_text
from optimails.model.errors import Reason, Refused, Unavailable

_ALL = "".join(
    f"<D:privilege><{name}/></D:privilege>"
    for name in ("D:read", "D:read-current-user-privilege-set", "C:schedule-send", "C:schedule-send-freebusy")
)
_SUCCESS, _AWAY = "2.0;Success", "5.1;Service unavailable"
_REFUSALS = {  # RFC 5546 §3.6
    No.UNKNOWN: "3.7;Invalid calendar user",
    No.FORBIDDEN: "3.8;No authority",
    No.STRANGER: "5.3;No scheduling support for user",
}


def here(place: Place) -> bool:
    """Whether the place is a scheduling outbox."""
    return place.address.collection == OUTBOX and place.outbox()


def answer(place: Place) -> Answer:
    if place.address.item:
        raise Refused(Reason.NON_EXISTENT)
    method = {"PROPFIND": _propfind, "POST": _post}.get(place.exchange.method)
    if method is None:
        raise Refused(Reason.NO_PERMISSION, "Nothing is kept in an outbox")
    return method(place)


def _propfind(place: Place) -> Answer:
    wanted = read_propfind(read_xml(place.exchange.body))
    return Answer.xml(207, multistatus([response(place.base(), wanted, properties(place))]))


def properties(place: Place) -> Values:
    values: dict[str, Callable[[], str | None]] = {
        **common(place),
        d("resourcetype"): lambda: "<D:collection/><C:schedule-outbox/>",
        d("displayname"): lambda: OUTBOX,
        d("owner"): lambda: href(place.home()),
        d("current-user-privilege-set"): lambda: _ALL,
        d("supported-report-set"): lambda: "",
        c("supported-calendar-component-set"): lambda: '<C:comp name="VFREEBUSY"/>',
        c("supported-calendar-data"): lambda: '<C:calendar-data content-type="text/calendar" version="2.0"/>',
    }
    return values


def _post(place: Place) -> Answer:
    given = place.exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in ("text/calendar", ""):
        raise Precondition(403, "C:supported-calendar-data")
    asked = read_busy_request(place.exchange.body)
    if _address(place, asked.organizer) != str(place.owner.address).lower():
        raise Precondition(403, "C:organizer-allowed")
    body = "".join(_responses(place, asked))
    return Answer.xml(
        200,
        f'<?xml version="1.0" encoding="utf-8"?>\n<C:schedule-response{DECLARATIONS}>{body}</C:schedule-response>',
        **{"Cache-Control": "no-store"},
    )


def _responses(place: Place, asked: BusyRequest) -> Iterator[str]:
    now = int(time.time())
    for who, line in asked.attendees.items():
        try:
            told = _told(place, _address(place, who), asked)
        except Unavailable:
            yield _response(who, _AWAY)
            continue
        if told.no is not None:
            yield _response(who, _REFUSALS[told.no])
            continue
        people = (asked.organizer_line, line)
        busy = free_busy_text(told.periods, asked.asked, now, asked.uid, method="REPLY", lines=people)
        yield _response(who, _SUCCESS, element(c("calendar-data"), text(busy)))


def _told(place: Place, address: str, asked: BusyRequest) -> Told:
    """Raises ``Unavailable``."""
    told = place.world.colleagues.told(place.user, address, asked.asked, asked.masked)
    if told.owner is not None:
        place.world.visits.note_lookup(place.user, [told.owner])
    return told


def _response(who: str, status: str, data: str = "") -> str:
    recipient = f"<C:recipient><D:href>{text(who)}</D:href></C:recipient>"
    return f"<C:response>{recipient}<C:request-status>{status}</C:request-status>{data}</C:response>"


def _address(place: Place, who: str) -> str:
    """The mail address of a calendar user, who is named by it or by his principal."""
    if who[:7].lower() == "mailto:":
        return unquote(who[7:]).strip().lower()
    path = unquote(urlsplit(who).path) if who.lower().startswith(("http://", "https://", "/")) else ""
    below = path.removeprefix(place.root + "/") if path.startswith(place.root + "/") else ""
    return below.strip("/").lower() if "/" not in below.strip("/") else ""
