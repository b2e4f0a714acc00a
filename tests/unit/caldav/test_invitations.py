"""Sharing as Apple's Calendar does it: invite, be told, accept or decline, see who answered, stop sharing."""

from asyncio import run
from xml.etree import ElementTree as ET

import pytest

from optimails.groupware.api import as_object
from optimails.model.account import Feature
from optimails.model.rights import Entry, Identifier, Who, parse_rights
from tests.support.calendars import event
from tests.support.dav import DAV, NAMESPACES, Door, person

SERVER = "{http://calendarserver.org/ns/}"
CALENDAR = "/claire@example.org/calendar/"
HOME = "/james@example.org/"
INBOX = "/james@example.org/notifications/"
EVERY = tuple(Feature)


@pytest.fixture
def door():
    found = Door(accounts=[person("claire", features=EVERY), person("james", features=EVERY), person("anne")])
    found.people.rights.groups["team@example.org"] = {"james@example.org"}
    return found


def share(door, *changes, path=CALENDAR, user="claire"):
    """``changes``: (address, "read" | "read-write" | None to remove)."""
    inside = "".join(
        f"<S:set><D:href>{who}</D:href><S:summary>x</S:summary><S:{how}/></S:set>" if how
        else f"<S:remove><D:href>{who}</D:href></S:remove>"
        for who, how in changes
    )  # fmt: skip
    return door("POST", path, f"<S:share {NAMESPACES}>{inside}</S:share>", user)


def invitations(door, user="james"):
    """Path → its XML."""
    path = f"/{user}@example.org/notifications/"
    listed = door.propfind(path, "S:notificationtype", "D:getetag", depth="1", user=user).items
    found = [one for one in listed if one != f"/dav{path}"]
    return {one: ET.fromstring(door("GET", one.removeprefix("/dav"), user=user).body) for one in found}


def answer(door, said, identity, hosted="", user="james"):
    inside = (
        f"<S:invite-{said}/><S:hosturl><D:href>{hosted}</D:href></S:hosturl><S:in-reply-to>{identity}</S:in-reply-to>"
    )
    return door("POST", f"/{user}@example.org/", f"<S:invite-reply {NAMESPACES}>{inside}</S:invite-reply>", user)


def invited(door):
    """Address → (status, access), as the owner sees it."""
    found = door.propfind(CALENDAR, "S:invite").items.get(f"/dav{CALENDAR}", {}).get(f"{SERVER}invite", [])
    return {
        one.findtext(f"{DAV}href"): tuple(x.tag.removeprefix(SERVER) for x in (one[2], one.find(f"{SERVER}access")[0]))
        for one in found
    }


def resource_type(door, path, user):
    found = door.propfind(path, "D:resourcetype", user=user).items[f"/dav{path}"][f"{DAV}resourcetype"]
    return {one.tag for one in found}


def test_an_invitation_from_the_first_to_the_last(door):
    assert "calendarserver-sharing" in door("OPTIONS", "/").headers["DAV"]
    found = door.propfind(CALENDAR, "S:allowed-sharing-modes", "D:resourcetype").items[f"/dav{CALENDAR}"]
    assert found[f"{SERVER}allowed-sharing-modes"][0].tag == f"{SERVER}can-be-shared"
    assert share(door, ("mailto:james@example.org", "read-write")).status == 200
    assert f"{SERVER}shared-owner" in resource_type(door, CALENDAR, "claire")
    assert invited(door) == {"mailto:james@example.org": ("invite-noresponse", "read-write")}

    url = door.propfind(HOME, "S:notification-URL", user="james").items[f"/dav{HOME}"][f"{SERVER}notification-URL"]
    assert url[0].text == f"/dav{INBOX}"
    ((path, told),) = invitations(door).items()
    note = told.find(f"{SERVER}invite-notification")
    assert note.findtext(f"{SERVER}hosturl/{DAV}href") == f"/dav{CALENDAR}"
    assert note.findtext(f"{SERVER}organizer/{SERVER}common-name") == "Claire"

    reply = answer(door, "accepted", note.findtext(f"{SERVER}uid"))
    mounted = ET.fromstring(reply.body).findtext(f"{DAV}href").removeprefix("/dav")
    assert door("PUT", mounted + "1.ics", event("1"), "james").status == 201
    assert f"{SERVER}shared" in resource_type(door, mounted, "james")
    assert (invitations(door), door("DELETE", path.removeprefix("/dav"), "", "james").status) == ({}, 404)
    shown = door.propfind(mounted, "S:invite", "S:shared-url", user="james").items[f"/dav{mounted}"]
    assert shown[f"{SERVER}invite"].findtext(f"{SERVER}organizer/{DAV}href") == "mailto:claire@example.org"
    assert shown[f"{SERVER}shared-url"][0].text == f"/dav{CALENDAR}"

    ((path, told),) = invitations(door, "claire").items()
    assert told.find(f"{SERVER}invite-reply/{SERVER}invite-accepted") is not None
    assert door("DELETE", path.removeprefix("/dav"), "").status == 204
    assert invitations(door, "claire") == {}
    door("DELETE", mounted, "", "james")  # another answer is told again
    assert invited(door)["mailto:james@example.org"] == ("invite-declined", "read-write")
    assert len(invitations(door, "claire")) == 1

    assert share(door, ("/dav/james@example.org/", None)).status == 200
    assert (invited(door), invitations(door, "claire")) == ({}, {})
    assert f"{SERVER}shared-owner" not in resource_type(door, CALENDAR, "claire")


def test_who_declines_does_not_have_it(door):
    share(door, ("mailto:james@example.org", "read"))
    assert answer(door, "declined", "", f"/dav{CALENDAR}").status == 204
    assert (invitations(door), invited(door)["mailto:james@example.org"][0]) == ({}, "invite-declined")
    listed = door.propfind(HOME, "D:displayname", depth="1", user="james").items
    assert not [path for path in listed if "/shared-" in path]
    assert answer(door, "accepted", "nonsense").status == 403
    share(door, ("mailto:james@example.org", "read"))  # asked once more
    assert (len(invitations(door)), invited(door)["mailto:james@example.org"][0]) == (1, "invite-noresponse")


def test_an_invitation_that_was_read_is_not_told_again_until_it_is_given_anew(door):
    share(door, ("mailto:james@example.org", "read"))
    (path,) = invitations(door)
    assert door("DELETE", path.removeprefix("/dav"), "", "james").status == 204
    assert invitations(door) == {}
    share(door, ("mailto:james@example.org", None))
    assert invitations(door) == {}
    share(door, ("mailto:james@example.org", "read"))
    assert list(invitations(door)) == [path]


def test_whoever_cannot_be_shared_with_is_named(door):
    everybody = [("mailto:nobody@example.org", "read"), ("mailto:anne@example.org", "read"), ("anyone", "read"),
                 ("mailto:claire@example.org", "read"), ("mailto:james@example.org", "read")]  # fmt: skip
    reply = share(door, *everybody)
    assert reply.statuses == dict.fromkeys([who for who, _ in everybody[:4]], 403)
    assert list(invited(door)) == ["mailto:james@example.org"]  # Anne's plan shares nothing
    assert share(door).status == 400
    assert (
        share(door, ("mailto:claire@example.org", "read"), path="/anne@example.org/calendar/", user="anne").status
        == 403
    )


def test_a_group_is_invited_member_by_member(door):
    share(door, ("mailto:team@example.org", "read"))
    assert list(invited(door)) == ["mailto:team@example.org"]
    assert len(invitations(door)) == 1


def test_only_the_owner_and_who_may_administer_shares(door):
    share(door, ("mailto:james@example.org", "read-write"))
    (told,) = invitations(door).values()
    identity = told.findtext(f"{SERVER}invite-notification/{SERVER}uid")
    mounted = ET.fromstring(answer(door, "accepted", identity).body).findtext(f"{DAV}href").removeprefix("/dav")
    assert share(door, ("mailto:anne@example.org", "read"), path=mounted, user="james").status == 403
    assert door("POST", CALENDAR, "<x/>").status == 403
    assert answer(door, "accepted", identity, user="claire").status == 403
    for method in ("PUT", "PROPPATCH", "MKCALENDAR", "REPORT"):
        assert door(method, INBOX + "x", "", "james").status == 403
    assert door.propfind(INBOX, "D:displayname", user="claire").status == 404


def test_what_only_shows_when_one_is_busy_is_no_invitation(door):
    with door.groupware.open(door.accounts["claire@example.org"]) as account:
        on = next(one for one in account.collections() if one.name == "calendar")
    entry = Entry(Identifier(Who.ANYONE, "example.org"), parse_rights("9"))
    run(door.people.rights.put_entry(door.accounts["claire@example.org"].id, as_object(on), entry))
    assert (invitations(door), f"{SERVER}shared-owner" in resource_type(door, CALENDAR, "claire")) == ({}, False)
