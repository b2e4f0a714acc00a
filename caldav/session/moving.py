"""MOVE of a collection: its address within the home becomes another (RFC 4918 §9.9).

Nothing else changes: not its rights, not its items, not the sync-token that programs have. Nothing is ever written
over, and a collection does not change its owner. COPY of one is refused: each meeting in it would be there twice.
"""

from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place, place_of
from caldav.session.scheduling import need_calendar
from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling.inbox import DEFAULT, INBOX, choose_default
from optimails.model.errors import BadSyntax, Reason, Refused

_ELSEWHERE = "C:calendar-collection-location-ok"


def move(place: Place) -> Answer:
    """Raises ``Refused``, ``Precondition``."""
    if place.exchange.depth is not None:
        raise BadSyntax("A collection moves with all that is in it")  # RFC 4918 §9.9.2
    view = place.view()
    need_calendar(view)
    if not place.own or view.mount is not None or view.account is not place.groupware:
        raise Refused(Reason.NO_PERMISSION)
    other = place_of(place.world, place.exchange, place.exchange.target())
    name = other.address.collection
    if not other.own or not name or other.address.item:
        raise Precondition(403, _ELSEWHERE)
    if name == view.collection.name:
        raise Refused(Reason.NO_PERMISSION)  # RFC 4918 §9.9.4: the same resource
    if place.groupware.collection(name) is not None:
        if place.exchange.headers.get("overwrite", "T").strip().upper() == "F":
            raise Unfit(Rule.MATCH)
        raise Precondition(403, _ELSEWHERE)
    if place.reserved(name):
        raise Precondition(403, _ELSEWHERE)
    place.groupware.rename(view.collection.name, name)
    inbox = place.groupware.collection(INBOX)
    if inbox is not None and place.groupware.properties(inbox).get(DEFAULT) == view.collection.name:
        choose_default(place.groupware, name)
    return Answer(201, {"Location": place.base(name)})
