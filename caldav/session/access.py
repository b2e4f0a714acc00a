"""The ACL method (RFC 3744 §8): one more way to the access lists of the whole service.

Our rights are finer than DAV's privileges, and some of ours mean nothing here. So an entry whose privileges a request
does not change stays as it is, to the letter; and what a request cannot say (entries that take away, whole domains) is
protected and survives.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from caldav.session.aces import is_shown
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place
from caldav.session.privileges import ABSTRACT, GIVES, names_of, needs
from caldav.session.sharees import identified, may_share
from caldav.wire.names import PREFIXES, d
from caldav.wire.reading import read_xml
from optimails.groupware.api import as_object
from optimails.model.account import Account
from optimails.model.errors import BadSyntax
from optimails.model.rights import NOTHING, Entry, Identifier, Right, Who, letters

MAX_ACES = 500


def acl(place: Place) -> Answer:
    """All or nothing (RFC 3744 §8.1). Raises ``Refused``, ``Precondition``."""
    root = read_xml(place.exchange.body)
    if root is None or root.tag != d("acl"):
        raise BadSyntax("acl is wanted")
    if not place.address.collection or place.address.item:
        raise Precondition(403, "D:need-privileges", needs(place.exchange.root + place.exchange.path, Right.ADMINISTER))
    view = place.view(Right.ADMINISTER)
    owner, on = place.owner_of(view), as_object(view.collection)
    aces = [one for one in root.findall(d("ace")) if one.find(d("protected")) is None]
    if len(aces) > MAX_ACES:
        raise Precondition(403, "D:limited-number-of-aces")
    wanted: dict[Identifier, Right] = {}
    for ace in aces:
        if ace.find(d("inherited")) is None:
            for who, rights in _read(place, owner, ace):
                wanted[who] = wanted.get(who, NOTHING) | rights
    if wanted and not may_share(owner):
        raise Precondition(403, "D:allowed-principal")
    present = place.world.people.sharing(owner.id).entries.get(on, ())
    changes = list(_changes(present, wanted))
    if owner.id != place.user.id:
        for one in changes:
            details = {"collection": view.collection.name, "identifier": str(one.identifier)}
            place.world.visits.record(place.user, owner, "dav acl", details | {"rights": letters(one.rights)})
    place.world.people.put_entries(owner.id, on, changes)
    return Answer(200, {"Cache-Control": "no-cache"}, b"")


def _changes(present: tuple[Entry, ...], wanted: dict[Identifier, Right]) -> Iterator[Entry]:
    """Entries to put; those without rights go. What stays the same in DAV's words stays as it is."""
    have = {one.identifier: one.rights for one in present if is_shown(one)}
    for who in have.keys() - wanted.keys():
        yield Entry(who, NOTHING)
    for who, rights in wanted.items():
        before = have.get(who, NOTHING)
        if who not in have or names_of(before) != names_of(rights):
            yield Entry(who, rights | (before & Right.HIDE_PRIVATE))


def _read(place: Place, owner: Account, ace: Element) -> Iterator[tuple[Identifier, Right]]:
    """Whom the ACE is for, and what it gives; nothing for the owner, who has everything."""
    if ace.find(d("invert")) is not None:
        raise Precondition(403, "D:no-invert")
    if ace.find(d("deny")) is not None:
        raise Precondition(403, "D:grant-only")
    grant, principal = ace.find(d("grant")), ace.find(d("principal"))
    if grant is None or principal is None or len(principal) != 1:
        raise BadSyntax("An ACE has a principal and grants")
    rights = NOTHING
    for privilege in grant.findall(d("privilege")):
        for one in privilege:
            rights |= _right(one.tag)
    who = _principal(place, owner, principal[0])
    if who is not None and rights:
        yield who, rights


def _right(tag: str) -> Right:
    namespace, _, local = tag[1:].rpartition("}")
    name = f"{PREFIXES.get(namespace, '')}:{local}"
    if name in ABSTRACT:
        raise Precondition(403, "D:no-abstract")
    if name not in GIVES:
        raise Precondition(403, "D:not-supported-privilege")
    return GIVES[name]


def _principal(place: Place, owner: Account, found: Element) -> Identifier | None:
    """None for the owner. Raises ``Precondition``."""
    if found.tag == d("authenticated"):
        return Identifier(Who.ANYONE, owner.address.domain)
    if found.tag == d("property") and found.find(d("owner")) is not None:
        return None
    if found.tag != d("href"):  # everybody in the world, and words for a resource that is a principal
        raise Precondition(403, "D:allowed-principal")
    who = identified(place, owner, (found.text or "").strip())
    if who is None:
        raise Precondition(403, "D:recognized-principal")
    return None if who == Identifier(Who.USER, owner.id) else who
