"""Rooms as calendar programs see them: found by what they are, invited, and answering at once."""

from dataclasses import replace

import pytest

from optimails.model.resource import Resource, ResourceKind
from tests.support.calendars import calendar, component
from tests.support.dav import CAL, Door, person

ROOM, VAN = "/dav/room@example.org/", "/dav/van@example.org/"


@pytest.fixture
def door():
    door = Door()
    for name, kind in (("room", ResourceKind.ROOM), ("van", ResourceKind.EQUIPMENT)):
        door.accounts[f"{name}@example.org"] = replace(person(name), name=f"The {name}", resource=Resource(kind))
    return door


def condition(name, text):
    return f"<D:property-search><D:prop><{name}/></D:prop><D:match>{text}</D:match></D:property-search>"


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([("C:calendar-user-type", "ROOM")], [ROOM]),
        ([("C:calendar-user-type", "resource")], [VAN]),
        ([("D:displayname", "the")], [ROOM, VAN]),
        ([("D:displayname", "the"), ("C:calendar-user-type", "ROOM")], [ROOM]),
        ([("D:displayname", "van"), ("C:calendar-user-type", "ROOM")], []),
        ([("S:email-address-set", "roo")], [ROOM]),
        ([("D:nonsense", "room")], []),
    ],
)
def test_rooms_are_found(door, conditions, found):
    inside = "".join(condition(*one) for one in conditions) + "<D:prop><C:calendar-user-type/></D:prop>"
    answer = door.report("/", "D:principal-property-search", inside)
    assert list(answer.items) == found
    types = {ROOM: "ROOM", VAN: "RESOURCE"}
    assert all(answer.value(path, f"{CAL}calendar-user-type") == types[path] for path in found)


def meeting(uid, by, *lines):
    people = f"ORGANIZER:mailto:{by}@example.org", "ATTENDEE;CUTYPE=ROOM:mailto:room@example.org"
    times = "DTSTART:20991103T090000Z", "DTEND:20991103T100000Z"
    return calendar(component("VEVENT", uid, *times, *people, *lines))


def test_a_room_answers_at_once(door):
    room = door.accounts["room@example.org"]
    door.accounts["room@example.org"] = replace(room, resource=replace(room.resource, horizon=None))
    for user in ("claire", "james"):
        path = f"/{user}@example.org/calendar/{user}.ics"
        assert door("PUT", path, meeting(user, user), user).status == 201
    answers = {
        user: door("GET", f"/{user}@example.org/calendar/{user}.ics", user=user).text.replace("\r\n ", "")
        for user in ("claire", "james")
    }
    assert "PARTSTAT=ACCEPTED" in answers["claire"]
    assert "PARTSTAT=DECLINED" in answers["james"]
