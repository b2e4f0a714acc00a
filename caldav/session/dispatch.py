"""From a request to its answer: which method, on what, and whatever may go wrong."""

import logging
from collections.abc import Callable

from caldav.session import access, attachments, collections, contents, notifications, outbox, proxies
from caldav.session.errors import answer_for
from caldav.session.exchange import Answer, Exchange
from caldav.session.places import OUTBOX, Place, place_of
from caldav.session.posting import post
from caldav.session.propfind import propfind
from caldav.session.reports import report
from caldav.session.world import World
from optimails.door import incident
from optimails.groupware.api import Kind
from optimails.model.errors import MailError

log = logging.getLogger(__name__)
CAPABILITIES = (
    "1, 3, access-control, calendar-access, calendar-auto-schedule, calendar-availability, addressbook, extended-mkcol,"
    " calendar-proxy, calendarserver-sharing, calendar-managed-attachments, calendar-managed-attachments-no-recurrence"
)
METHODS: dict[str, Callable[[Place], Answer]] = {
    "GET": contents.get,
    "HEAD": contents.get,
    "PUT": contents.put,
    "DELETE": contents.delete,
    "COPY": contents.copy,
    "MOVE": contents.move,
    "POST": post,
    "ACL": access.acl,
    "PROPFIND": propfind,
    "PROPPATCH": collections.proppatch,
    "REPORT": report,
    "MKCALENDAR": collections.mkcalendar,
    "MKCOL": collections.mkcol,
}
_OF_THEIR_OWN = (notifications, outbox, proxies, attachments)
"""Collections without items that are stored."""


def slow(method: str, path: str, depth: str) -> bool:
    """Whether a request may take a while and changes nothing: those wait for each other, and no write for them."""
    if method == "PROPFIND":
        return depth.strip() != "0"
    return method == "REPORT" or (method == "POST" and path.rstrip("/").endswith(f"/{OUTBOX}"))


def options() -> Answer:
    return Answer(200, {"DAV": CAPABILITIES, "Allow": ", ".join(["OPTIONS", *METHODS])}, b"")


def dispatch(world: World, exchange: Exchange) -> Answer:
    """Never raises."""
    if exchange.method == "OPTIONS":
        return options()
    method = METHODS.get(exchange.method)
    if method is None:
        return Answer(405, {"Allow": ", ".join(["OPTIONS", *METHODS])})
    place: Place | None = None
    try:
        place = place_of(world, exchange, exchange.path)
        with place.opened():
            return next((one.answer for one in _OF_THEIR_OWN if one.here(place)), method)(place)
    except MailError as wrong:
        return _refusal(place, wrong)
    except Exception as error:  # noqa: BLE001  # an error of ours: the client gets its number
        number = incident.note(error, page="/dav")
        return Answer(500, {"Content-Type": "text/plain; charset=utf-8"}, f"internal error {number}\n".encode())


def _refusal(place: Place | None, wrong: MailError) -> Answer:
    kind, base = None, ""
    if place is not None and place.address.collection:
        kind, base = place.kind or Kind.CALENDAR, place.base()
    return answer_for(wrong, kind, base)
