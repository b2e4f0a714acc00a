"""POST: what its address says, or the root of its body."""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from caldav.session import attachments, invitations
from caldav.session.errors import Precondition
from caldav.session.exchange import Answer
from caldav.session.places import Place
from caldav.wire.names import cs
from caldav.wire.reading import read_xml

_ACTS: dict[str, Callable[[Place, Element], Answer]] = {
    cs("share"): invitations.share,
    cs("invite-reply"): invitations.reply,
}


def post(place: Place) -> Answer:
    if "action" in place.exchange.query:
        return attachments.post(place)
    root = read_xml(place.exchange.body)
    act = _ACTS.get(root.tag) if root is not None else None
    if root is None or act is None:
        raise Precondition(403, "CS:valid-request")
    return act(place, root)
