"""MOVE of a collection, and what it does not do."""

import pytest

from optimails.acl.decision import Effective, Through
from optimails.groupware.scheduling.inbox import choose_default, default_calendar
from optimails.model.rights import parse_rights
from tests.support.calendars import event
from tests.support.dav import CAL, DAV, NAMESPACES, Door

HOME = "/claire@example.org/"
CALENDAR = f"{HOME}calendar/"


@pytest.fixture
def door():
    found = Door()
    assert found("PUT", CALENDAR + "1.ics", event("1")).status == 201
    return found


def move(door, source, target, user="claire", method="MOVE", **headers):
    return door(method, source, "", user, destination=f"/dav{target}", **headers)


def sync(door, path, token=""):
    inside = f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    return door.report(path, "D:sync-collection", inside)


def test_a_collection_has_another_address_and_is_the_same(door):
    token = sync(door, CALENDAR).token
    with door.groupware.open(door.accounts["claire@example.org"]) as account:
        choose_default(account, "calendar")
        reply = move(door, CALENDAR, f"{HOME}work/")
        assert (reply.status, reply.headers["Location"]) == (201, f"/dav{HOME}work/")
        assert default_calendar(account, "VEVENT").name == "work"
    assert door.propfind(CALENDAR, "D:displayname").status == 404
    assert "UID:1" in door("GET", f"{HOME}work/1.ics").text
    door("PUT", f"{HOME}work/2.ics", event("2"))
    assert list(sync(door, f"{HOME}work/", token).items) == [f"/dav{HOME}work/2.ics"]


@pytest.mark.parametrize(
    ("target", "status", "headers"),
    [
        ("tasks/", 403, {}),
        ("tasks/", 412, {"overwrite": "F"}),
        ("calendar/", 403, {}),
        ("notifications/", 403, {}),
        ("calendar-proxy-read/", 403, {}),
        (f"shared-{'0' * 32}/", 403, {}),
        ("a/b.ics", 403, {}),
        ("new/", 400, {"depth": "1"}),
    ],
)
def test_nothing_is_written_over(door, target, status, headers):
    reply = move(door, CALENDAR, HOME + target, **headers)
    assert reply.status == status
    assert door("GET", CALENDAR + "1.ics").status == 200
    assert door.propfind(f"{HOME}tasks/", "D:displayname").status == 207


def test_it_stays_with_its_owner(door):
    door.people.granted["id-james", "id-claire"] = Effective(parse_rights("lrswipkxtea"), Through.SHARE)
    assert move(door, CALENDAR, "/james@example.org/work/").precondition == [f"{CAL}calendar-collection-location-ok"]
    assert move(door, CALENDAR, f"{HOME}work/", "james").status == 403
    assert move(door, CALENDAR, "/james@example.org/work/", "james").status == 403
    assert move(door, CALENDAR, f"{HOME}work/", method="COPY").status == 403
    assert move(door, f"{HOME}nothing/", f"{HOME}work/").status == 404
    assert DAV in str(door.propfind(CALENDAR, "D:displayname").items)


@pytest.mark.parametrize("method", ["MOVE", "COPY", "POST", "ACL", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/", HOME])
def test_root_and_home_stay_where_they_are(door, method, path):
    bodies = {"POST": f"<S:share {NAMESPACES}/>", "ACL": f"<D:acl {NAMESPACES}/>"}
    assert door(method, path, bodies.get(method, ""), destination=f"/dav{HOME}new/").status in (403, 404)
