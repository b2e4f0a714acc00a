"""Access lists in DAV's words: what is told of them, what the ACL method changes, and how it says no (RFC 3744)."""

from asyncio import run

import pytest

from optimails.groupware.api import as_object
from optimails.model.account import Feature
from optimails.model.rights import Entry, Identifier, Who, letters, parse_rights
from tests.support.calendars import event
from tests.support.dav import DAV, NAMESPACES, Door, person

CALENDAR = "/claire@example.org/calendar/"
EVERY = tuple(Feature)


@pytest.fixture
def door():
    found = Door(accounts=[person("claire", features=EVERY), person("james", features=EVERY), person("anne")])
    found.people.rights.groups["team@example.org"] = {"james@example.org"}
    return found


def on(door):
    with door.groupware.open(door.accounts["claire@example.org"]) as account:
        return as_object(account.collection("calendar"))


def give(door, who, rights, *, negative=False):
    owner = door.accounts["claire@example.org"].id
    run(door.people.rights.put_entry(owner, on(door), Entry(who, parse_rights(rights), negative)))


def user(door, name):
    return Identifier(Who.USER, door.accounts[f"{name}@example.org"].id)


def entries(door):
    found = door.people.sharing(door.accounts["claire@example.org"].id).entries.get(on(door), ())
    shown = door.people.shown([one.identifier for one in found])
    return {("-" if one.negative else "") + shown[one.identifier]: letters(one.rights) for one in found}


def ace(who, *privileges, verb="grant"):
    principal = f"<D:href>/dav/{who}/</D:href>" if "@" in who else f"<D:{who}/>"
    given = "".join(f"<D:privilege><{one}/></D:privilege>" for one in privileges)
    return f"<D:ace><D:principal>{principal}</D:principal><D:{verb}>{given}</D:{verb}></D:ace>"


def acl(door, *aces, path=CALENDAR, user="claire"):
    return door("ACL", path, f"<D:acl {NAMESPACES}>{''.join(aces)}</D:acl>", user)


def shown(door):
    """The ACEs of the collection: (principal, privileges, protected)."""
    found = door.propfind(CALENDAR, "D:acl").items[f"/dav{CALENDAR}"][f"{DAV}acl"]
    return [
        (
            one.findtext(f"{DAV}principal/{DAV}href") or one[0][0].tag.removeprefix(DAV),
            {privilege[0].tag.rpartition("}")[2] for privilege in one[1]},
            one.find(f"{DAV}protected") is not None,
        )
        for one in found
    ]


@pytest.mark.parametrize(
    ("privileges", "rights"),
    [
        (("D:read",), "lrs9"),
        (("D:read", "D:write"), "lrswite9"),
        (("D:read", "D:bind"), "lrsi9"),
        (("C:read-free-busy",), "9"),
        (("D:read", "D:unbind", "D:write-acl"), "lrstea9"),
        (("D:all",), "lrswipkxtea9"),
    ],
)
def test_privileges_are_rights(door, privileges, rights):
    assert acl(door, ace("james@example.org", *privileges)).status == 200
    assert entries(door) == {"james@example.org": rights}
    told = shown(door)[-1]
    assert told[0] == "/dav/james@example.org/"
    assert {one.partition(":")[2] for one in privileges} <= told[1]
    assert acl(door).status == 200  # an empty list takes all away
    assert (entries(door), len(shown(door))) == ({}, 1)


def test_what_was_told_can_be_sent_back_and_changes_nothing(door):
    give(door, user(door, "james"), "lrswipkxte0")
    give(door, Identifier(Who.ANYONE, "example.org"), "lr")
    give(door, Identifier(Who.GROUP, "team@example.org"), "lr9")
    give(door, Identifier(Who.GROUP, "team@example.org"), "w", negative=True)
    give(door, Identifier(Who.DOMAIN, "example.net"), "9")
    before = entries(door)
    told = door.propfind(CALENDAR, "D:acl").body.decode()
    inside = told.partition("<D:acl>")[2].partition("</D:acl>")[0]
    assert acl(door, inside).status == 200
    assert entries(door) == before
    assert acl(door, ace("james@example.org", "D:read")).status == 200
    left = {name for name, rights in entries(door).items() if name.startswith("-") or rights == "9"}
    assert len(left) == 2  # what a request cannot say is protected
    assert entries(door)["james@example.org"] == "lrs90"  # and private items stay hidden


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (ace("nobody@example.org", "D:read"), "recognized-principal"),
        (ace("all", "D:read"), "allowed-principal"),
        (ace("james@example.org", "D:read", verb="deny"), "grant-only"),
        (ace("james@example.org", "D:unlock"), "not-supported-privilege"),
        (ace("james@example.org", "D:write-properties"), "no-abstract"),
        (ace("james@example.org", "D:read").replace("<D:principal>", "<D:invert/><D:principal>"), "no-invert"),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole(door, wrong, why):
    reply = acl(door, ace("james@example.org", "D:read"), wrong)
    assert (reply.status, reply.precondition, entries(door)) == (403, [f"{DAV}{why}"], {})


def test_bodies_that_are_none(door):
    for body in ("", "<x/>", f"<D:acl {NAMESPACES}><D:ace/></D:acl>"):
        assert door("ACL", CALENDAR, body).status == 400


def test_only_the_owner_and_who_may_administer_changes_it(door):
    give(door, user(door, "james"), "lr")
    refused = acl(door, ace("anne@example.org", "D:read"), user="james")
    assert (refused.status, refused.precondition) == (403, [f"{DAV}need-privileges"])
    assert "<D:privilege><D:write-acl/></D:privilege>" in refused.text
    give(door, user(door, "james"), "lra")
    assert acl(door, ace("james@example.org", "D:read", "D:write-acl"), ace("authenticated", "C:read-free-busy"),
               user="james").status == 200  # fmt: skip
    assert entries(door) == {"james@example.org": "lra", "anyone:example.org": "9"}
    assert [line[2] for line in door.audit[-2:]] == ["dav acl", "dav acl"]
    assert acl(door, path="/claire@example.org/").status == 403


def test_a_plan_that_shares_nothing_gives_no_rights_but_takes_them(door):
    path = "/anne@example.org/calendar/"
    assert acl(door, ace("james@example.org", "D:read"), path=path, user="anne").status == 403
    assert acl(door, path=path, user="anne").status == 200


@pytest.mark.parametrize(
    ("rights", "method", "lacks"),
    [("lr", "PUT", "bind"), ("lr", "DELETE", "unbind"), ("lr", "PROPPATCH", "write-acl"), ("9", "GET", "read")],
)
def test_whoever_lacks_a_right_is_told_which(door, rights, method, lacks):
    door("PUT", CALENDAR + "1.ics", event("1"))
    give(door, user(door, "james"), rights)
    path = {"PUT": CALENDAR + "2.ics", "PROPPATCH": CALENDAR}.get(method, CALENDAR + "1.ics")
    values = "<D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set>"
    body = f"<D:propertyupdate {NAMESPACES}>{values}</D:propertyupdate>" if method == "PROPPATCH" else event("2")
    refused = door(method, path, body, "james")
    assert (refused.status, refused.precondition) == (403, [f"{DAV}need-privileges"])
    assert f"<D:{lacks}/>" in refused.text
