"""With whom a collection is shared, as properties that Apple's Calendar asks for."""

from urllib.parse import unquote, urlsplit

from caldav.session.places import Place
from caldav.session.world import View
from caldav.sharing import Sharee, named_reader
from caldav.wire.names import cs, element, href, text
from optimails.acl.decision import Through
from optimails.groupware.api import Kind, as_object
from optimails.model.account import Account, Feature
from optimails.model.rights import Answer, Identifier, Right, Who

STATUS = {None: "invite-noresponse", Answer.ACCEPTED: "invite-accepted", Answer.REFUSED: "invite-declined"}


def may_share(owner: Account) -> bool:
    return owner.domain_folders or Feature.SHARING in owner.entitlements.features


def identified(place: Place, owner: Account, given: str) -> Identifier | None:
    """Whom an address names: mailto:, or that of a principal of ours. None for nobody."""
    if given.lower().startswith("mailto:"):
        address = unquote(given[7:]).strip()
    else:
        address = unquote(urlsplit(given).path).removeprefix(place.root).strip("/")
    if address.count("@") != 1 or "/" in address or ":" in address:
        return None
    return place.world.people.identify(address, owner)


def resource_type(place: Place, view: View) -> str:
    """What is shared says so in its D:resourcetype: to its owner, and in the home of whom it is shared with."""
    if view.mount is not None:
        return element(cs("shared"))
    if view.effective.through is not Through.OWNERSHIP:
        return ""
    entries = place.sharing().entries.get(as_object(view.collection), ())
    return element(cs("shared-owner")) if any(map(named_reader, entries)) else ""


def modes(place: Place, view: View) -> str | None:
    """CS:allowed-sharing-modes."""
    owns = view.effective.may(Right.ADMINISTER) and view.collection.kind is Kind.CALENDAR
    return element(cs("can-be-shared")) if owns and may_share(place.owner_of(view)) else None


def invite(place: Place, view: View) -> str | None:
    """CS:invite; whoever it is shared with is not told of the others."""
    owner = place.owner_of(view)
    mine = owner.id == place.user.id or view.effective.may(Right.ADMINISTER)
    found = place.world.people.sharees(owner.id).get(as_object(view.collection), [])
    if view.mount is not None or not mine:
        found = [one for one in found if one.identifier == Identifier(Who.USER, place.user.id)]
        return organizer(owner) + "".join(map(_user, found))
    return "".join(map(_user, found)) or None


def organizer(owner: Account) -> str:
    inside = href(f"mailto:{owner.address}") + element(cs("common-name"), text(owner.name or str(owner.address)))
    return element(cs("organizer"), inside)


def _user(one: Sharee) -> str:
    status = STATUS[one.answer] if one.identifier.who is Who.USER else STATUS[Answer.ACCEPTED]  # a group is not asked
    inside = [href(f"mailto:{one.address}"), element(cs("common-name"), text(one.name or one.address)),
              element(cs(status)), access(one.rights)]  # fmt: skip
    return element(cs("user"), "".join(inside))


def access(rights: Right) -> str:
    writes = Right.WRITE in rights or Right.INSERT in rights
    return element(cs("access"), element(cs("read-write" if writes else "read")))
