"""Collections of others in one's own home: offered, accepted, called as one likes, taken away, ended at once."""

from asyncio import run

import pytest

from optimails.groupware.api import Kind, NewCollection, as_object
from optimails.model.account import Feature
from optimails.model.rights import Answer, Bundle, Delegation, Entry, Identifier, SendRight, Who, parse_rights
from tests.support.calendars import card, event
from tests.support.dav import DAV, NAMESPACES, Door, person

SERVER, APPLE = "{http://calendarserver.org/ns/}", "{http://apple.com/ns/ical/}"
HOME = "/dav/james@example.org/"
THEIRS = "/claire@example.org/calendar/"
EVERY = tuple(Feature)


@pytest.fixture
def door():
    folders = person("shared-folders", features=EVERY, domain_folders=True)
    basic = person("anne", features=(Feature.SHARED_FOLDERS, Feature.DELEGATION))
    return Door(accounts=[person("claire", features=EVERY), person("james", features=EVERY), basic, folders])


def collection(door, owner="claire", name="calendar"):
    with door.groupware.open(door.accounts[f"{owner}@example.org"]) as account:
        return account.collection(name)


def share(door, rights, viewer="james", owner="claire", name="calendar", answer=Answer.ACCEPTED):
    """Give, and answer; the path below the viewer's home."""
    whose, who = (door.accounts[f"{one}@example.org"].id for one in (owner, viewer))
    found = collection(door, owner, name)
    run(door.people.rights.put_entry(whose, as_object(found), Entry(Identifier(Who.USER, who), parse_rights(rights))))
    if answer is not None:
        run(door.people.rights.answer(who, whose, as_object(found), answer))
    return f"/{viewer}@example.org/shared-{found.object_id}/"


def listed(door, user="james", name="D:displayname"):
    """What stands in the home, of others."""
    found = door.propfind(f"/{user}@example.org/", name, depth="1", user=user)
    return {path: values for path, values in found.items.items() if "/shared-" in path}


def sync(door, path, token="", user="james"):
    inside = f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    return door.report(path, "D:sync-collection", inside, user)


def test_what_is_offered_stands_in_the_home_once_it_is_accepted(door):
    path = share(door, "lr", answer=None)
    assert listed(door) == {}
    assert door.propfind(path, "D:displayname", user="james").status == 404
    share(door, "lr")
    assert [values[f"{DAV}displayname"].text for values in listed(door).values()] == ["Calendar (Claire)"]
    share(door, "lr", answer=Answer.REFUSED)
    assert listed(door) == {}
    assert door.propfind(path, "D:displayname", user="james").status == 404


def test_it_is_read_and_written_there_as_at_its_owners(door):
    path = share(door, "lrswite")
    assert door("PUT", path + "1.ics", event("1"), "james").status == 201
    assert "UID:1" in door("GET", THEIRS + "1.ics").text
    with door.groupware.open(door.accounts["claire@example.org"]) as account:
        assert account.usage() > 0  # it counts for its owner
    found = door.propfind(path, "D:owner", "D:resourcetype", user="james").items[f"/dav{path}"]
    assert found[f"{DAV}owner"][0].text == "/dav/claire@example.org/"
    token = sync(door, path).token
    door("PUT", THEIRS + "2.ics", event("2"))
    assert list(sync(door, path, token).items) == [f"/dav{path}2.ics"]
    assert door("MOVE", path + "2.ics", "", "james", destination="/dav/james@example.org/calendar/2.ics").status == 201
    assert door("GET", THEIRS + "2.ics").status == 404


def test_a_query_over_the_home_finds_it_and_the_audit_log_has_it(door):
    share(door, "lr")
    door("PUT", THEIRS + "1.ics", event("1"))
    inside = '<D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
    for _ in range(2):
        assert "UID:1" in door.report("/james@example.org/", "C:calendar-query", inside, "james").text
    details = {"collection": "calendar", "rights": "lr"}
    assert door.audit == [("james@example.org", "dav", "dav open", "claire@example.org", details)]


@pytest.mark.parametrize(("rights", "status"), [("lr", 403), ("lri", 201)])
def test_rights_are_those_the_owner_gave_and_each_write_is_in_the_log(door, rights, status):
    path = share(door, rights)
    assert door("PUT", path + "1.ics", event("1"), "james").status == status
    act = ("dav put", "claire@example.org", {"collection": "calendar", "item": "1.ics", "rights": rights})
    assert door.audit == [("james@example.org", "dav", *act)]


def test_a_right_that_is_taken_away_ends_at_once_and_is_offered_anew(door):
    path = share(door, "lr")
    assert door.propfind(path, "D:getetag", depth="1", user="james").status == 207
    share(door, "", answer=None)
    assert (listed(door), door.propfind(path, "D:getetag", user="james").status) == ({}, 404)
    share(door, "lr", answer=None)
    assert listed(door) == {}


def test_everybody_has_his_own_name_and_colour(door):
    path = share(door, "lr")
    values = "<D:displayname>Boss</D:displayname><I:calendar-color>#123456</I:calendar-color><x xmlns='urn:x'>y</x>"
    update = "<D:propertyupdate {}><D:{}><D:prop>{}</D:prop></D:{}></D:propertyupdate>"
    assert door("PROPPATCH", path, update.format(NAMESPACES, "set", values, "set"), "james").status == 207
    found = listed(door, name="D:displayname/><I:calendar-color/><x xmlns='urn:x'")[f"/dav{path}"]
    assert [found[one].text for one in (f"{DAV}displayname", f"{APPLE}calendar-color", "{urn:x}x")] == [
        "Boss", "#123456", "y",
    ]  # fmt: skip
    own = door.propfind(THEIRS, "D:displayname", "I:calendar-color").items[f"/dav{THEIRS}"]
    assert (own[f"{DAV}displayname"].text, own[f"{APPLE}calendar-color"].text) == ("Calendar", "#2A6FBBFF")
    door("PROPPATCH", path, update.format(NAMESPACES, "remove", "<D:displayname/>", "remove"), "james")
    assert listed(door)[f"/dav{path}"][f"{DAV}displayname"].text == "Calendar (Claire)"


@pytest.mark.parametrize(("rights", "told"), [("lr", False), ("lrswite", True)])
def test_thunderbird_takes_a_privilege_on_properties_for_one_on_items(door, rights, told):
    share(door, rights)
    (values,) = listed(door, name="D:current-user-privilege-set").values()
    names = {one.tag for one in values[f"{DAV}current-user-privilege-set"].iter()}
    assert f"{DAV}read" in names
    assert (f"{DAV}write-properties" in names) is told


def test_to_delete_it_is_to_refuse_it(door):
    path = share(door, "lrswipkxtea")
    door("PUT", THEIRS + "1.ics", event("1"))
    assert door("DELETE", path, "", "james").status == 204
    assert listed(door) == {}
    assert door("GET", THEIRS + "1.ics").status == 200
    assert door("MKCALENDAR", path, "", "james").status == 403  # nobody stands in its place


def test_plans_that_share_nothing_show_nothing(door):
    share(door, "lr", viewer="anne")
    assert listed(door, "anne") == {}


def test_what_is_a_domains_is_there_for_who_did_not_take_it_away(door):
    folders = door.accounts["shared-folders@example.org"]
    with door.groupware.open(folders) as account:
        assert account.collections() == []  # nobody's: it has none of its own
        account.create("Holidays", NewCollection(Kind.CALENDAR, ("VEVENT",), display_name="Holidays"))
    everybody = Entry(Identifier(Who.ANYONE, "example.org"), parse_rights("lr"))
    on = as_object(collection(door, "shared-folders", "Holidays"))
    run(door.people.rights.put_entry(folders.id, on, everybody))
    for user in ("james", "anne"):
        (path,) = listed(door, user)
        assert listed(door, user)[path][f"{DAV}displayname"].text == "Holidays"
    assert door("DELETE", path.removeprefix("/dav"), "", "anne").status == 204
    assert (listed(door, "anne"), len(listed(door))) == ({}, 1)


def test_a_delegate_who_accepts_has_all_of_it_in_his_home_and_may_take_some_away(door):
    claire, james = (door.accounts[f"{one}@example.org"].id for one in ("claire", "james"))
    collection(door)
    run(door.people.rights.delegate(Delegation(claire, james, Bundle.EDITOR, SendRight.NO)))
    proxy = f"{SERVER}calendar-proxy-write-for"
    asked = door.propfind("/james@example.org/", "S:calendar-proxy-write-for", user="james").items[HOME]
    assert (listed(door), len(asked[proxy])) == ({}, 1)
    run(door.people.rights.answer(james, claire, None, Answer.ACCEPTED))
    assert len(listed(door)) == 3
    asked = door.propfind("/james@example.org/", "S:calendar-proxy-write-for", user="james").items[HOME]
    assert len(asked[proxy]) == 0  # they would be there twice
    book = next(path for path in listed(door) if collection(door, name="contacts").object_id in path)
    assert door("PUT", book.removeprefix("/dav") + "1.vcf", card("1", "Anne"), "james").status == 201
    door("DELETE", book.removeprefix("/dav"), "", "james")
    assert len(listed(door)) == 2


def test_what_becomes_private_goes_away_for_who_may_not_see_it(door):
    path = share(door, "lr0")
    door("PUT", THEIRS + "1.ics", event("1"))
    first = sync(door, path)
    assert list(first.items) == [f"/dav{path}1.ics"]
    door("PUT", THEIRS + "1.ics", event("1", "20261103T090000Z", "CLASS:PRIVATE"))
    assert sync(door, path, first.token).statuses == {f"/dav{path}1.ics": 404}
    share(door, "lr")  # who sees more now reads all anew
    assert sync(door, path, first.token).status == 403
    assert list(sync(door, path).items) == [f"/dav{path}1.ics"]


_BASIC = (Feature.SHARED_FOLDERS, Feature.DELEGATION)
_PREMIUM = (*_BASIC, Feature.SHARING, Feature.FREE_BUSY)


@pytest.mark.parametrize(
    ("owner", "viewer", "sees"),
    [
        ((_BASIC, "optimails"), (_BASIC, "optimails"), {"delegated"}),
        ((_PREMIUM, "optimails"), (_BASIC, "optimails"), {"delegated"}),
        ((_BASIC, "optimails"), (_PREMIUM, "optimails"), {"delegated"}),
        ((_PREMIUM, "optimails"), (_PREMIUM, "optimails"), {"shared", "delegated"}),
        ((_PREMIUM, "exchange"), (_PREMIUM, "exchange"), {"shared", "delegated"}),
        ((_PREMIUM, "exchange"), (_PREMIUM, "optimails"), set()),
    ],
)
@pytest.mark.parametrize("name", ["calendar", "tasks", "contacts"])
def test_two_plans_together_say_what_is_seen(name, owner, viewer, sees):
    people = [person("claire", *owner), person("james", *viewer), person("zoe", *owner)]
    door = Door(accounts=people)
    other, james = people[2].id, people[1].id
    shared = share(door, "lr", name=name)
    collection(door, "zoe", name)
    run(door.people.rights.delegate(Delegation(other, james, Bundle.READER, SendRight.NO)))
    run(door.people.rights.answer(james, other, None, Answer.ACCEPTED))
    found = {f"/james@example.org/shared-{collection(door, 'zoe', name).object_id}/": "delegated", shared: "shared"}
    assert {found[path.removeprefix("/dav")] for path in listed(door) if path.removeprefix("/dav") in found} == sees
    assert door.propfind(shared, "D:getetag", user="james").status == (207 if "shared" in sees else 404)
