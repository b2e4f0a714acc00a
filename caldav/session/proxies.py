"""Who looks after one's calendars: the groups calendar-proxy-read and -write of a principal (calendarserver
caldav-proxy), as Apple's Calendar shows and sets them under *Delegation*.

Their members are delegates. A program adds some for the calendars and task lists alone, never for mail: nobody who lets
a colleague at his calendar there expects more. Delegates of the whole account are members, too, and stay so: who gave
that takes it away elsewhere.
"""

import time
from collections.abc import Callable
from xml.etree.ElementTree import Element

from caldav.session.collections import told
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import PROXIES, Place
from caldav.session.privileges import privileges
from caldav.session.properties import Values, common
from caldav.session.rendering import multistatus, response
from caldav.session.sharees import identified
from caldav.wire.names import cs, d, element, href
from caldav.wire.reading import hrefs, read_propfind, read_update, read_xml
from optimails.model.account import Feature
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import Bundle, Delegation, Identifier, Kind, Object, Right, Scope, SendRight, Who

_WRITE = PROXIES[1]
MAX_MEMBERS = 200
_MEMBERS = d("group-member-set")
_CALENDARS = Object(Kind.CALENDAR, "")
"""Nothing has this id: what one may do there, a delegation says alone."""


class _Impossible(Exception):
    """These members cannot be."""


def here(place: Place) -> bool:
    return (
        place.address.collection in PROXIES
        and place.own
        and place.groupware.collection(place.address.collection) is None
    )


def answer(place: Place) -> Answer:
    if place.address.item:
        raise Refused(Reason.NON_EXISTENT)
    if place.exchange.method == "PROPFIND":
        wanted = read_propfind(read_xml(place.exchange.body))
        return Answer.xml(207, multistatus([response(place.base(), wanted, properties(place))]))
    if place.exchange.method == "PROPPATCH":
        return _proppatch(place)
    raise Refused(Reason.NO_PERMISSION, "It is a group of people")


def properties(place: Place) -> Values:
    name = place.address.collection
    values: dict[str, Callable[[], str | None]] = {
        **common(place),
        d("resourcetype"): lambda: f"<D:collection/><D:principal/>{element(cs(name))}",
        d("displayname"): lambda: name,
        d("owner"): lambda: href(place.home()),
        d("principal-URL"): lambda: href(place.base()),
        d("current-user-privilege-set"): lambda: privileges(Right.READ | Right.LOOKUP, properties=True),
        _MEMBERS: lambda: "".join(map(href, _members(place))),
        d("group-membership"): lambda: "",
    }
    return values


def _given(place: Place) -> list[Delegation]:
    """Delegations of the user's account that are good now, as this group has them."""
    writes = place.address.collection == _WRITE
    found = [one for one in place.sharing().delegations if (one.bundle is not Bundle.READER) is writes]
    return [one for one in found if one.active(time.time())]


def _members(place: Place) -> list[str]:
    who = [Identifier(Who.USER, one.delegate) for one in _given(place)]
    shown = place.world.people.shown(who)
    return [f"{place.root}/{place.segment(shown[one].lower())}/" for one in who]


def _proppatch(place: Place) -> Answer:
    changes = read_update(read_xml(place.exchange.body), tag=d("propertyupdate")).changes
    if [name for name, _ in changes] != [_MEMBERS]:
        return told(place, {name: "403 Forbidden" for name, _ in changes})
    try:
        _become(place, changes[0][1])
    except _Impossible:
        return told(place, {_MEMBERS: "403 Forbidden"})
    return told(place, {_MEMBERS: "200 OK"})


def _become(place: Place, value: Element | None) -> None:
    """Make these the members. Raises ``_Impossible``; then nothing has changed."""
    asked = hrefs(value) if value is not None else []
    if len(asked) > MAX_MEMBERS:
        raise Precondition(507, "D:number-of-matches-within-limits")
    people, owner = place.world.people, place.owner
    found = [identified(place, owner, one) for one in asked]
    wanted = {AccountId(one.name) for one in found if one is not None and one.who is Who.USER} - {owner.id}
    if len(wanted) != len(set(asked)) or (wanted and Feature.DELEGATION not in owner.entitlements.features):
        raise _Impossible
    before = list(place.sharing().delegations)
    members = {one.delegate: one for one in _given(place)}
    whole = {one.delegate for one in before if one.scope is Scope.ALL}
    if (members.keys() - wanted) & whole or (wanted - members.keys()) & whole:
        raise _Impossible
    gone = [one for one in members.values() if one.delegate not in wanted]
    bundle = Bundle.EDITOR if place.address.collection == _WRITE else Bundle.READER
    new = [Delegation(owner.id, one, bundle, SendRight.NO, scope=Scope.CALENDARS) for one in wanted - members.keys()]
    names = people.shown([Identifier(Who.USER, one.delegate) for one in [*gone, *new]])
    for one in [*gone, *new]:
        details = {"delegate": names[Identifier(Who.USER, one.delegate)], "bundle": bundle.value if one in new else ""}
        place.world.visits.record(owner, owner, "dav delegate", details)
    people.set_delegations(new, gone)
    if not all(people.effective(one.delegate, owner.id, [_CALENDARS])[_CALENDARS].may(Right.READ) for one in new):
        back = [one for one in before if one in gone or one.delegate in {other.delegate for other in new}]
        people.set_delegations(back, new)
        raise _Impossible
