"""Sharing as Apple's Calendar knows it (calendarserver caldav-sharing): whom one shares with, and what they answer.

It is one more way to the access lists of the whole service: CS:share writes entries, CS:invite shows those that name
somebody, and CS:invite-reply is the answer that ``optimails share accept`` gives.
"""

from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place, home_of
from caldav.session.rendering import missing, multistatus
from caldav.session.sharees import identified, may_share
from caldav.session.world import View, mount_name
from caldav.wire.names import DECLARATIONS, cs, d, href
from optimails.acl.bundles import rights_of
from optimails.groupware.api import as_object
from optimails.model.account import Account
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import NOTHING, Bundle, Entry, Identifier, Right, Who, letters
from optimails.model.rights import Answer as Reply

MAX_CHANGES = 200  # sharees of one request


# -- the owner ---------------------------------------------------------------------------------------------------------


def share(place: Place, root: Element) -> Answer:
    """CS:share: each CS:set and CS:remove by itself; 207 names those that could not be (unknown people, plans)."""
    view = place.view(Right.ADMINISTER)
    owner = place.owner_of(view)
    if not may_share(owner):
        raise Refused(Reason.NO_PERMISSION, "The owner's plan does not allow sharing")
    changes = [one for one in root if one.tag in (cs("set"), cs("remove"))]
    if not changes or len(changes) > MAX_CHANGES:
        raise BadSyntax("Somebody is to be added or removed")
    wrong = [one for one in (_changed(place, view, owner, change) for change in changes) if one]
    if wrong:
        return Answer.xml(207, multistatus(missing(one, "403 Forbidden") for one in wrong))
    return Answer(200, {"Cache-Control": "no-cache"}, b"")


def _changed(place: Place, view: View, owner: Account, change: Element) -> str:
    """Empty, or the address for which it was not possible."""
    given = (change.findtext(d("href")) or "").strip()
    who = identified(place, owner, given)
    if who is None or who == Identifier(Who.USER, owner.id):
        return given
    people, on = place.world.people, as_object(view.collection)
    lines = people.sharing(owner.id).entries.get(on, ())
    before = next((one.rights for one in lines if one.identifier == who and not one.negative), NOTHING)
    now = NOTHING
    if change.tag == cs("set"):
        bundle = Bundle.EDITOR if change.find(cs("read-write")) is not None else Bundle.READER
        now = rights_of(bundle) | (before & Right.HIDE_PRIVATE)
    if owner.id != place.user.id:
        details = {"collection": view.collection.name, "identifier": given, "rights": letters(now)}
        place.world.visits.record(place.user, owner, "dav share", details)
    people.put_entries(owner.id, on, [Entry(who, now)])
    if now and who.who is Who.USER and not people.effective(AccountId(who.name), owner.id, [on])[on].may(Right.READ):
        people.put_entries(owner.id, on, [Entry(who, before)])  # the plans do not allow it
        return given
    if now and any(
        one.identifier == who and one.answer is Reply.REFUSED for one in people.sharees(owner.id).get(on, [])
    ):
        people.answer(AccountId(who.name), owner.id, on, None)  # who declined is asked once more
    return ""


# -- whom it is shared with --------------------------------------------------------------------------------------------


def reply(place: Place, root: Element) -> Answer:
    """CS:invite-reply, to one's own home."""
    if not place.own:
        raise Refused(Reason.NO_PERMISSION)
    said = Reply.ACCEPTED if root.find(cs("invite-accepted")) is not None else Reply.REFUSED
    if said is Reply.REFUSED and root.find(cs("invite-declined")) is None:
        raise BadSyntax("The invitation is to be accepted or declined")
    identity = (root.findtext(cs("in-reply-to")) or "").strip()
    hosted = unquote(urlsplit((root.findtext(f"{cs('hosturl')}/{d('href')}") or "").strip()).path).rstrip("/")
    people = place.world.people
    for owner, offers in [*people.invited(place.user), *people.shared_with(place.user)]:
        account = place.enter(owner)
        offered = {one.object: one for one in offers if one.object is not None}
        for one in account.collections():
            on = as_object(one)
            where = f"{unquote(home_of(place.root, owner))}{one.name}"
            if on in offered and (one.object_id == identity or where == hosted):
                people.answer(place.user.id, owner.id, on, said)
                if said is Reply.REFUSED:
                    return Answer(204)
                shown = href(place.base(mount_name(one.object_id)))
                body = f'<?xml version="1.0" encoding="utf-8"?>\n<CS:shared-as{DECLARATIONS}>{shown}</CS:shared-as>'
                return Answer.xml(200, body)
    raise Precondition(403, "CS:valid-request")
