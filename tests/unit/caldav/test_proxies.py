"""Who looks after one's calendars, as Apple's Calendar shows and sets it."""

from asyncio import run

import pytest

from optimails.model.account import Feature
from optimails.model.rights import Bundle, Delegation, Kind, Object, Right, SendRight
from tests.support.calendars import event
from tests.support.dav import DAV, NAMESPACES, Door, person

SERVER = "{http://calendarserver.org/ns/}"
HOME = "/claire@example.org/"
READ, WRITE = f"{HOME}calendar-proxy-read/", f"{HOME}calendar-proxy-write/"
DELEGATES = (Feature.DELEGATION,)  # every plan has it


@pytest.fixture
def door():
    people = [person(name, features=DELEGATES) for name in ("claire", "james", "anne")]
    found = Door(accounts=[*people, person("stranger", features=())])
    found("PUT", f"{HOME}calendar/1.ics", event("1"))
    return found


def members(door, group):
    found = door.propfind(group, "S:x", "D:group-member-set", "D:resourcetype").items[f"/dav{group}"]
    assert f"{SERVER}{group.strip('/').rpartition('/')[2]}" in {one.tag for one in found[f"{DAV}resourcetype"]}
    return [one.text for one in found[f"{DAV}group-member-set"]]


def become(door, group, *names, what="D:group-member-set"):
    inside = "".join(f"<D:href>/dav/{name}@example.org/</D:href>" for name in names)
    value = f"<D:set><D:prop><{what}>{inside}</{what}></D:prop></D:set>"
    reply = door("PROPPATCH", group, f"<D:propertyupdate {NAMESPACES}>{value}</D:propertyupdate>")
    (status,) = reply.missing.get(f"/dav{group}", {}).values() or (200,)
    return status


def told(door, user="james"):
    names = ("calendar-proxy-read-for", "calendar-proxy-write-for")
    path = f"/{user}@example.org/"
    found = door.propfind(path, *(f"S:{one}" for one in names), user=user).items[f"/dav{path}"]
    return [[one.text for one in found[f"{SERVER}{name}"]] for name in names]


def may(door, user, kind):
    on = Object(kind, "")
    owner, viewer = (door.accounts[f"{one}@example.org"].id for one in ("claire", user))
    return door.people.effective(viewer, owner, [on])[on].may(Right.READ)


def test_who_is_made_a_proxy_sees_the_calendars_and_nothing_of_the_mail(door):
    assert "calendar-proxy" in door("OPTIONS", "/").headers["DAV"]
    assert (members(door, READ), members(door, WRITE)) == ([], [])
    assert become(door, READ, "james") == 200
    assert members(door, READ) == ["/dav/james@example.org/"]
    assert told(door) == [[f"/dav{HOME}"], []]
    assert {kind for kind in Kind if may(door, "james", kind)} == {Kind.CALENDAR, Kind.TASKS}
    assert door("GET", f"{HOME}calendar/1.ics", user="james").status == 200
    assert door("PUT", f"{HOME}calendar/2.ics", event("2"), "james").status == 403
    assert door.propfind(f"{HOME}contacts/", "D:displayname", user="james").status == 404
    assert [line[2:] for line in door.audit if line[2] == "dav delegate"] == [
        ("dav delegate", "claire@example.org", {"delegate": "james@example.org", "bundle": "reader"})
    ]


def test_members_change_groups_and_go(door):
    assert become(door, READ, "james", "anne") == 200
    assert become(door, WRITE, "james") == 200
    assert (members(door, READ), members(door, WRITE)) == (["/dav/anne@example.org/"], ["/dav/james@example.org/"])
    assert told(door) == [[], [f"/dav{HOME}"]]
    assert door("PUT", f"{HOME}calendar/2.ics", event("2"), "james").status == 201
    assert become(door, WRITE) == 200
    assert (told(door), members(door, READ)) == ([[], []], ["/dav/anne@example.org/"])
    assert door("GET", f"{HOME}calendar/1.ics", user="james").status == 404


@pytest.mark.parametrize("wrong", ["nobody", "stranger", "claire", "domain:example.org"])
def test_members_that_cannot_be_change_nothing(door, wrong):
    become(door, WRITE, "anne")
    assert become(door, WRITE, "james", wrong) == 403
    assert (members(door, WRITE), told(door)) == (["/dav/anne@example.org/"], [[], []])


def test_who_was_given_the_whole_account_is_a_member_and_stays_one(door):
    owner, delegate = (door.accounts[f"{one}@example.org"].id for one in ("claire", "james"))
    run(door.people.rights.delegate(Delegation(owner, delegate, Bundle.ASSISTANT, SendRight.ON_BEHALF)))
    assert members(door, WRITE) == ["/dav/james@example.org/"]
    assert (become(door, WRITE), become(door, READ, "james")) == (403, 403)
    assert become(door, WRITE, "james", "anne") == 200
    assert may(door, "james", Kind.MAILBOX)
    assert not may(door, "anne", Kind.MAILBOX)


def test_the_groups_are_the_owners_business(door):
    become(door, READ, "james")
    for user in ("james", "anne"):
        assert door.propfind(READ, "D:group-member-set", user=user).status == 404
        assert door("PROPPATCH", READ, f"<D:propertyupdate {NAMESPACES}/>", user).status in (400, 404)
    assert become(door, READ, what="D:displayname") == 403
    for method in ("PUT", "DELETE", "MKCALENDAR"):
        assert door(method, READ, "").status == 403
    asked = '<D:property name="group-member-set"><D:property name="displayname"/></D:property>'
    expanded = door.report(READ.replace("calendar-proxy-read/", ""), "D:expand-property", asked)
    assert expanded.status == 207
