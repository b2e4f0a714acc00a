"""A DAV door in memory: requests go through Radicale's application to our handlers, without sockets."""

from asyncio import run
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from caldav.application import ACCOUNT, BODY, DavApplication
from caldav.session.visits import Visits
from caldav.session.world import World
from caldav.sharing import invited, owners, shared_with, sharees
from optimails.acl.decision import Effective
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.resources import Resources
from optimails.groupware.scheduling.scheduler import Scheduler
from optimails.groupware.scheduling.users import ELSEWHERE, NOBODY, User
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Account, AccountState, Entitlements, Limits
from optimails.model.address import EmailAddress
from optimails.model.errors import Refused
from optimails.model.ids import AccountId
from optimails.model.rights import Right, SendRight, Sharing
from tests.support.memory_rights import MemoryRights

DAV, CAL, CARD = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{urn:ietf:params:xml:ns:carddav}"
NAMESPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="urn:ietf:params:xml:ns:carddav"'
    ' xmlns:S="http://calendarserver.org/ns/" xmlns:I="http://apple.com/ns/ical/"'
)
BUSY = Right.READ | Right.FREE_BUSY


def person(name, features=(), family="optimails", domain="example.org", **more):
    return Account(
        AccountId(f"id-{name}"),
        EmailAddress.parse(f"{name}@{domain}"),
        "basic",
        AccountState.ACTIVE,
        Limits(None, None, 0),
        name=name.capitalize(),
        entitlements=Entitlements(frozenset(features), family),
        **more,
    )


class Neighbours:
    """People with the rights of the service, in memory."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.rights = MemoryRights(accounts)
        self.forgotten = []

    async def account(self, identity):
        return next((one for one in self.accounts.values() if one.id == identity), None)

    def by_address(self, address):
        return self.accounts.get(address)

    def effective(self, viewer, owner, objects):
        return run(self.rights.effective_on(viewer, owner, objects))

    def owners(self, viewer):
        return run(owners(self, viewer))

    def shared_with(self, viewer):
        return run(shared_with(self, viewer))

    def invited(self, viewer):
        return run(invited(self, viewer))

    def sharees(self, owner):
        return run(sharees(self, owner))

    def identify(self, address, owner):
        try:
            return run(self.rights.identify(address, owner))
        except Refused:
            return None

    def shown(self, names):
        return run(self.rights.shown(names))

    def set_delegations(self, given, gone):
        run(self.rights.set_delegations(given, gone))

    def put_entries(self, owner, on, entries):
        run(self.rights.put_entries(owner, on, entries))

    def sharing(self, owner):
        return run(self.rights.sharing(owner))

    def answer(self, viewer, owner, on, answer):
        run(self.rights.answer(viewer, owner, on, answer))

    def users(self, addresses):
        return _users(self.accounts, addresses)

    def addresses(self, account):
        return [account.address]

    def may_book(self, sender, resource):
        return True

    def resources(self, domain):
        return [one for one in self.accounts.values() if one.resource is not None and one.address.domain == domain]

    def send_right(self, viewer, owner):
        return run(self.rights.send_right(viewer, owner))

    def forget(self, owner, on):
        run(self.rights.forget_object(owner, on))


class Nobody:
    """People who share nothing, unless ``granted`` says so."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.granted = {}
        self.busy_shown = False  # colleagues see when others are busy
        self.forgotten = []

    def by_address(self, address):
        return self.accounts.get(address)

    def owners(self, viewer):
        of = {owner: one for (who, owner), one in self.granted.items() if who == viewer.id}
        return [(one, of[one.id].may(Right.WRITE)) for one in self.accounts.values() if one.id in of]

    def shared_with(self, viewer):
        return []

    def sharing(self, owner):
        return Sharing()

    def sharees(self, owner):
        return {}

    def shown(self, names):
        return {}

    def users(self, addresses):
        return _users(self.accounts, addresses)

    def addresses(self, account):
        return [account.address]

    def may_book(self, sender, resource):
        return True

    def resources(self, domain):
        return [one for one in self.accounts.values() if one.resource is not None and one.address.domain == domain]

    def send_right(self, viewer, owner):
        return SendRight.NO

    def forget(self, owner, on):
        self.forgotten.append((owner, on))

    def busy_seen(self, viewer, owner, calendars):
        may = viewer == owner or self.busy_shown or self.granted.get((viewer, owner), Effective()).rights & BUSY
        return frozenset(calendars) if may else frozenset()

    def effective(self, viewer, owner, objects):
        return {one: self.granted.get((viewer, owner), Effective()) for one in objects}


def _users(accounts, addresses):
    domains = {one.address.domain for one in accounts.values()}
    return {
        one: User(accounts[one]) if one in accounts else NOBODY if one.rpartition("@")[2] in domains else ELSEWHERE
        for one in addresses
    }


class Lines(list):
    def record(self, *line):
        self.append(line)


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes
    items: dict = field(default_factory=dict)  # path → {property: element}, those with status 200
    statuses: dict = field(default_factory=dict)  # path → status of a response without properties
    missing: dict = field(default_factory=dict)  # path → names of the properties that are not there
    token: str = ""

    @property
    def text(self):
        return self.body.decode()

    @property
    def precondition(self):
        return [one.tag for one in ET.fromstring(self.body)] if self.body else []

    def value(self, path, name):
        return self.items[path][name].text


class Door:
    def __init__(self, bounds=None, accounts=None, data=None, **options):
        """With ``accounts``, people share as in the service; without, two who share nothing."""
        people = Nobody if accounts is None else Neighbours
        self.accounts = {str(one.address): one for one in accounts or map(person, ("claire", "james"))}
        self.people = people(self.accounts)
        self.audit = Lines()
        self.groupware = LocalGroupware(data, bounds) if bounds else LocalGroupware(data)
        self.scheduler = Scheduler(self.groupware, self.people, Pending(None), automatic=Resources(self.people))
        world = World(self.groupware, self.people, Visits(self.audit), self.scheduler, **options)
        self.application = DavApplication(world, 10**6)

    def __call__(self, method, path, body="", user="claire", **headers):
        told = []
        path, action, asked = path.partition("?action=")  # other question marks belong to names
        query = action[1:] + asked
        environ = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "/dav", "PATH_INFO": path,
            "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.errors": None, ACCOUNT: self.accounts[f"{user}@example.org"],
            BODY: body if isinstance(body, bytes) else body.encode(), "HTTP_HOST": "localhost",
            **{f"HTTP_{name.upper()}": value for name, value in headers.items() if name != "type"},
            "CONTENT_TYPE": headers.get("type", ""),
        }  # fmt: skip
        parts = self.application(environ, lambda status, headers: told.extend((status, headers)))
        reply = Reply(int(told[0].split()[0]), dict(told[1]), b"".join(parts))
        if reply.status == 207:
            read_multistatus(reply)
        return reply

    def report(self, path, name, inside, user="claire", **headers):
        return self("REPORT", path, f"<{name} {NAMESPACES}>{inside}</{name}>", user, **headers)

    def propfind(self, path, *names, depth="0", user="claire"):
        inside = f"<D:prop>{''.join(f'<{name}/>' for name in names)}</D:prop>" if names else "<D:allprop/>"
        return self("PROPFIND", path, f"<D:propfind {NAMESPACES}>{inside}</D:propfind>", user, depth=depth)


def read_multistatus(reply):
    root = ET.fromstring(reply.body)
    reply.token = root.findtext(f"{DAV}sync-token") or ""
    for response in root.findall(f"{DAV}response"):
        path = response.findtext(f"{DAV}href")
        status = response.findtext(f"{DAV}status")
        if status:
            reply.statuses[path] = int(status.split()[1])
            continue
        for stat in response.findall(f"{DAV}propstat"):
            code = int(stat.findtext(f"{DAV}status").split()[1])
            props = {one.tag: one for one in stat.find(f"{DAV}prop")}
            if code == 200:
                reply.items.setdefault(path, {}).update(props)
            else:
                reply.missing.setdefault(path, {}).update(dict.fromkeys(props, code))
