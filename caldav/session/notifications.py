"""The collection of notifications (calendarserver caldav-sharing §4): who shares with the user, and who answered him.

Nothing of it is stored. What is shared and not answered is an invitation; an answer of somebody to whom the user shares
is a reply. So a notification goes when its reason goes. What a program deleted is remembered until then.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import gmtime, strftime

from caldav.session import sharees
from caldav.session.exchange import XML, Answer
from caldav.session.places import NOTIFICATIONS, Place, home_of
from caldav.session.privileges import privileges
from caldav.session.properties import common
from caldav.session.rendering import multistatus, response
from caldav.sharing import is_open
from caldav.wire.names import DECLARATIONS, c, cs, d, element, href, text
from caldav.wire.reading import Wanted, read_propfind, read_xml
from optimails.groupware.api import Collection, as_object
from optimails.groupware.visited import forget, keep, kept
from optimails.model.account import Account
from optimails.model.errors import Reason, Refused
from optimails.model.rights import Right, Who

_SEEN = "notified"
_INVITATION, _REPLY = "invite-notification", "invite-reply"


@dataclass(frozen=True, slots=True)
class Notification:
    key: str  # the same for the same reason
    kind: str
    inside: str  # XML
    state: str = ""  # of the reason; another one is told anew

    @property
    def name(self) -> str:
        return f"{self.key}.xml"

    @property
    def etag(self) -> str:
        return hashlib.sha256(self.inside.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def body(self) -> str:
        stamp = element(cs("dtstamp"), strftime("%Y%m%dT%H%M%SZ", gmtime()))
        inside = stamp + element(cs(self.kind), self.inside)
        return f'<?xml version="1.0" encoding="utf-8"?>\n<CS:notification{DECLARATIONS}>{inside}</CS:notification>'


def here(place: Place) -> bool:
    """Whether the place is in the collection of notifications."""
    return place.address.collection == NOTIFICATIONS and place.notifications()


def answer(place: Place) -> Answer:
    method = {"PROPFIND": _propfind, "GET": _get, "HEAD": _get, "DELETE": _delete}.get(place.exchange.method)
    if method is None:
        raise Refused(Reason.NO_PERMISSION, "Notifications are made by the service")
    return method(place)


def _propfind(place: Place) -> Answer:
    wanted = read_propfind(read_xml(place.exchange.body))
    if place.address.item:
        return Answer.xml(207, multistatus([_one(place, _named(place), wanted)]))
    found = list(_all(place))
    responses = [response(place.base(), wanted, _of_collection(place, found))]
    if place.exchange.depth != 0:
        responses += [_one(place, one, wanted) for one in found]
    return Answer.xml(207, multistatus(responses))


def _of_collection(place: Place, found: list[Notification]) -> "dict[str, Callable[[], str | None]]":
    tag = hashlib.sha256("".join(f"{one.name}{one.etag}" for one in found).encode()).hexdigest()[:32]
    return {
        **common(place),
        d("resourcetype"): lambda: "<D:collection/><CS:notification/>",
        d("displayname"): lambda: NOTIFICATIONS,
        d("owner"): lambda: href(place.home()),
        d("current-user-privilege-set"): lambda: privileges(Right.READ | Right.REMOVE),
        cs("getctag"): lambda: f'"{tag}"',
    }


def _one(place: Place, one: Notification, wanted: Wanted) -> str:
    values: dict[str, Callable[[], str | None]] = {
        **common(place),
        d("resourcetype"): lambda: "",
        d("getetag"): lambda: f'"{one.etag}"',
        d("getcontenttype"): lambda: XML,
        d("getcontentlength"): lambda: str(len(one.body.encode("utf-8", "replace"))),
        d("current-user-privilege-set"): lambda: privileges(Right.READ),
        cs("notificationtype"): lambda: element(cs(one.kind)),
    }
    return response(place.base() + one.name, wanted, values)


def _get(place: Place) -> Answer:
    if not place.address.item:
        raise Refused(Reason.NO_PERMISSION)
    found = _named(place)
    return Answer.xml(200, found.body, ETag=f'"{found.etag}"')


def _delete(place: Place) -> Answer:
    """It was read. An invitation stays open: it can be accepted later."""
    if not place.address.item:
        raise Refused(Reason.NO_PERMISSION)
    found = _named(place)
    keep(place.groupware, found.key, {_SEEN: found.state})
    return Answer(204)


def _named(place: Place) -> Notification:
    for one in _all(place):
        if one.name == place.address.item:
            return one
    raise Refused(Reason.NON_EXISTENT)


def _all(place: Place) -> Iterator[Notification]:
    """What was deleted is left out; of what has no reason any more that is forgotten."""
    seen = {key: values[_SEEN] for key, values in kept(place.groupware).items() if _SEEN in values}
    reasons = set()
    for one in [*_invitations(place), *_replies(place)]:
        reasons.add(one.key)
        if seen.get(one.key) != one.state:
            yield one
    for key in seen.keys() - reasons:
        forget(place.groupware, key)


def _invitations(place: Place) -> Iterator[Notification]:
    people = place.world.people
    for owner, offers in people.invited(place.user):
        collections = {as_object(one): one for one in place.enter(owner).collections()}
        wanted = [one.object for one in offers if is_open(one) and one.object in collections]
        effective = people.effective(place.user.id, owner.id, [on for on in wanted if on is not None])
        for on, rights in effective.items():
            if rights.may(Right.READ):
                yield _invitation(place, owner, collections[on], rights.rights)


def _invitation(place: Place, owner: Account, collection: Collection, rights: Right) -> Notification:
    components = "".join(f'<C:comp name="{name}"/>' for name in collection.components)
    inside = [
        element(cs("uid"), collection.object_id),
        href(f"mailto:{place.user.address}"),
        element(cs("invite-noresponse")),
        sharees.access(rights),
        element(cs("hosturl"), href(f"{home_of(place.root, owner)}{place.segment(collection.name)}/")),
        sharees.organizer(owner),
        element(cs("summary"), text(collection.display_name)),
        element(c("supported-calendar-component-set"), components) if components else "",
    ]
    return Notification(f"invite-{collection.object_id}", _INVITATION, "".join(inside))


def _replies(place: Place) -> Iterator[Notification]:
    collections = {as_object(one): one for one in place.groupware.collections()}
    for on, shared in place.world.people.sharees(place.user.id).items():
        for one in shared:
            if on in collections and one.answer is not None and one.identifier.who is Who.USER:
                inside = [
                    href(f"mailto:{one.address}"),
                    element(cs(sharees.STATUS[one.answer])),
                    element(cs("hosturl"), href(place.base(collections[on].name))),
                    element(cs("in-reply-to"), on.id),
                    element(cs("summary"), text(collections[on].display_name)),
                ]
                yield Notification(f"reply-{on.id}-{one.identifier.name}", _REPLY, "".join(inside), one.answer.value)
