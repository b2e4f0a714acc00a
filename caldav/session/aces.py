"""The property DAV:acl (RFC 3744 §5.5): the access list of a collection in DAV's words."""

from caldav.session.places import Place, home_of
from caldav.session.privileges import ABSTRACT, names_of
from caldav.session.world import View
from caldav.wire.names import href
from optimails.groupware.api import as_object
from optimails.model.rights import EVERYTHING, Entry, Right, Who


def shown(place: Place, view: View) -> str:
    """RFC 3744 §5.5: the owner's own entry, which nobody can take away, then all others."""
    owner = place.owner_of(view)
    entries = place.world.people.sharing(owner.id).entries.get(as_object(view.collection), ())
    addresses = place.world.people.shown([one.identifier for one in entries])
    own = "" if owner.domain_folders else owner_ace(home_of(place.root, owner))
    return own + "".join(_ace(place, one, addresses[one.identifier]) for one in entries)


def owner_ace(home: str) -> str:
    return _element(href(home), EVERYTHING, protected=True)


def _ace(place: Place, entry: Entry, address: str) -> str:
    anyone = entry.identifier.who is Who.ANYONE
    who = "<D:authenticated/>" if anyone else href(f"{place.root}/{place.segment(address.removeprefix('group:'))}/")
    return _element(who, entry.rights, deny=entry.negative, protected=not is_shown(entry))


def _element(who: str, rights: Right, *, deny: bool = False, protected: bool = False) -> str:
    verb = "deny" if deny else "grant"
    given = "".join(f"<D:privilege><{one}/></D:privilege>" for one in names_of(rights) if one not in ABSTRACT)
    inside = f"<D:principal>{who}</D:principal><D:{verb}>{given}</D:{verb}>"
    return f"<D:ace>{inside}{'<D:protected/>' if protected else ''}</D:ace>"


def is_shown(entry: Entry) -> bool:
    """Whether a request can say it: nothing taken away, no domain by its name, and not what has no privilege."""
    return not entry.negative and entry.identifier.who is not Who.DOMAIN and bool(names_of(entry.rights))
