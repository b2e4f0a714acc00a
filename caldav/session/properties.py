"""Live properties, each as the XML inside of its element; None: the resource does not have it."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from time import gmtime, strftime

from caldav.session import scheduling, sharees
from caldav.session.aces import owner_ace, shown
from caldav.session.places import NOTIFICATIONS, OUTBOX, Place, home_of, named_by
from caldav.session.privileges import privileges, supported
from caldav.session.world import View
from caldav.wire.names import ICAL, c, cr, cs, d, element, href, text
from optimails.groupware.api import Kind
from optimails.groupware.attachments import MAX_ATTACHMENTS
from optimails.model.rights import EVERYTHING, Right

Values = Mapping[str, Callable[[], str | None]]
COLOR, ORDER = f"{{{ICAL}}}calendar-color", f"{{{ICAL}}}calendar-order"
_REPORTS = {
    "principal": ("D:expand-property", "D:principal-property-search", "D:principal-search-property-set"),
    Kind.CALENDAR: ("D:sync-collection", "D:expand-property", "C:calendar-query", "C:calendar-multiget",
                    "C:free-busy-query"),
    Kind.BOOK: ("D:sync-collection", "D:expand-property", "CR:addressbook-query", "CR:addressbook-multiget"),
    Kind.INBOX: ("D:sync-collection", "C:calendar-query", "C:calendar-multiget"),
}  # fmt: skip
_COLLATIONS = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")


def sync_token(view: View, change: int | None = None) -> str:
    """It is another one for who does not see what is private: with his rights, all that he sees may change."""
    hides = ":p" if view.effective.hide_private else ""
    number = view.collection.change if change is None else change
    return f"urn:optimails:sync:{view.collection.object_id}:{number}{hides}"


def common(place: Place) -> dict[str, Callable[[], str | None]]:
    """What every resource has."""
    user = home_of(place.root, place.user)
    return {
        d("current-user-principal"): lambda: href(user),
        d("principal-collection-set"): lambda: href(place.root + "/"),
        d("supported-privilege-set"): supported,
        d("acl-restrictions"): lambda: "<D:grant-only/><D:no-invert/>",
        d("inherited-acl-set"): lambda: "",
        d("supportedlock"): lambda: "",
    }


def of_root(place: Place) -> Values:
    return {
        **common(place),
        d("resourcetype"): lambda: "<D:collection/>",
        d("displayname"): lambda: "Optimails",
        d("current-user-privilege-set"): lambda: privileges(Right.READ | Right.LOOKUP),
        d("supported-report-set"): lambda: _report_set("principal"),
    }


def of_home(place: Place) -> Values:
    """A home is the principal of its owner, too."""
    owner, home = place.owner, place.home()
    address = str(owner.address)
    mine: dict[str, Callable[[], str | None]] = {}
    if place.own:
        bounds = place.groupware.bounds
        mine = {
            d("quota-used-bytes"): lambda: str(place.groupware.usage()),
            d("quota-available-bytes"): lambda: str(max(bounds.storage - place.groupware.usage(), 0)),
            cs("notification-URL"): lambda: href(place.base(NOTIFICATIONS)) if place.notifications() else None,
            cs("calendar-proxy-read-for"): lambda: _owners(place, writes=False),
            cs("calendar-proxy-write-for"): lambda: _owners(place, writes=True),
        }
    return {
        **common(place),
        **mine,
        d("resourcetype"): lambda: "<D:collection/><D:principal/>",
        d("displayname"): lambda: text(owner.name or address),
        d("owner"): lambda: href(home),
        d("principal-URL"): lambda: href(home),
        d("alternate-URI-set"): lambda: href(f"mailto:{address}"),
        d("group-member-set"): lambda: "",
        d("group-membership"): lambda: "",
        d("current-user-privilege-set"): lambda: privileges(EVERYTHING if place.own else Right.READ | Right.LOOKUP),
        d("acl"): lambda: owner_ace(home),
        d("supported-report-set"): lambda: _report_set("principal"),
        c("calendar-home-set"): lambda: href(home),
        cr("addressbook-home-set"): lambda: href(home),
        c("calendar-user-address-set"): lambda: href(f"mailto:{address}") + href(home),
        **scheduling.of_principal(place),
        c("calendar-user-type"): lambda: owner.resource.kind.calendar_user_type if owner.resource else "INDIVIDUAL",
        c("schedule-outbox-URL"): lambda: href(place.base(OUTBOX)) if place.outbox() else None,
        cs("email-address-set"): lambda: element(cs("email-address"), text(address)),
    }


def _owners(place: Place, *, writes: bool) -> str:
    """The homes of others where the user finds something (caldav-proxy, as Apple and DAVx5 know it)."""
    return "".join(
        href(home_of(place.root, one)) for one, may in place.world.people.owners(place.user) if may is writes
    )


def _privileges(view: View) -> str:
    """Who may only read is not told that he may call it something else for himself: Thunderbird takes the privilege to
    write any property for that to write items."""
    return privileges(view.effective.rights, properties=view.mount is not None and view.effective.may(Right.WRITE))


def of_collection(place: Place, view: View) -> Values:
    collection = view.collection
    values: dict[str, Callable[[], str | None]] = {
        **common(place),
        d("displayname"): lambda: text(_shown(place, view)) or None,
        d("owner"): lambda: owner_of(place, view),
        d("current-user-privilege-set"): lambda: _privileges(view),
        d("acl"): lambda: shown(place, view) if view.effective.may(Right.ADMINISTER) else None,
        d("supported-report-set"): lambda: _report_set(collection.kind),
        d("sync-token"): lambda: sync_token(view),
        cs("getctag"): lambda: f'"{sync_token(view).rpartition("sync:")[2].replace(":", "-")}"',
        d("quota-used-bytes"): lambda: str(collection.size),
        d("resource-id"): lambda: href(f"urn:uuid:{_uuid(collection.object_id)}"),
        cs("invite"): lambda: sharees.invite(place, view),
        cs("shared-url"): lambda: _original(place, view),
        COLOR: lambda: text(collection.color) or None,
        ORDER: lambda: None if collection.position is None else str(collection.position),
    }
    values.update(_OF_KIND[collection.kind](place, view))
    return values


def _shown(place: Place, view: View) -> str:
    """The name, with the owner's where it is not one's own: everybody has a "Calendar"."""
    name = view.collection.display_name  # of what stands in one's own home, as one has it there
    if place.own or view.effective.may(Right.ADMINISTER):  # who may rename it reads the name itself
        return name
    return named_by(view.collection, place.owner)


def _original(place: Place, view: View) -> str | None:
    """Where the owner has what stands in the home of another."""
    if view.mount is None or view.mount.owner.domain_folders:
        return None
    return href(f"{home_of(place.root, view.mount.owner)}{place.segment(view.collection.name)}/")


def owner_of(place: Place, view: View) -> str | None:
    """D:owner; a domain's collections have none."""
    owner = place.owner_of(view)
    return None if owner.domain_folders else href(home_of(place.root, owner))


def _of_calendar(place: Place, view: View) -> dict[str, Callable[[], str | None]]:
    collection, bounds = view.collection, view.account.bounds
    return {
        d("resourcetype"): lambda: "<D:collection/><C:calendar/>" + sharees.resource_type(place, view),
        cs("allowed-sharing-modes"): lambda: sharees.modes(place, view),
        d("getcontenttype"): lambda: "text/calendar; charset=utf-8",
        c("calendar-description"): lambda: text(collection.description) or None,
        c("calendar-timezone"): lambda: text(collection.time_zone) or None,
        c("supported-calendar-component-set"): lambda: "".join(f'<C:comp name="{n}"/>' for n in collection.components),
        c("supported-calendar-data"): lambda: '<C:calendar-data content-type="text/calendar" version="2.0"/>',
        c("supported-collation-set"): lambda: "".join(element(c("supported-collation"), n) for n in _COLLATIONS),
        c("max-resource-size"): lambda: str(bounds.item_size),
        c("max-attachment-size"): lambda: str(bounds.attachment),
        c("max-attachments-per-resource"): lambda: str(MAX_ATTACHMENTS),
        c("min-date-time"): lambda: "00010101T000000Z",
        c("max-date-time"): lambda: "99991231T235959Z",
        c("schedule-calendar-transp"): lambda: "<C:transparent/>" if collection.transparent else "<C:opaque/>",
        **scheduling.of_calendar(),
    }


def _of_book(place: Place, view: View) -> dict[str, Callable[[], str | None]]:
    versions = ("3.0", "4.0")
    return {
        d("resourcetype"): lambda: "<D:collection/><CR:addressbook/>" + sharees.resource_type(place, view),
        d("getcontenttype"): lambda: "text/vcard; charset=utf-8",
        cr("addressbook-description"): lambda: text(view.collection.description) or None,
        cr("supported-address-data"): lambda: "".join(
            f'<CR:address-data-type content-type="text/vcard" version="{version}"/>' for version in versions
        ),
        cr("supported-collation-set"): lambda: "".join(element(cr("supported-collation"), n) for n in _COLLATIONS),
        cr("max-resource-size"): lambda: str(view.account.bounds.item_size),
    }


def _of_inbox(place: Place, view: View) -> dict[str, Callable[[], str | None]]:
    del view
    return scheduling.of_inbox(place)


_OF_KIND = {Kind.CALENDAR: _of_calendar, Kind.BOOK: _of_book, Kind.INBOX: _of_inbox}


def _uuid(text_: str) -> str:
    return "-".join((text_[:8], text_[8:12], text_[12:16], text_[16:20], text_[20:]))


def _report_set(kind: "str | Kind") -> str:
    return "".join(
        f"<D:supported-report><D:report><{name}/></D:report></D:supported-report>" for name in _REPORTS[kind]
    )


# -- items -------------------------------------------------------------------------------------------------------------


def http_date(moment: int) -> str:
    return formatdate(moment, usegmt=True)


def iso_date(moment: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(moment))


def content_type(kind: Kind, component: str = "") -> str:
    if kind is Kind.BOOK:
        return "text/vcard; charset=utf-8"
    return "text/calendar; charset=utf-8" + (f"; component={component.lower()}" if component else "")
