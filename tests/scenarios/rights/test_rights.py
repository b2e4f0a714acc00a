"""One table: what is given, on which plan, and what then works in every door.

Each row has a viewer of its own. Mail over IMAP, the calendar over CalDAV, contacts over CardDAV and what the command
line says are asked one after the other, and must agree with the row. The letters of a row:

S sees that it is there · R reads · C creates · M modifies · D deletes · A says who has which rights ·
B knows when its owner is busy · P sees what is marked private
"""

import imaplib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from optimails.acl.bundles import named_rights
from optimails.cli.mail import account_of
from optimails.cli.main import run
from optimails.groupware.api import as_object
from optimails.groupware.service import LocalGroupware
from optimails.model.rights import STANDARD, Bundle, Entry, Identifier, Scope, SendRight, Who, letters
from tests.support.calendars import card, event
from tests.support.dav import NAMESPACES
from tests.support.dav_site import Site
from tests.support.free_ports import free_ports
from tests.support.imap_control import Control
from tests.support.peer import MailUser
from tests.support.service import Service

LISTENER = '[[listener]]\nprotocol = "http"\naddress = "127.0.0.1:{}"\ntls = "implicit"\n'
MAIL = "From: x@example.org\r\nSubject: {}\r\n\r\nText\r\n"
BUSY = ("20261103T000000Z", "20261104T000000Z")
RICH, POOR, OTHER = "premium", "basic", "shex"
"""Plans as they are delivered: with everything, without sharing and free-busy, of another family than the owner's."""


@dataclass(frozen=True)
class Row:
    given: str  # letters or a bundle; "as NAME": a delegation
    plan: str  # of the viewer
    mail: str
    calendar: str
    contacts: str
    private: bool = False  # a delegation that shows what is private
    scope: Scope = Scope.ALL


ROWS = [
    Row("", RICH, "", "B", ""),  # colleagues know when others are busy
    Row("", POOR, "", "", ""),
    Row("l", RICH, "S", "B", ""),
    Row("9", RICH, "", "SB", "S"),
    Row("lr", RICH, "SR", "SRBP", "SR"),
    Row("lr0", RICH, "SR", "SRB", "SR"),
    Row("reader", RICH, "SR", "SRBP", "SR"),
    Row("lri", RICH, "SRC", "SRCBP", "SRC"),
    Row("lrw", RICH, "SRM", "SRMBP", "SRM"),
    Row("lrte", RICH, "SRD", "SRDBP", "SRD"),
    Row("editor", RICH, "SRCMD", "SRCMDBP", "SRCMD"),
    Row("lra", RICH, "SRA", "SRABP", "SRA"),
    Row("full", RICH, "SRCMDA", "SRCMDABP", "SRCMDA"),
    Row("full", POOR, "", "", ""),
    Row("as reader", RICH, "SR", "SRB", "SR"),
    Row("as editor", RICH, "SRCMD", "SRCMDB", "SRCMD"),
    Row("as editor", RICH, "SRCMD", "SRCMDBP", "SRCMD", private=True),
    Row("as assistant", RICH, "SRCMD", "SRCMDB", "SRCMD"),
    Row("as full", RICH, "SRCMDA", "SRCMDAB", "SRCMDA"),
    Row("as editor", POOR, "SRCMD", "SRCMDB", "SRCMD"),
    Row("", OTHER, "", "B", ""),
    Row("full", OTHER, "", "B", ""),
    Row("as full", OTHER, "", "B", ""),
    Row("as editor", RICH, "", "SRCMDB", "", scope=Scope.CALENDARS),
]


class House:
    """The service, an owner with something of everything, and one viewer a row."""

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.owner, self.third, *self.viewers = service.peer.users
        self.site = Site(service, port, self.owner.login)

    def furnish(self) -> None:
        """What viewers change and delete is theirs alone to change and delete."""
        with Control(self.service.peer, self.owner) as control:
            for viewer in self.viewers:
                control.append("INBOX", *(MAIL.format(f"{what} {viewer.login}").encode() for what in ("M", "D")))
        items = {"calendar": lambda uid, *more: event(uid, "20261103T090000Z", *more), "contacts": card}
        for number, _ in enumerate(self.viewers):
            for name, text in items.items():
                for what in ("M", "D"):
                    self.put(name, f"{what}{number}", text(f"{what}{number}", "SUMMARY:x"))
        self.put("calendar", "private", event("private", "20261110T090000Z", "CLASS:PRIVATE"))

    def put(self, name: str, item: str, text: str) -> None:
        assert self.site("PUT", self.path(name, item), text.encode()).status == 201

    def path(self, name: str, item: str = "") -> str:
        return f"/dav/{self.owner.login}/{name}/{item}"

    def give(self) -> None:
        groupware = LocalGroupware(self.service.data)
        with self.service.admin() as admin, Control(self.service.peer, self.owner) as control:
            owner = account_of(admin.account_get(self.owner.login))
            with groupware.open(owner) as account:
                objects = [as_object(one) for one in account.collections() if one.name in ("calendar", "contacts")]
            for row, viewer in zip(ROWS, self.viewers, strict=True):
                kind, _, bundle = row.given.rpartition(" ")
                if kind:
                    admin.delegate_add(self.owner.login, viewer.login, Bundle(bundle), send=SendRight.NO,
                                       hide_private=not row.private, scope=row.scope)  # fmt: skip
                elif row.given:
                    who = Identifier(Who.USER, admin.account_get(viewer.login).id)
                    for on in objects:
                        admin.acl_put(owner, on, Entry(who, named_rights(row.given)))
                    standard = letters(named_rights(row.given) & STANDARD)
                    control.ok(control.imap.setacl("INBOX", viewer.login, f'"{standard}"'))
        groupware.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    (port,) = free_ports(1)
    service = Service(tmp_path_factory.mktemp("rights"), users=len(ROWS) + 2, settings=LISTENER.format(port))
    house = House(service, port)
    with service.admin() as admin:
        admin.account_set(house.owner.login, plan=RICH)
        for row, viewer in zip(ROWS, house.viewers, strict=True):
            admin.account_set(viewer.login, plan=row.plan)
    try:
        service.start()
        house.furnish()
        house.give()
        yield house
    finally:
        service.stop()


def _name(row: Row) -> str:
    return "-".join((row.given or "nothing", row.plan, *(["private"] if row.private else []), row.scope.value))


@pytest.fixture(params=range(len(ROWS)), ids=[_name(row) for row in ROWS])
def number(request: pytest.FixtureRequest) -> int:
    return request.param


def test_mail(house: House, number: int) -> None:
    viewer, found = house.viewers[number], set()
    name = f"Other Users/{house.owner.login}/INBOX"
    with Control(house.service.peer, viewer) as control:
        imap = control.imap
        found |= {"S"} if name in control.folders() else set()
        found |= {"C"} if _works(imap.append, f'"{name}"', None, None, b"Subject: C\r\n\r\n") else set()
        found |= {"A"} if _works(imap.setacl, f'"{name}"', house.third.login, "l") else set()
        if _works(imap.select, f'"{name}"'):
            imap.is_readonly = True  # or imaplib refuses to try
            found |= {"R"} if _works(imap.fetch, "1", "(BODY.PEEK[])") else set()
            found |= {what for what in "MD" if _changed(imap, what, viewer)}
    assert _sorted(found) == _sorted(ROWS[number].mail)


def _works(command, *arguments) -> bool:
    try:
        return command(*arguments)[0] == "OK"
    except imaplib.IMAP4.readonly:  # a selected mailbox in which nothing may be changed
        return True
    except imaplib.IMAP4.error:
        return False


def _changed(imap: imaplib.IMAP4, what: str, viewer: MailUser) -> bool:
    """Whether a flag was kept (M), or the message is gone (D)."""
    (found,) = imap.uid("SEARCH", "SUBJECT", f'"{what} {viewer.login}"')[1]
    assert found
    flag = "\\Flagged" if what == "M" else "\\Deleted"
    imap.uid("STORE", found.decode(), "+FLAGS", f"({flag})")
    if what == "D":
        imap.uid("EXPUNGE", found.decode())
    kept = (imap.uid("FETCH", found.decode(), "(FLAGS)")[1] or [None])[0]
    return kept is None if what == "D" else bool(kept and b"\\Flagged" in kept)


def test_calendar(house: House, number: int) -> None:
    found = _collection(house, number, "calendar", event("{}", "20261103T090000Z"))
    busy = f'<C:free-busy-query {NAMESPACES}><C:time-range start="{BUSY[0]}" end="{BUSY[1]}"/></C:free-busy-query>'
    told = house.site("REPORT", house.path(""), busy.encode(), house.viewers[number].login, Depth="1").content
    found |= {"B"} if b"FREEBUSY" in told.replace(b"VFREEBUSY", b"") else set()
    assert _sorted(found) == _sorted(ROWS[number].calendar)


def test_contacts(house: House, number: int) -> None:
    found = _collection(house, number, "contacts", card("{}", "Anne"))
    assert _sorted(found) == _sorted(ROWS[number].contacts)


def _collection(house: House, number: int, name: str, text: str) -> set[str]:
    """What works at the owner's collection."""
    site, user = house.site, house.viewers[number].login
    tries = {
        "S": ("PROPFIND", "", "", {"Depth": "0"}),
        "R": ("GET", f"M{number}", "", {}),
        "C": ("PUT", f"C{number}", text.format(f"C{number}"), {}),
        "M": ("PUT", f"M{number}", text.format(f"M{number}"), {}),
        "D": ("DELETE", f"D{number}", "", {}),
        "P": ("GET", "private", "", {}),
    }
    statuses = {
        letter: site(method, house.path(name, item), body.encode(), user, **headers).status
        for letter, (method, item, body, headers) in tries.items()
    }
    assert set(statuses.values()) <= {200, 201, 204, 207, 403, 404}, statuses
    listed = site("PROPFIND", house.path(""), b"", user, Depth="1").content.decode()
    assert (f"<D:href>{house.path(name)}</D:href>" in listed) == (statuses["S"] == 207)
    # A list that nobody may set, so that the rows stay as they are: the refusal tells who might set another.
    nobody = f"<D:acl {NAMESPACES}><D:ace><D:principal><D:all/></D:principal><D:grant><D:privilege><D:read/>"
    refused = site("ACL", house.path(name), f"{nobody}</D:privilege></D:grant></D:ace></D:acl>".encode(), user)
    shares = refused.status == 403 and b"need-privileges" not in refused.content
    return {letter for letter, status in statuses.items() if status < 400} | ({"A"} if shares else set())


def test_what_the_command_line_says_of_it(house: House, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    row, viewer = ROWS[number], house.viewers[number].login
    means = {"R": "r", "C": "i", "M": "w", "D": "te", "A": "a"}
    doors = {
        "mailbox": ("INBOX", row.mail),
        "calendar": ("calendar", row.calendar),
        "contacts": ("contacts", row.contacts),
    }
    for kind, (name, works) in doors.items():
        words = ["acl", "rights", house.owner.login, name, viewer, "--kind", kind]
        assert run(["--config", str(house.service.config), "--json", *words]) == 0
        said = json.loads(capsys.readouterr().out)["rights"]
        assert {one for one in works if one in means} == {one for one, them in means.items() if set(them) & set(said)}


def _sorted(found) -> str:
    return "".join(one for one in "SRCMDABP" if one in found)
